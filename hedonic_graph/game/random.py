"""Random partitions, to compare with (DESIGN §3.5)."""

import numpy as np

from hedonic_graph.errors import UserError
from hedonic_graph.game.checks import check_at_least
from hedonic_graph.game.partition import Partition


def random_partition(sizes: np.ndarray, n: int, seed: int) -> Partition:
    """Return a uniform random partition of neurons 0..n-1 into coalitions of the given sizes [c].

    Raises UserError where the sizes are not positive or do not add up to n.
    """
    check_at_least(0, seed=seed)
    counts = np.asarray(sizes, dtype=np.int64)
    if (counts < 1).any() or counts.sum() != n:
        raise UserError(f"coalition sizes must be positive and add up to {n}, not to {counts.sum()}")
    order = np.random.default_rng(seed).permutation(n)
    labels = np.empty(n, dtype=np.int64)
    labels[order] = np.repeat(np.arange(len(counts)), counts)
    return Partition.from_labels(labels)
