"""The stages that need forward passes: ``capture`` (scored positions) and ``moments`` (all tokens, for OCA)."""

import time

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.config import CommonConfig
from hedonic_graph.models import capture as capturing
from hedonic_graph.models.capture import LayerCapture
from hedonic_graph.models.moments import Moments
from hedonic_graph.pipeline.context import Context
from hedonic_graph.progress import Progress, bar

VERSION = 3
"""Part of every key: raise it when a change alters what a capture holds."""
MOMENTS = 2
"""The same of moments over all tokens."""


def capture_layers(context: Context[CommonConfig]) -> None:
    """Compute what the folder lacks of ``capture/L..`` and ``moments/L..``, going up layer by layer.

    A walk that is killed continues at the layer where it was.
    """
    config, analysis = context.config, context.analysis
    all_tokens = config.all_tokens
    stages = ("capture", "moments") if all_tokens else ("capture",)
    keys = {layer: {stage: _key(context, stage, layer) for stage in stages} for layer in config.layers}
    missing = [
        layer
        for layer in config.layers
        if not all(analysis.has(layer_unit(stage, layer), keys[layer][stage], context.report) for stage in stages)
    ]
    if not missing:
        return
    model = context.model
    batched = capturing.batches(
        model,
        context.prompts,
        batch_size=config.batch_size,
        max_tokens=config.max_tokens,
    )

    def begin(first: int, layers: int) -> Progress:
        if first:
            context.report(f"continuing the capture at layer {first}")
        return bar("capture", total=layers * len(context.pairs), unit="pair")

    found = capturing.capture(
        model, batched, missing, analysis.path, _inputs(context), all_tokens=all_tokens, begin=begin
    )
    started = time.perf_counter()
    for layer, kept in found:
        _commit(context, layer, keys[layer], kept, time.perf_counter() - started)
        started = time.perf_counter()


def load_capture(context: Context[CommonConfig], layer: int) -> LayerCapture:
    """Read a layer's capture back, without moments, onto the analysis's device."""
    path = context.analysis.file(layer_unit("capture", layer), ".safetensors")
    with safe_open(path, "pt", device=str(context.device)) as stored:
        tensors = {name: stored.get_tensor(name) for name in ("y", "tuned", "base")}
    return LayerCapture(**tensors, moments=None)


def load_moments(context: Context[CommonConfig], layer: int, half: int | None = None) -> Moments:
    """Read a layer's moments over all tokens, or over those of one half of the examples, onto the analysis's device."""
    path = context.analysis.file(layer_unit("moments", layer), ".safetensors")
    with safe_open(path, "pt", device=str(context.device)) as stored:
        first, *rest = (
            Moments(
                int(stored.get_tensor(f"count.{part}")),
                stored.get_tensor(f"mean.{part}"),
                stored.get_tensor(f"comoment.{part}"),
            )
            for part in ((0, 1) if half is None else (half,))
        )
    for other in rest:
        first.merge(other)
    return first


def _inputs(context: Context[CommonConfig]) -> str:
    """A key over all that decides what the model reads and computes."""
    return key_of(
        version=VERSION,
        model=context.subject.fingerprint,
        text=context.analysis.content("text/pairs"),
        prompt=context.config.prompt,
        max_tokens=context.config.max_tokens,
    )


def _key(context: Context[CommonConfig], stage: str, layer: int) -> str:
    own = {"moments": MOMENTS} if stage == "moments" else {}
    return key_of(stage="capture", inputs=_inputs(context), reference=context.config.reference, layer=layer, **own)


def _commit(context: Context[CommonConfig], layer: int, keys: dict[str, str], kept: LayerCapture, spent: float) -> None:
    tensors = {"y": kept.y, "tuned": kept.tuned, "base": kept.base}
    context.analysis.commit(
        layer_unit("capture", layer),
        keys["capture"],
        lambda path: save_file(tensors, path.with_suffix(".safetensors")),
        spent=spent,
    )
    context.done.append(layer_unit("capture", layer))
    if kept.moments is not None:
        stored = _stored(kept.moments)
        context.analysis.commit(
            layer_unit("moments", layer),
            keys["moments"],
            lambda path: save_file(stored, path.with_suffix(".safetensors")),
        )
        context.done.append(layer_unit("moments", layer))


def _stored(halves: tuple[Moments, Moments]) -> dict[str, torch.Tensor]:
    return {
        f"{name}.{half}": value.cpu()
        for half, moments in enumerate(halves)
        for name, value in (
            ("count", torch.tensor(moments.count)),
            ("mean", moments.mean),
            ("comoment", moments.comoment),
        )
    }
