"""One partition from many of the same layer: by the company that each neuron keeps in them (DESIGN §3.5)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_array

from hedonic_graph.errors import UserError
from hedonic_graph.game.checks import check_partition
from hedonic_graph.game.communities import leiden
from hedonic_graph.game.company import frequency_graph, likeness_graph
from hedonic_graph.game.partition import Partition

_LATER = 1.5
"""Resolution at which those left over play on, in units of the first."""
_ITERATIONS = 10
"""Of Leiden: graphs of millions of links go on getting better by almost nothing for many more."""


@dataclass(frozen=True, eq=False)
class Consensus:
    """A partition, and how far those it comes from bear it out."""

    partition: Partition
    confidence: np.ndarray
    """How often the pairs inside each coalition land together, on average, float64 [c]; NaN for singletons."""


def consensus(
    partitions: Sequence[Partition], *, resolution: float, seed: int = 0, device: torch.device | str = "cpu"
) -> Consensus:
    """Find the coalitions that ``partitions`` of one layer agree on.

    First Leiden joins neurons whose company is alike (`company.likeness_graph`). Those it leaves alone or in pairs
    play on among themselves, as in Top-Cover: it joins those that land together, until no more than pairs are found.
    The larger ``resolution``, the more and the smaller the coalitions. Raises UserError for no partitions, for
    some of different layers, and for a bad resolution or seed.
    """
    return consensuses(partitions, resolutions=[resolution], seed=seed, device=device)[0]


def consensuses(
    partitions: Sequence[Partition],
    *,
    resolutions: Sequence[float],
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> list[Consensus]:
    """As `consensus` at each of ``resolutions``, with one look at who keeps company with whom."""
    held = _labels(partitions)
    graph = likeness_graph(held, seed=seed, device=device)
    found = [_read(held, graph, resolution, seed, device) for resolution in resolutions]
    return [Consensus(partition, confidence(partition, partitions)) for partition in found]


def _read(held: np.ndarray, graph: csr_array, resolution: float, seed: int, device: torch.device | str) -> Partition:
    labels = leiden(graph, resolution=resolution, seed=seed, iterations=_ITERATIONS).labels.copy()
    left = _few(labels)
    while len(left):
        graph = frequency_graph(held, left, seed=seed, device=device)
        found = leiden(graph, resolution=_LATER * resolution, seed=seed, iterations=_ITERATIONS).labels
        labels[left] = labels.max() + 1 + found
        still = left[_few(found)]
        if len(still) == len(left):
            break
        left = still
    return Partition.from_labels(labels)


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


def _few(labels: np.ndarray) -> np.ndarray:
    """Those whose label is shared by one other at most."""
    return np.flatnonzero(np.bincount(labels)[labels] <= 2)


def _labels(partitions: Sequence[Partition]) -> np.ndarray:
    """Labels of each partition, int32 [r, n]."""
    if not partitions:
        raise UserError("a consensus needs at least one partition")
    for one in partitions:
        check_partition(one, partitions[0].n)
    return np.stack([one.labels for one in partitions])
