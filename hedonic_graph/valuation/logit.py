"""The layer-local logit as a function of what the MLP writes, and its Hessian in closed form (DESIGN §3.2-3.3).

An ablated neuron takes its delta off the residual stream ``y``, or, where a norm stands behind the MLP, off
the MLP's output ``m``. Either way the Hessian there is a few rank-one terms, a multiple of the identity and
at most one multiple of a diagonal.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hedonic_graph.models.mlp import MLPBlock
from hedonic_graph.models.norm import Norm
from hedonic_graph.models.readout import Readout


@dataclass(frozen=True)
class Curvature:
    """Hessians of B examples: ``sum_kl coupling_kl v_k v_l^T + sum_m weight_m diag(metric_m)``."""

    vectors: list[Tensor]
    """k times v, each [B, d], or [1, d] where it is the same for all examples"""
    coupling: Tensor
    """[k, k, B], symmetric in k"""
    diagonals: tuple[tuple[Tensor, Tensor | None], ...]
    """Pairs of weight [B] and metric [d], the identity where it is None."""


@dataclass(frozen=True)
class LayerLogit:
    """``f(z)`` for z [B, d]: the readout of z itself, or of ``rest + post_norm(z)``."""

    readout: Readout
    point: Tensor
    """Where the tuned model is, [B, d]: y, or m where there is a norm behind the MLP."""
    post_norm: Norm | None = None
    rest: Tensor | None = None
    """The residual stream without the MLP, [B, d]."""

    @classmethod
    def at(cls, block: MLPBlock, readout: Readout, y: Tensor, tuned: Tensor) -> "LayerLogit":
        """The logit around the residual stream ``y`` [B, d] behind tuned activations [B, n], in their precision."""
        if block.post_norm is None:
            return cls(readout, y)
        m = block.written(tuned)
        return cls(readout, m, block.post_norm, y - block.post_norm(m))

    def __call__(self, z: Tensor) -> Tensor:
        """Logits [B]."""
        if self.post_norm is None or self.rest is None:
            return self.readout(z)
        return self.readout(self.rest + self.post_norm(z))

    def curvature(self) -> Curvature | None:
        """The Hessians at ``point``; None where the logit is additive, so that they are zero."""
        if self.post_norm is None or self.rest is None:
            return _of_readout(self.readout, self.point)[1]
        return _behind(self.post_norm, self.point, *_of_readout(self.readout, self.rest + self.post_norm(self.point)))


def _of_readout(readout: Readout, y: Tensor) -> tuple[Tensor, Curvature | None]:
    """Gradient [B, d] and Hessians of the readout at ``y``."""
    d, norm = y.shape[1], readout.norm
    if norm is None:
        seen, rho = y, y.new_ones(len(y))
        v = readout.weight.to(y)
    else:
        seen, rho = norm.centre(y), norm.scale(y)
        v = norm.centre((readout.weight * norm.gain).to(y))
    # Of each head's logit: N = v.y, and the first and second derivative of what is done to it, [h, B].
    level = v @ seen.T
    slope, bend = _derivatives(readout, y)
    if norm is None:
        gradient = slope.T @ v
        if readout.cap is None:
            return gradient, None
        return gradient, Curvature([*v[:, None]], torch.diag_embed(bend.T).permute(1, 2, 0), ())
    gradient = (slope / rho).T @ v - ((slope * level).sum(0) / (d * rho**3)).unsqueeze(1) * seen
    heads = len(v)
    pieces = [*v[:, None], seen]
    coupling = y.new_zeros(heads + 2, heads + 2, len(y))
    across = -slope / (d * rho**3) - bend * level / (d * rho**4)
    own = torch.arange(heads)
    coupling[own, own] = bend / rho**2
    coupling[own, heads] = coupling[heads, own] = across
    coupling[heads, heads] = (slope * 3 * level / (d**2 * rho**5) + bend * level**2 / (d**2 * rho**6)).sum(0)
    flat = -(slope * level).sum(0) / (d * rho**3)
    if norm.kind == "layer":
        # The identity acts on centred steps only: it loses their common part.
        pieces.append(torch.ones_like(y[:1]))
        coupling[-1, -1] = -flat / d
    else:
        coupling = coupling[:-1, :-1]
    return gradient, Curvature(pieces, coupling, ((flat, None),))


def _derivatives(readout: Readout, y: Tensor) -> tuple[Tensor, Tensor]:
    """First and second derivative of every head's signed, capped logit by the logit itself, [h, B]."""
    sign = torch.tensor(readout.sign).to(y)[:, None].expand(-1, len(y))
    if readout.cap is None:
        return sign, torch.zeros_like(sign)
    seen = y if readout.norm is None else readout.norm(y)
    squashed = torch.tanh((seen @ readout.weight.to(seen).T + readout.bias.to(seen)).T / readout.cap)
    slope = sign * (1 - squashed**2)
    return slope, -2 * slope * squashed / readout.cap


def _behind(norm: Norm, m: Tensor, gradient: Tensor, outer: Curvature | None) -> Curvature:
    """Hessians, by ``m``, of a function with this ``gradient`` and ``outer`` Hessian by ``rest + norm(m)``."""
    assert norm.kind == "rms", "only RMSNorm stands behind an MLP"
    d, rho, gain = m.shape[1], norm.scale(m), norm.gain.to(m)
    bent = gradient * gain
    level = (bent * m).sum(1)
    # The norm's own second derivative along the gradient: m, gain^2 m and gain * gradient span it.
    pieces = [m, gain**2 * m, bent]
    coupling = m.new_zeros(3, 3, len(m))
    coupling[0, 2] = coupling[2, 0] = -1 / (d * rho**3)
    coupling[0, 0] = 3 * level / (d**2 * rho**5)
    diagonals: list[tuple[Tensor, Tensor | None]] = [(-level / (d * rho**3), None)]
    if outer is None:
        return Curvature(pieces, coupling, tuple(diagonals))
    # The outer Hessian between the norm's Jacobian gain * (1 / rho - m m^T / (d rho^3)) on both sides.
    for vector in outer.vectors:
        through = gain * vector
        along = (through * m).sum(1, keepdim=True) / (d * rho**3)[:, None]
        pieces.append(through / rho[:, None] - along * m)
    added = len(outer.vectors)
    coupling = torch.nn.functional.pad(coupling, (0, 0, 0, added, 0, added))
    coupling[3:, 3:] = outer.coupling
    for flat, metric in outer.diagonals:
        assert metric is None, "one norm behind the MLP gives one diagonal"
        diagonals.append((flat / rho**2, gain**2))
        coupling[0, 1] -= flat / (d * rho**4)
        coupling[1, 0] -= flat / (d * rho**4)
        coupling[0, 0] += flat * (gain * m).square().sum(1) / (d**2 * rho**6)
    return Curvature(pieces, coupling, tuple(diagonals))
