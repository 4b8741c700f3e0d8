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
from hedonic_graph.models.mlp import activations
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
    taps = {layer: _Tap(kept.moments) for layer, kept in state.layers.items()}
    # Where nothing is wrapped or converted these are the model's own tensors, not copies.
    bases = {}
    for layer in state.layers if reference == "base" else ():
        block = model.block(layer)
        bases[layer] = (block.activation, block.base)
    with torch.inference_mode(), _attached(model, taps):
        for batch in batched[state.done :]:
            mask = batch.mask.to(model.device)
            for tap in taps.values():
                tap.expect(mask)
            model.backbone(
                input_ids=batch.input_ids.to(model.device),
                attention_mask=mask,
                position_ids=(mask.cumsum(-1) - 1).clamp_min(0),
                use_cache=False,
            )
            for layer, kept in state.layers.items():
                tap = taps[layer]
                if not bool(torch.isfinite(tap.y).all() and torch.isfinite(tap.a).all()):
                    raise UserError(f"layer {layer} gives values that are not finite (NaN or infinite)")
                kept.y[batch.examples] = tap.y.cpu()
                kept.tuned[batch.examples] = tap.a.cpu()
                if reference == "base":
                    kept.base[batch.examples] = activations(tap.h, *bases[layer]).cpu()
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


class _Tap:
    """What passes one layer's MLP, reduced as it passes: nothing of a batch's full length is kept."""

    h: Tensor
    """The MLP's input at the scored positions, [b, d]."""
    a: Tensor
    """The down projection's input there, [b, n]."""
    y: Tensor
    """The layer's output there, [b, d]."""

    def __init__(self, moments: Moments | None) -> None:
        self._moments = moments

    def expect(self, mask: Tensor) -> None:
        """Prepare for a batch with this ``mask`` [b, t]."""
        self._mask = mask.bool()
        self._rows = torch.arange(len(mask), device=mask.device)
        self._scored = last_token(mask)

    def take_h(self, _: Any, args: tuple[Tensor, ...]) -> None:
        """Hook in front of the MLP."""
        self.h = self._at_scored(args[0])

    def take_a(self, _: Any, args: tuple[Tensor, ...]) -> None:
        """Hook in front of the down projection."""
        self.a = self._at_scored(args[0])
        if self._moments is not None:
            self._moments.add(args[0][self._mask].float())

    def take_y(self, _: Any, __: Any, output: Any) -> None:
        """Hook behind the layer."""
        self.y = self._at_scored(output[0] if isinstance(output, tuple) else output)

    def _at_scored(self, values: Tensor) -> Tensor:
        return values[self._rows, self._scored].float()


@contextmanager
def _attached(model: LoadedModel, taps: dict[int, _Tap]) -> Iterator[None]:
    handles = []
    for layer, tap in taps.items():
        module = model.layer(layer)
        mlp = module.get_submodule(model.architecture.mlp)
        handles.append(mlp.register_forward_pre_hook(tap.take_h))
        handles.append(mlp.get_submodule(model.architecture.down).register_forward_pre_hook(tap.take_a))
        handles.append(module.register_forward_hook(tap.take_y))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
