"""The stages that need forward passes.

``capture`` (scored positions), ``moments`` (all tokens, for OCA) and ``stream`` (what the MLP reads, for the mass
``effect``).
"""

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
STREAM = 1
"""The same of the stream that an MLP reads."""


def capture_layers(context: Context[CommonConfig]) -> None:
    """Compute what the folder lacks of ``capture/L..``, ``moments/L..`` and ``stream/L..``, going up layer by layer.

    A walk that is killed continues at the layer where it was.
    """
    config, analysis = context.config, context.analysis
    missing: dict[int, dict[str, str]] = {}
    for layer in config.layers:
        keys = {stage: _key(context, stage, layer) for stage in _stages(config, layer)}
        lacking = {
            stage: key for stage, key in keys.items() if not analysis.has(layer_unit(stage, layer), key, context.report)
        }
        if lacking:
            missing[layer] = lacking
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

    all_tokens = any("moments" in stages for stages in missing.values())
    found = capturing.capture(
        model, batched, list(missing), analysis.path, _inputs(context), all_tokens=all_tokens, begin=begin
    )
    started = time.perf_counter()
    for layer, kept in found:
        _commit(context, layer, missing[layer], kept, time.perf_counter() - started)
        started = time.perf_counter()


def load_capture(context: Context[CommonConfig], layer: int) -> LayerCapture:
    """Read a layer's capture back, without moments and ``x``, onto the analysis's device."""
    path = context.analysis.file(layer_unit("capture", layer), ".safetensors")
    with safe_open(path, "pt", device=str(context.device)) as stored:
        tensors = {name: stored.get_tensor(name) for name in ("y", "tuned", "base")}
    return LayerCapture(**tensors, moments=None)


def load_stream(context: Context[CommonConfig], layer: int) -> torch.Tensor:
    """Read back the stream ``x`` [B, d] that a layer's MLP reads, onto the analysis's device."""
    path = context.analysis.file(layer_unit("stream", layer), ".safetensors")
    with safe_open(path, "pt", device=str(context.device)) as stored:
        return stored.get_tensor("x")


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


def _stages(config: CommonConfig, layer: int) -> list[str]:
    """What is kept of a layer."""
    # The first layer is nobody's target.
    followed_into = config.mass == "effect" and layer != config.layers[0]
    return ["capture", *(["moments"] if config.all_tokens else []), *(["stream"] if followed_into else [])]


def _key(context: Context[CommonConfig], stage: str, layer: int) -> str:
    own = {"moments": {"moments": MOMENTS}, "stream": {"stream": STREAM}}.get(stage, {})
    return key_of(stage="capture", inputs=_inputs(context), reference=context.config.reference, layer=layer, **own)


def _commit(context: Context[CommonConfig], layer: int, keys: dict[str, str], kept: LayerCapture, spent: float) -> None:
    """Keep what the folder lacks; the first unit bears the time of the walk."""
    for stage, key in keys.items():
        tensors = _tensors(stage, kept)
        context.analysis.commit(
            layer_unit(stage, layer),
            key,
            lambda path, tensors=tensors: save_file(tensors, path.with_suffix(".safetensors")),  # type: ignore[misc]
            spent=spent,
        )
        context.done.append(layer_unit(stage, layer))
        spent = 0.0


def _tensors(stage: str, kept: LayerCapture) -> dict[str, torch.Tensor]:
    if stage == "moments":
        assert kept.moments is not None
        return _stored(kept.moments)
    if stage == "stream":
        assert kept.x is not None
        return {"x": kept.x}
    return {"y": kept.y, "tuned": kept.tuned, "base": kept.base}


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
