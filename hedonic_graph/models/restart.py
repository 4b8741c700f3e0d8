"""Scores of the full model with groups of one layer's neurons ablated at every position (DESIGN §3.7).

A forward pass starts again at that layer, from the residual stream that enters it. Groups go up together, layer by
layer, so that the weights of each layer are read once for all of them.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from hedonic_graph.blocks import shrinking
from hedonic_graph.errors import UserError
from hedonic_graph.models.load import check_layers
from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.models.mlp import MLPBlock
from hedonic_graph.models.walk import Batch, embedding, through
from hedonic_graph.progress import Progress, Silent

MEMORY = 1 << 30
"""Bytes that the residual streams of groups take at most, unless told otherwise."""
TOKENS = 4096
"""Tokens, padding among them, that pass a layer at once."""

Begin = Callable[[int], Progress]
"""From a number of steps, an example through a layer each, to the bar that takes them."""


class Restart:
    """The residual stream of B examples where it enters ``layer``, and what the model makes of it from there.

    Holds the stream of every non-padding token in memory, on the model's device: 4 bytes x tokens x d.
    """

    whole: np.ndarray
    """The scores of the tuned model as it is, float64 [B]."""

    def __init__(
        self, model: LoadedModel, batched: Sequence[Batch], layer: int, *, begin: Begin = lambda steps: Silent()
    ) -> None:
        """Walk up to ``layer`` and on to the score; ``batched`` is what ``capture.batches`` gives.

        The score is the task head's, or the difference of two tokens' logits, at the scored position. Raises
        UserError for a layer that is not there or was not tuned, where neurons go back to a mean, for weights
        above the layer that are missing and for values that are not finite.
        """
        check_layers((layer,), len(model.layers), model.weights.name)
        if model.reference == "mean":
            raise UserError("ablation in the full model takes neurons back to the base or to zero: not to a mean")
        self._model, self._batched, self._layer = model, batched, layer
        self._masks = [batch.mask.bool().to(model.device) for batch in batched]
        self.examples = sum(len(batch.examples) for batch in batched)
        self.neurons = _checked(model, layer)
        bar = begin(self.examples * len(model.layers))
        with torch.no_grad():
            with embedding(model) as embed:
                self._entering = [embed(one)[mask][None] for one, mask in zip(batched, self._masks, strict=True)]
            self._walk(self._entering, range(layer), TOKENS, bar)
            (self.whole,) = self._sweep([np.empty(0, np.int64)], TOKENS, bar)
        bar.close()

    @shrinking
    @torch.no_grad()
    def scores(
        self,
        groups: Sequence[np.ndarray],
        *,
        memory: int = MEMORY,
        begin: Begin = lambda steps: Silent(),
        block_size: int = TOKENS,
    ) -> np.ndarray:
        """Return the scores [G, B], float64, with the neurons of each group back at what they were before the tuning.

        Each of the ``groups`` holds distinct neurons of the layer; an empty one ablates nothing. In every token's
        MLP output the sum of their deltas (DESIGN §3.1) is missing; a tuned output bias stays. Streams of as many
        groups as ``memory`` bytes hold go up at once, one at least, the others in further sweeps; ``block_size``
        tokens, or one group of a batch, pass a layer together. None of them changes a result by more than rounding.
        Raises UserError where there are no groups, for neurons that the layer has not or that stand twice in a
        group, and for values that are not finite.
        """
        chosen = check_groups(groups, self.neurons)
        each = sum(rows.nbytes for rows in self._entering)
        held = max(1, memory // each)
        bar = begin(len(chosen) * self.examples * (len(self._model.layers) - self._layer))
        sweeps = [self._sweep(chosen[i : i + held], block_size, bar) for i in range(0, len(chosen), held)]
        bar.close()
        return np.concatenate(sweeps)

    def _sweep(self, groups: Sequence[np.ndarray], block_size: int, bar: Progress) -> np.ndarray:
        """Scores [G, B] of groups whose streams are held together."""
        streams = self._ablated([torch.from_numpy(group).to(self._model.device) for group in groups])
        bar.update(len(groups) * self.examples)
        self._walk(streams, range(self._layer + 1, len(self._model.layers)), block_size, bar)
        found = np.empty((len(groups), self.examples))
        for batch, mask, rows in zip(self._batched, self._masks, streams, strict=True):
            # Rows are tokens, example by example: the last of each is the one that is scored.
            scored = rows[:, mask.sum(1).cumsum(0) - 1]
            found[:, batch.examples.numpy()] = self._model.readout(scored.double()).cpu().numpy()
        if not np.isfinite(found).all():
            raise UserError("the head gives scores that are not finite (NaN or infinite)")
        return found

    def _ablated(self, groups: Sequence[Tensor]) -> list[Tensor]:
        """The streams [G, tokens, d] of each batch that leave the layer, without the deltas of each group."""
        model, number = self._model, self._layer
        layer = model.layer(number)
        block = model.block(number, layer)
        found = []
        with through(model, number, layer) as step, _Inside(layer, model) as inside:
            for batch, mask, rows in zip(self._batched, self._masks, self._entering, strict=True):
                left = _finite(step(batch, _padded(rows, mask))[mask], number)
                tuned, h = inside.a[mask], inside.h[mask]
                base = block.activations(h, block.base) if model.reference == "base" else torch.zeros_like(tuned)
                m = None if block.post_norm is None else block.written(tuned)
                found.append(torch.stack([left - _leaving(block, tuned, base, m, group) for group in groups]))
        return found

    def _walk(self, streams: Sequence[Tensor], layers: range, block_size: int, bar: Progress) -> None:
        """Take streams [G, tokens, d] of each batch through ``layers``, in place."""
        for number in layers:
            with through(self._model, number, self._model.layer(number)) as step:
                for batch, mask, stream in zip(self._batched, self._masks, streams, strict=True):
                    for part in stream.split(max(1, block_size // mask.numel())):
                        times = len(part)
                        left = step(_repeated(batch, times), _padded(part, mask)).unflatten(0, (times, -1))
                        part.copy_(_finite(left[:, mask], number))
                        bar.update(times * len(batch.examples))


def check_groups(groups: Sequence[np.ndarray], neurons: int) -> list[np.ndarray]:
    """Return groups of neurons as int64; raises UserError unless each holds distinct ones of 0..neurons-1."""
    if not len(groups):
        raise UserError("no groups of neurons to ablate")
    found = []
    for place, group in enumerate(groups):
        values = np.asarray(group)
        if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
            raise UserError(f"group {place} is no list of neuron numbers")
        if outside := [int(one) for one in values if not 0 <= one < neurons]:
            raise UserError(f"group {place} names neuron {outside[0]}: the layer's neurons are 0-{neurons - 1}")
        distinct, counts = np.unique(values, return_counts=True)
        if (counts > 1).any():
            raise UserError(f"group {place} names neuron {distinct[counts > 1][0]} twice")
        found.append(values.astype(np.int64))
    return found


class _Inside:
    """What passed a layer's MLP last: its input ``h`` [b, t, d] and its activations ``a`` [b, t, n]."""

    h: Tensor
    a: Tensor

    def __init__(self, layer: nn.Module, model: LoadedModel) -> None:
        self._mlp = layer.get_submodule(model.architecture.mlp)
        self._down = self._mlp.get_submodule(model.architecture.down)

    def __enter__(self) -> "_Inside":
        self._handles = (
            self._mlp.register_forward_pre_hook(lambda _, args: setattr(self, "h", args[0])),
            self._down.register_forward_pre_hook(lambda _, args: setattr(self, "a", args[0])),
        )
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()


def _checked(model: LoadedModel, number: int) -> int:
    """How many neurons the layer has; raises UserError where they are to go back to what they are already."""
    block = model.block(number)
    if model.reference == "base" and all(
        before is None or torch.equal(before, now)
        for before, now in zip(vars(block.base).values(), vars(block.tuned).values(), strict=True)
    ):
        name = model.adapter.name if model.adapter else model.weights.name
        raise UserError(f"{name} changes nothing in the MLP of layer {number}: there is nothing to go back to")
    return len(block.tuned.up)


def _leaving(block: MLPBlock, tuned: Tensor, base: Tensor, m: Tensor | None, neurons: Tensor) -> Tensor:
    """What the residual stream [tokens, d] loses with the deltas of ``neurons``; ``m`` where a norm stands behind."""
    left, right = block.sum_of_deltas(tuned, base, neurons)
    deltas = left @ right
    if block.post_norm is None or m is None:
        return deltas
    return block.post_norm(m) - block.post_norm(m - deltas)


def _padded(rows: Tensor, mask: Tensor) -> Tensor:
    """Rows [G, tokens, d] at the places of their tokens, [G * b, t, d], zeros between them."""
    hidden = rows.new_zeros(len(rows), *mask.shape, rows.shape[-1])
    hidden[:, mask] = rows
    return hidden.flatten(0, 1)


def _repeated(batch: Batch, times: int) -> Batch:
    """The batch so many times, one below the other."""
    return Batch(batch.examples.repeat(times), batch.input_ids.repeat(times, 1), batch.mask.repeat(times, 1))


def _finite(rows: Tensor, number: int) -> Tensor:
    if not bool(torch.isfinite(rows).all()):
        raise UserError(f"layer {number} gives values that are not finite (NaN or infinite)")
    return rows
