"""The stages that need forward passes: ``capture`` (scored positions) and ``moments`` (all tokens, for OCA)."""

import time
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.config import CommonConfig
from hedonic_graph.models import capture as capturing
from hedonic_graph.models.capture import CaptureState, LayerCapture
from hedonic_graph.models.moments import Moments
from hedonic_graph.pipeline.context import Context
from hedonic_graph.progress import bar

VERSION = 1
"""Part of every key: raise it when a change alters what a capture holds."""

_CHECKPOINT_EVERY = 60.0
"""Seconds of work that a killed capture may lose, at least."""


def capture_layers(context: Context[CommonConfig]) -> None:
    """Compute what the folder lacks of ``capture/L..`` and ``moments/L..``, all layers in one pass.

    A pass that is killed continues from its last checkpoint.
    """
    config, analysis = context.config, context.analysis
    all_tokens = config.all_tokens
    keys = {layer: _key(context, layer) for layer in config.layers}
    stages = ("capture", "moments") if all_tokens else ("capture",)
    missing = [
        layer
        for layer in config.layers
        if not all(analysis.has(layer_unit(stage, layer), keys[layer], context.report) for stage in stages)
    ]
    if not missing:
        return
    model = context.model
    batched = capturing.batches(
        model,
        [pair.prompt for pair in context.pairs],
        batch_size=config.batch_size,
        max_tokens=config.max_tokens,
    )
    checkpoint = _Checkpoint(
        analysis.path / ".capture.safetensors",
        key_of(keys=[keys[layer] for layer in missing], layers=missing, batch=config.batch_size, all_tokens=all_tokens),
    )
    state = checkpoint.load(model.device)
    if state is None:
        state = capturing.new_state(model, missing, len(context.pairs), all_tokens=all_tokens)
    else:
        context.report(f"continuing the capture at batch {state.done + 1} of {len(batched)}")
    started = time.perf_counter()
    progress = bar("capture", total=len(context.pairs), unit="pair")
    progress.update(sum(len(batch.examples) for batch in batched[: state.done]))
    with progress:
        state = capturing.capture(
            model,
            batched,
            state,
            reference=config.reference,  # type: ignore[arg-type]
            progress=progress,
            checkpoint=checkpoint.maybe_save,
        )
    spent = (time.perf_counter() - started) / len(missing)
    for layer, kept in state.layers.items():
        _commit(context, layer, keys[layer], kept, spent)
    checkpoint.path.unlink(missing_ok=True)


def load_capture(context: Context[CommonConfig], layer: int) -> LayerCapture:
    """Read a layer's capture back, without moments, onto the analysis's device."""
    path = context.analysis.file(layer_unit("capture", layer), ".safetensors")
    with safe_open(path, "pt", device=str(context.device)) as stored:
        tensors = {name: stored.get_tensor(name) for name in ("y", "tuned", "base")}
    return LayerCapture(**tensors, moments=None)


def load_moments(context: Context[CommonConfig], layer: int) -> Moments:
    """Read a layer's moments over all tokens back, onto the analysis's device."""
    path = context.analysis.file(layer_unit("moments", layer), ".safetensors")
    with safe_open(path, "pt", device=str(context.device)) as stored:
        return Moments(int(stored.get_tensor("count")), stored.get_tensor("mean"), stored.get_tensor("comoment"))


def _key(context: Context[CommonConfig], layer: int) -> str:
    return key_of(
        stage="capture",
        version=VERSION,
        model=context.subject.fingerprint,
        text=context.analysis.content("text/pairs"),
        reference=context.config.reference,
        max_tokens=context.config.max_tokens,
        layer=layer,
    )


def _commit(context: Context[CommonConfig], layer: int, key: str, kept: LayerCapture, spent: float) -> None:
    tensors = {"y": kept.y, "tuned": kept.tuned, "base": kept.base}
    context.analysis.commit(
        layer_unit("capture", layer),
        key,
        lambda path: save_file(tensors, path.with_suffix(".safetensors")),
        spent=spent,
    )
    context.done.append(layer_unit("capture", layer))
    if kept.moments is not None:
        stored = _stored(kept.moments)
        context.analysis.commit(
            layer_unit("moments", layer), key, lambda path: save_file(stored, path.with_suffix(".safetensors"))
        )
        context.done.append(layer_unit("moments", layer))


def _stored(moments: Moments) -> dict[str, torch.Tensor]:
    return {
        "count": torch.tensor(moments.count),
        "mean": moments.mean.cpu(),
        "comoment": moments.comoment.cpu(),
    }


class _Checkpoint:
    """The capture so far, in one file beside the manifest; written so rarely that it costs little."""

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.key = key
        self._wait = _CHECKPOINT_EVERY
        self._last = time.monotonic()

    def maybe_save(self, state: CaptureState) -> None:
        """Save where enough work would be lost otherwise: a twentieth of the time at most goes into saving."""
        if time.monotonic() - self._last < self._wait:
            return
        started = time.monotonic()
        tensors: dict[str, torch.Tensor] = {}
        for layer, kept in state.layers.items():
            parts = {"y": kept.y, "tuned": kept.tuned, "base": kept.base}
            parts |= _stored(kept.moments) if kept.moments is not None else {}
            tensors |= {f"{layer}.{name}": tensor for name, tensor in parts.items()}
        temporary = self.path.with_suffix(".tmp")
        save_file(tensors, temporary, metadata={"key": self.key, "done": str(state.done)})
        temporary.replace(self.path)
        self._last = time.monotonic()
        self._wait = max(_CHECKPOINT_EVERY, 20 * (self._last - started))

    def load(self, device: torch.device) -> CaptureState | None:
        """Return the saved state where it belongs to this very capture and is readable."""
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, "pt") as stored:
                metadata = stored.metadata()
                tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        except (SafetensorError, OSError):
            return None
        if metadata.get("key") != self.key:
            return None
        layers: dict[int, LayerCapture] = {}
        for number in sorted({int(name.partition(".")[0]) for name in tensors}):
            part = {name.partition(".")[2]: value for name, value in tensors.items() if name.startswith(f"{number}.")}
            kept = LayerCapture(part["y"], part["tuned"], part["base"], None)
            if "count" in part:
                moments = Moments(int(part["count"]), part["mean"].to(device), part["comoment"].to(device))
                kept = replace(kept, moments=moments)
            layers[number] = kept
        return CaptureState(int(metadata["done"]), layers)
