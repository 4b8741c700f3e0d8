"""One partition from many of the same layer: by how often each pair of neurons lands together (DESIGN §3.5)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, vstack

from hedonic_graph.errors import UserError
from hedonic_graph.game.checks import check_partition
from hedonic_graph.game.communities import leiden
from hedonic_graph.game.partition import Partition

LEAST = 0.1
"""Pairs that land together no more often have no link."""

_RUNS = 10
"""Of Leiden, the best of which counts: single ones differ by as much as two halves of the examples do."""

# Pairs counted at a time: their counts stay in the cache.
_BLOCK = 1 << 21


@dataclass(frozen=True, eq=False)
class Consensus:
    """A partition, and how far those it comes from bear it out."""

    partition: Partition
    confidence: np.ndarray
    """How often the pairs inside each coalition land together, on average, float64 [c]; NaN for singletons."""


def consensus(partitions: Sequence[Partition], *, resolution: float, seed: int = 0) -> Consensus:
    """Find the communities, by Leiden, of neurons that land together in ``partitions`` of one layer.

    The larger ``resolution``, the more and the smaller the coalitions. Raises UserError for no partitions, for
    some of different layers, and for a bad resolution or seed.
    """
    found = leiden(frequencies(partitions), resolution=resolution, seed=seed, runs=_RUNS)
    return Consensus(found, confidence(found, partitions))


def frequencies(partitions: Sequence[Partition], least: float = LEAST) -> csr_array:
    """Return how often each pair lands together, where that is more often than ``least``: float32 [n, n].

    It is symmetric and leaves the diagonal out. All pairs are counted, a block of rows at a time, so that a
    coalition of half the layer costs no more than others; what is returned takes 8 bytes for each entry.
    """
    labels = _labels(partitions)
    count, n = labels.shape
    rows = max(1, _BLOCK // max(n, 1))
    blocks = []
    for start in range(0, n, rows):
        together = np.zeros((min(rows, n - start), n), dtype=np.uint16)
        for one in labels:
            together += one[start : start + rows, None] == one
        np.fill_diagonal(together[:, start:], 0)
        together[together <= least * count] = 0
        blocks.append(csr_array(together))
    counts = csr_array(vstack(blocks))
    often = counts.data.astype(np.float32) / np.float32(count)
    return csr_array((often, counts.indices, counts.indptr), shape=(n, n))


def confidence(partition: Partition, partitions: Sequence[Partition]) -> np.ndarray:
    """Return how often the pairs inside each coalition of ``partition`` land together in ``partitions``.

    Float64 [c], the mean over its pairs; NaN for singletons.
    """
    labels = _labels(partitions)
    check_partition(partition, labels.shape[1])
    together = np.zeros(len(partition))
    for one in labels:
        # Members of a coalition that share a label here, for each such group.
        groups, sizes = np.unique(partition.labels.astype(np.int64) * (labels.max() + 1) + one, return_counts=True)
        np.add.at(together, groups // (labels.max() + 1), sizes * (sizes - 1) / 2)
    pairs = partition.sizes * (partition.sizes - 1) / 2
    return np.divide(together, len(labels) * pairs, out=np.full(len(partition), np.nan), where=pairs > 0)


def _labels(partitions: Sequence[Partition]) -> np.ndarray:
    """Labels of each partition, int32 [r, n]."""
    if not partitions:
        raise UserError("a consensus needs at least one partition")
    for one in partitions:
        check_partition(one, partitions[0].n)
    return np.stack([one.labels for one in partitions])
