"""Forward passes that keep what the valuations need, and nothing of size examples x tokens x neurons.

For every analysed layer and example: the residual stream after the MLP and the tuned and base activations
at the scored position (DESIGN §3.1). For OCA over all tokens: running moments of the tuned activations.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from hedonic_graph.errors import UserError
from hedonic_graph.models.load import LoadedModel
from hedonic_graph.models.moments import Moments
from hedonic_graph.progress import Progress

Reference = Literal["base", "zero", "mean"]


@dataclass
class LayerCapture:
    """What one layer showed; B examples, n neurons, model dimension d, float32 on the CPU."""

    y: Tensor
    """Residual stream right after the MLP was added, at the scored position, [B, d]."""
    tuned: Tensor
    """Activations of the tuned model there, [B, n]."""
    base: Tensor
    """Activations from the same MLP input with the base's weights, [B, n]; see ``reference``."""
    moments: Moments | None
    """Of the tuned activations over all non-padding tokens, where they were asked for."""


@dataclass
class CaptureState:
    """A capture on its way: the first ``done`` batches are in ``layers``."""

    done: int
    layers: dict[int, LayerCapture]


@dataclass(frozen=True)
class Batch:
    """A padded batch: which examples, and their tokens."""

    examples: Tensor
    """[b], positions in the list of prompts"""
    input_ids: Tensor
    """[b, t]"""
    mask: Tensor
    """[b, t], 1 for tokens, 0 for padding"""


def batches(model: LoadedModel, prompts: Sequence[str], *, batch_size: int, max_tokens: int) -> list[Batch]:
    """Tokenise prompts and pad them in batches of similar length, longest first.

    Prompts of more than ``max_tokens`` tokens lose their end. Padding goes on the side the tokenizer uses.
    """
    ids = model.tokenizer(list(prompts), truncation=True, max_length=max_tokens)["input_ids"]
    order = sorted(range(len(ids)), key=lambda example: (-len(ids[example]), example))
    found = []
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        padded = model.tokenizer.pad({"input_ids": [ids[example] for example in chosen]}, return_tensors="pt")
        found.append(Batch(torch.tensor(chosen), padded["input_ids"], padded["attention_mask"]))
    return found


def new_state(model: LoadedModel, layers: Sequence[int], examples: int, *, all_tokens: bool) -> CaptureState:
    """An empty capture of ``examples`` examples; ``all_tokens`` asks for moments over all tokens."""
    found = {}
    for layer in layers:
        d, n = model.block(layer).tuned.down.shape
        y, tuned, base = torch.zeros(examples, d), torch.zeros(examples, n), torch.zeros(examples, n)
        found[layer] = LayerCapture(y, tuned, base, Moments.empty(n, model.device) if all_tokens else None)
    return CaptureState(0, found)


def capture(
    model: LoadedModel,
    batched: Sequence[Batch],
    state: CaptureState,
    *,
    reference: Reference = "base",
    progress: Progress | None = None,
    checkpoint: Callable[[CaptureState], None] | None = None,
) -> CaptureState:
    """Run the batches that ``state`` does not hold yet and return the completed state.

    ``checkpoint`` is called after each batch with a state that can be continued from. ``reference`` says
    what the base activations are (DESIGN §3.1). Raises UserError where activations are not finite.
    """
    blocks = {layer: model.block(layer) for layer in state.layers}
    with torch.inference_mode(), _taps(model, state.layers) as taps:
        for batch in batched[state.done :]:
            mask = batch.mask.to(model.device)
            rows = torch.arange(len(mask), device=model.device)
            scored = last_token(mask)
            model.backbone(
                input_ids=batch.input_ids.to(model.device),
                attention_mask=mask,
                position_ids=(mask.cumsum(-1) - 1).clamp_min(0),
                use_cache=False,
            )
            for layer, kept in state.layers.items():
                seen = taps[layer]
                y, tuned = seen["y"][rows, scored].float(), seen["a"][rows, scored].float()
                if not bool(torch.isfinite(y).all() and torch.isfinite(tuned).all()):
                    raise UserError(f"layer {layer} gives values that are not finite (NaN or infinite)")
                kept.y[batch.examples] = y.cpu()
                kept.tuned[batch.examples] = tuned.cpu()
                if reference == "base":
                    block = blocks[layer]
                    h = seen["h"][rows, scored].float()
                    kept.base[batch.examples] = block.activations(h, block.base).cpu()
                if kept.moments is not None:
                    kept.moments.add(seen["a"][mask.bool()].float())
            state.done += 1
            if progress is not None:
                progress.update(len(batch.examples))
            if checkpoint is not None:
                checkpoint(state)
    if reference == "mean":
        for kept in state.layers.values():
            kept.base[:] = kept.tuned.mean(0)
    return state


def last_token(mask: Tensor) -> Tensor:
    """The scored position [b]: the last non-padding token of each row of ``mask`` [b, t]."""
    return mask.shape[1] - 1 - mask.flip(1).argmax(1)


@contextmanager
def _taps(model: LoadedModel, layers: Any) -> Iterator[dict[int, dict[str, Tensor]]]:
    """Hooks that keep, per layer, the MLP's input ``h``, the down projection's input ``a`` and the output ``y``."""
    taps: dict[int, dict[str, Tensor]] = {layer: {} for layer in layers}
    handles = []

    def keep_input(seen: dict[str, Tensor], name: str) -> Callable[..., None]:
        def hook(_: Any, args: tuple[Tensor, ...]) -> None:
            seen[name] = args[0]

        return hook

    def keep_output(seen: dict[str, Tensor]) -> Callable[..., None]:
        def hook(_: Any, __: Any, output: Any) -> None:
            seen["y"] = output[0] if isinstance(output, tuple) else output

        return hook

    for layer, seen in taps.items():
        module = model.layer(layer)
        mlp = module.get_submodule(model.architecture.mlp)
        handles.append(mlp.register_forward_pre_hook(keep_input(seen, "h")))
        down = mlp.get_submodule(model.architecture.down)
        handles.append(down.register_forward_pre_hook(keep_input(seen, "a")))
        handles.append(module.register_forward_hook(keep_output(seen)))
    try:
        yield taps
    finally:
        for handle in handles:
            handle.remove()
