"""What the tuning of a coalition changes in the next layer, on the direct path (DESIGN §3.6, ``mass="effect"``)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from hedonic_graph.blocks import shrinking
from hedonic_graph.errors import UserError
from hedonic_graph.lineage.mass import finite, memberships_of
from hedonic_graph.models.mlp import MLPBlock
from hedonic_graph.models.norm import Norm

LARGEST = 100
"""Sources that are followed: each costs about as much as a pass of all examples through the target's MLP."""

# Floats in the largest temporaries, of which there are about ten: 64 MB each.
_BUDGET = 1 << 24


@shrinking
@torch.no_grad()
def effect_flow(
    source: MLPBlock,
    target: MLPBlock,
    tuned: Tensor,
    base: Tensor,
    entering: Tensor,
    labels: Sequence[np.ndarray | Tensor],
    *,
    block_size: int = 1024,
) -> list[Tensor]:
    """F[C, q] = E|a_q - a_q without what C's deltas add to the stream|, one F for each membership; [S, n'] float32.

    ``tuned`` and ``base`` [B, n] are the activations of ``source`` at the scored positions and ``entering`` [B, d]
    the stream that the MLP of ``target`` reads there, before its norm, all in the tuned model. C's neurons go back
    to the base (DESIGN §3.1), which takes the sum of their deltas, through a norm behind the MLP where there is
    one, off ``entering``; the norm of ``target``, its projections and its activation function run on what is left.
    What attention makes of the deltas is no part of this. Each of ``labels`` is [n] with -1 for neurons left out.

    One coalition and at most ``block_size`` examples at a time, fewer where temporaries of [examples, n'] would
    take more than 64 MB. Runs where the weights are. Raises UserError for shapes that do not fit and values that
    are not finite.
    """
    up = target.tuned.up
    _check_shapes(source, target, tuned, base, entering)
    memberships = memberships_of(labels, source.tuned.down.shape[1], up.device)
    flows = [torch.zeros(membership.count, len(up), device=up.device) for membership in memberships]
    members = [[(one.labels == c).nonzero()[:, 0] for c in range(one.count)] for one in memberships]
    rows = max(1, min(block_size, _BUDGET // len(up)))
    for parts in zip(*(one.to(up.device).split(rows) for one in (tuned, base, entering)), strict=True):
        step = _Step.at(source, target, *parts)
        for flow, coalitions in zip(flows, members, strict=True):
            for c, neurons in enumerate(coalitions):
                flow[c] += step.change(neurons).abs_().sum(0)
    return [finite(flow / len(entering)) for flow in flows]


@dataclass(frozen=True)
class _Step:
    """A source and a target at b examples, and what all coalitions share of them."""

    source: MLPBlock
    target: MLPBlock
    tuned: Tensor
    base: Tensor
    x: Tensor
    """[b, d], the stream before the target's norm."""
    m: Tensor | None
    """[b, d], the MLP's output, where the source has a norm behind it."""
    reads: tuple[Tensor, ...]
    """Of the target's gate, where there is one, and up projection, [n', d]: the linear part, with the norm's gain."""
    seen: tuple[Tensor, ...]
    """What these two give, with norm and bias, [b, n'] each."""
    read_x: tuple[Tensor, ...]
    """What ``reads`` makes of ``x``, [b, n'] each."""
    read_m: tuple[Tensor, ...]
    """The same of ``m`` behind its norm, but for the length that is divided by."""

    @classmethod
    def at(cls, source: MLPBlock, target: MLPBlock, tuned: Tensor, base: Tensor, x: Tensor) -> "_Step":
        weights, h = target.tuned, x if target.pre_norm is None else target.pre_norm(x)
        up, gate = target.reads()
        reads: tuple[Tensor, ...] = (up,)
        seen: tuple[Tensor, ...] = (linear(h, weights.up, weights.up_bias),)
        if gate is not None and weights.gate is not None:
            reads, seen = (gate, *reads), (linear(h, weights.gate, weights.gate_bias), *seen)
        read_x = () if target.pre_norm is None else tuple(linear(x, one) for one in reads)
        if source.post_norm is None:
            return cls(source, target, tuned, base, x, None, reads, seen, read_x, ())
        m = source.written(tuned)
        read_m = tuple(linear(source.post_norm.linear(m), one) for one in reads)
        return cls(source, target, tuned, base, x, m, reads, seen, read_x, read_m)

    def change(self, neurons: Tensor) -> Tensor:
        """How the target's activations change when the deltas of ``neurons`` leave, [b, n']."""
        steps, act = self._steps(neurons), self.target.activation
        before = act(self.seen[0])
        bent = act(self.seen[0] + steps[0]) - before
        if len(steps) == 1:
            return bent
        # The difference of the two products would lose the digits of a small change.
        return bent.mul_(self.seen[1] + steps[1]).addcmul_(before, steps[1])

    def _steps(self, neurons: Tensor) -> list[Tensor]:
        """How ``seen`` changes, [b, n'] each.

        What leaves the stream is a product of rank r, that of the coalition, and is read in the cheaper order of
        the three matrices. What changes by its length alone, the stream and the MLP's output, was read before.
        """
        left, right = self.source.sum_of_deltas(self.tuned, self.base, neurons)
        leaving = left @ right
        stretched: list[tuple[Tensor, tuple[Tensor, ...]]] = []
        if self.source.post_norm is not None and self.m is not None:
            # With L the norm's linear part and s its divisor, y - y_S = L m / s - L (m - leaving) / s_S.
            inverse, more = _inverse_scales(self.source.post_norm, self.m, leaving)
            left, right = inverse * left, self.source.post_norm.linear(right)
            leaving = left @ right - more * self.source.post_norm.linear(self.m)
            stretched = [(more, self.read_m)]
        if self.target.pre_norm is not None:
            inverse, more = _inverse_scales(self.target.pre_norm, self.x, leaving)
            left = inverse * left
            stretched = [*((inverse * factor, read) for factor, read in stretched), (more, self.read_x)]
        steps = []
        for place, projection in enumerate(self.reads):
            step = torch.linalg.multi_dot([left, right, projection.T]).neg_()
            for factor, read in stretched:
                step.addcmul_(factor, read[place])
            steps.append(step)
        return steps


def _inverse_scales(norm: Norm, x: Tensor, leaving: Tensor) -> tuple[Tensor, Tensor]:
    """One over what the norm divides ``x - leaving`` by, and how much more that is than of ``x``, [b, 1] each."""
    # The difference is small beside either: float32 would lose it.
    x = x.double()
    inverse = 1 / norm.scale(x - leaving)
    more = inverse - 1 / norm.scale(x)
    return inverse.to(leaving)[:, None], more.to(leaving)[:, None]


def _check_shapes(source: MLPBlock, target: MLPBlock, tuned: Tensor, base: Tensor, entering: Tensor) -> None:
    d, n = source.tuned.down.shape
    if target.tuned.up.shape[1] != d:
        raise UserError(f"the source writes a stream of width {d}, the target reads one of {target.tuned.up.shape[1]}")
    examples = len(entering)
    if not examples or (tuned.shape, base.shape, entering.shape) != ((examples, n), (examples, n), (examples, d)):
        raise UserError(
            f"activations must be [examples, {n}] and the stream [examples, {d}], with one example or more; got "
            f"{tuple(tuned.shape)}, {tuple(base.shape)} and {tuple(entering.shape)}"
        )
