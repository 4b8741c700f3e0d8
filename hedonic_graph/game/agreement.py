"""How far partitions of one layer agree (DESIGN §3.8)."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from hedonic_graph.errors import UserError
from hedonic_graph.game.checks import check_partition
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
