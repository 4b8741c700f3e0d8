"""How far partitions of one layer agree, and valuations of its pairs (DESIGN §3.8)."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch

from hedonic_graph.errors import UserError
from hedonic_graph.game.checks import check_partition
from hedonic_graph.game.neighbours import BestPartners
from hedonic_graph.game.partition import Partition


@dataclass(frozen=True)
class Agreement:
    """The adjusted Rand index over all pairs of several partitions: its mean, smallest and largest value."""

    mean: float
    min: float
    max: float


def adjusted_rand(a: Partition, b: Partition) -> float:
    """Return the adjusted Rand index: 1 for equal partitions, 0 on average for unrelated ones.

    Raises UserError where the two are not of equally many neurons.
    """
    from sklearn.metrics import adjusted_rand_score

    check_partition(b, a.n)
    with warnings.catch_warnings():
        # scikit-learn takes many small clusters for a regression target.
        warnings.filterwarnings("ignore", message="The number of unique classes", category=UserWarning)
        return float(adjusted_rand_score(a.labels, b.labels))


def seed_agreement(partitions: Sequence[Partition]) -> Agreement:
    """Return how far partitions from several seeds agree; UserError for fewer than two."""
    if len(partitions) < 2:
        raise UserError(f"agreement needs at least two partitions, not {len(partitions)}; run another seed")
    values = [adjusted_rand(a, b) for a, b in combinations(partitions, 2)]
    return Agreement(sum(values) / len(values), min(values), max(values))


def pair_correlation(phi: torch.Tensor, other: torch.Tensor, *, rows: int = 256) -> float | None:
    """Return Pearson's correlation of two valuations [n, n] over all pairs; None where one does not vary.

    Both have a zero diagonal. Sums are taken in float64, ``rows`` of phi at a time.
    """
    ones, squares = torch.zeros(2, dtype=torch.float64), torch.zeros(2, 2, dtype=torch.float64)
    for start in range(0, len(phi), rows):
        seen = torch.stack([one[start : start + rows].flatten().double() for one in (phi, other)])
        ones += seen.sum(1).cpu()
        squares += (seen @ seen.T).cpu()
    pairs = max(len(phi) * (len(phi) - 1), 1)
    covariance = squares / pairs - torch.outer(ones, ones) / pairs**2
    # What is left of equal values is rounding.
    if (covariance.diagonal() <= 1e-14 * squares.diagonal() / pairs).any():
        return None
    return float(covariance[0, 1] / covariance.diagonal().prod().sqrt())


def choices(phi: torch.Tensor, k: int) -> torch.Tensor:
    """Return each neuron's min(k, n - 1) partners of largest phi, best first: int64 [n, ...]; ties as in the game."""
    n = len(phi)
    count = min(k, n - 1)
    everybody = torch.arange(n, device=phi.device)
    return BestPartners(phi, length=k).best(everybody, everybody >= 0, count)


def overlap(chosen: torch.Tensor, others: torch.Tensor) -> float | None:
    """Return the share of ``chosen`` [n, c] that is in the same row of ``others`` [n, c]; None where c is 0."""
    if not chosen.numel():
        return None
    return float((chosen[:, :, None] == others[:, None, :]).any(2).double().mean())
