"""Pairwise synergy by exact ablation, for the few pairs where the second order is to be checked (DESIGN §3.1)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hedonic_graph.models.mlp import MLPBlock
from hedonic_graph.models.readout import Readout
from hedonic_graph.valuation.logit import LayerLogit

STRONGEST = 50


@dataclass(frozen=True)
class SecondOrder:
    """How well the closed form of PAS agrees with exact double ablation on the strongest pairs."""

    pairs: int
    correlation: float | None
    """Pearson's; None where the values do not vary."""
    error: float
    """Mean absolute difference over mean absolute exact value."""


def synergy(block: MLPBlock, readout: Readout, y: Tensor, tuned: Tensor, base: Tensor, pairs: Tensor) -> Tensor:
    """psi(i, j) = E[f - f_-i - f_-j + f_-ij], float64 [P], for ``pairs`` [P, 2]; the rest as in ``pas``."""
    tuned, base = tuned.double(), base.double()
    logit = LayerLogit.at(block, readout, y.double(), tuned)
    whole = logit(logit.point)
    found = []
    for pair in pairs:
        one, two = block.deltas(tuned, base, pair).unbind(1)
        apart = logit(logit.point - one) + logit(logit.point - two)
        found.append((whole - apart + logit(logit.point - one - two)).mean())
    return torch.stack(found) if found else torch.zeros(0, dtype=torch.float64)


def _largest(phi: Tensor, count: int, rows: int = 1024) -> Tensor:
    """The places [count, 2] of the entries of largest size, without a copy of phi."""
    n = len(phi)
    sizes, places = [], []
    for start in range(0, n, rows):
        found = phi[start : start + rows].abs().flatten()
        top = found.topk(min(count, len(found)))
        sizes.append(top.values)
        places.append(top.indices + start * n)
    best = torch.cat(places)[torch.cat(sizes).topk(min(count, n * n)).indices]
    return torch.stack([best // n, best % n], 1)


def check_second_order(
    phi: Tensor, block: MLPBlock, readout: Readout, y: Tensor, tuned: Tensor, base: Tensor
) -> SecondOrder:
    """Hold the ``STRONGEST`` pairs of ``phi`` [n, n] against exact ablation; large deltas make them differ."""
    # Every pair stands twice in phi, next to itself only by chance: take both and drop the lower half.
    pairs = _largest(phi, 2 * STRONGEST)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    exact = synergy(block, readout, y, tuned, base, pairs).cpu().numpy()
    ours = phi[pairs[:, 0], pairs[:, 1]].double().cpu().numpy()
    varies = len(pairs) > 1 and np.ptp(exact) > 0 and np.ptp(ours) > 0
    size = np.abs(exact).mean() if len(pairs) else 0.0
    return SecondOrder(
        pairs=len(pairs),
        correlation=float(np.corrcoef(ours, exact)[0, 1]) if varies else None,
        error=float(np.abs(ours - exact).mean() / size) if size else 0.0,
    )
