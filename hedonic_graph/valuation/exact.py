"""Pairwise synergy by exact ablation, for the few pairs where the second order is to be checked (DESIGN §3.1)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hedonic_graph.models.mlp import MLPBlock
from hedonic_graph.models.readout import Readout

STRONGEST = 50


@dataclass(frozen=True)
class SecondOrder:
    """How well the closed form of PAS agrees with exact double ablation on the strongest pairs."""

    pairs: int
    correlation: float | None
    """Pearson's; None where the values do not vary."""
    error: float
    """Mean absolute difference over mean absolute exact value."""


def synergy(
    block: MLPBlock, readout: Readout, y: Tensor, tuned: Tensor, base: Tensor, pairs: Tensor, *, same_down: bool = False
) -> Tensor:
    """psi(i, j) = E[f - f_-i - f_-j + f_-ij], float64 [P], for ``pairs`` [P, 2]; the rest as in ``pas``."""
    y = y.double()
    before = block.tuned.down if same_down else block.base.down

    def delta(neuron: int) -> Tensor:
        now = tuned[:, neuron, None].double() * block.tuned.down[:, neuron].double()
        return now - base[:, neuron, None].double() * before[:, neuron].double()

    whole = readout(y)
    found = []
    for i, j in pairs.tolist():
        one, two = delta(i), delta(j)
        found.append((whole - readout(y - one) - readout(y - two) + readout(y - one - two)).mean())
    return torch.stack(found) if found else torch.zeros(0, dtype=torch.float64)


def check_second_order(
    phi: Tensor, block: MLPBlock, readout: Readout, y: Tensor, tuned: Tensor, base: Tensor, *, same_down: bool = False
) -> SecondOrder:
    """Hold the ``STRONGEST`` pairs of ``phi`` [n, n] against exact ablation; large deltas make them differ."""
    n = len(phi)
    # Every pair stands twice in phi, next to itself only by chance: take both and drop the lower half.
    count = min(2 * STRONGEST, n * n)
    strongest = phi.abs().flatten().topk(count).indices
    pairs = torch.stack([strongest // n, strongest % n], 1)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    exact = synergy(block, readout, y, tuned, base, pairs, same_down=same_down).cpu().numpy()
    ours = phi[pairs[:, 0], pairs[:, 1]].double().cpu().numpy()
    varies = len(pairs) > 1 and np.ptp(exact) > 0 and np.ptp(ours) > 0
    size = np.abs(exact).mean() if len(pairs) else 0.0
    return SecondOrder(
        pairs=len(pairs),
        correlation=float(np.corrcoef(ours, exact)[0, 1]) if varies else None,
        error=float(np.abs(ours - exact).mean() / size) if size else 0.0,
    )
