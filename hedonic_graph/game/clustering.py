"""Neurons clustered by what they do: spherical k-means and Ward on their activations (DESIGN §3.5).

Both take the tuned activations at the scored positions, one row a neuron and one column an example
[n, B], and look at the direction of each row alone, its length being set to one. Nothing is centred: neurons
that fire on the same examples in the same proportions are alike, those of constant activation are alike if
their signs are, and one with the opposite sign is as unlike as can be. A silent neuron, zero on every example,
has no direction: all silent ones make one coalition, and the others the rest.

They run on the CPU, and give the same partition with any number of threads.
"""

import warnings
from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from hedonic_graph.errors import UserError
from hedonic_graph.game.checks import check_at_least
from hedonic_graph.game.partition import Partition

EXACT_WARD = 20_000
"""Neurons up to which Ward looks at all pairs: it then holds n^2 float64 in two halves, 3.2 GB at this many."""
_NEIGHBOURS = 10
_ROUNDS = 100
# Rows whose similarities to all others are held at a time.
_BLOCK = 512
# Directions nearer than this (1 - cosine) count as one: float32 can tell them no better.
_SAME = 1e-6


def spherical_kmeans(activations: np.ndarray, clusters: int, *, seed: int = 0) -> Partition:
    """Partition neurons into ``clusters`` coalitions, each near its mean direction by cosine.

    ``activations`` is float32 [n, B]. Starts from rows drawn as k-means++ draws them, ends when no neuron
    changes its coalition or after 100 rounds. There are fewer coalitions where there are fewer directions.
    This is k-means on the sphere, whose means are directions too; scikit-learn's means are not, and its threads
    add them up in the order in which they happen to end. Raises UserError for bad activations or numbers.
    """
    check_at_least(0, seed=seed)
    random = np.random.default_rng(seed)
    return _clustered(activations, clusters, lambda rows, count: _lloyd(rows, count, random))


def ward(activations: np.ndarray, clusters: int) -> Partition:
    """Partition neurons into ``clusters`` coalitions by Ward's minimum variance, from the bottom up.

    ``activations`` is float32 [n, B]. All pairs are looked at for up to `EXACT_WARD` neurons, beyond that only
    each one's 10 nearest (see `ward_caveat`). Raises UserError for bad activations or numbers.
    """
    return _clustered(activations, clusters, _tree)


def ward_caveat(n: int) -> str | None:
    """What has to be said of Ward on ``n`` neurons, if anything."""
    if n <= EXACT_WARD:
        return None
    return (
        f"Ward joined neurons along each one's {_NEIGHBOURS} nearest only: it is exact for up to {EXACT_WARD:,} neurons"
    )


def _clustered(activations: np.ndarray, clusters: int, solve: Callable[[np.ndarray, int], np.ndarray]) -> Partition:
    """Apply ``solve`` to the directions of all neurons but the silent ones, which are set apart."""
    if activations.ndim != 2 or not len(activations) or not np.isfinite(activations).all():
        raise UserError(f"activations must be finite numbers [n, B] with n >= 1; got {list(activations.shape)}")
    if not 1 <= clusters <= len(activations):
        raise UserError(f"{len(activations)} neurons cannot make {clusters} coalitions")
    lengths = np.sqrt(np.einsum("ij,ij->i", activations, activations, dtype=np.float64))
    heard = lengths > 0
    labels = np.zeros(len(activations), dtype=np.int64)
    others = clusters - (not heard.all())
    if others and heard.any():
        rows = (activations[heard] / lengths[heard, None]).astype(np.float32)
        labels[heard] = 1 + solve(rows, min(others, len(rows)))
    return Partition.from_labels(labels)


def _lloyd(rows: np.ndarray, clusters: int, random: np.random.Generator) -> np.ndarray:
    """Return the cluster of each of the unit ``rows`` [n, B]: int64 [n]."""
    means = rows[_seeds(rows, clusters, random)]
    labels = np.full(len(rows), -1)
    for _ in range(_ROUNDS):
        nearest, likeness = _nearest(rows, means)
        if (nearest == labels).all():
            break
        labels = nearest
        # A cluster that lost everybody starts again from a row that fits badly where it is.
        empty = np.flatnonzero(np.bincount(labels, minlength=len(means)) == 0)
        labels[np.argsort(likeness, kind="stable")[: len(empty)]] = empty
        sums = csr_array((np.ones_like(likeness), (labels, np.arange(len(rows)))), (len(means), len(rows))) @ rows
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        means = np.where(lengths > 0, sums / np.where(lengths > 0, lengths, 1), means)
    return labels


def _nearest(rows: np.ndarray, means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each row the mean of largest cosine, int64 [n], and that cosine, float32 [n]."""
    found, likeness = np.empty(len(rows), np.int64), np.empty(len(rows), rows.dtype)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosines = rows[block] @ means.T
        found[block], likeness[block] = cosines.argmax(1), cosines.max(1)
    return found, likeness


def _seeds(rows: np.ndarray, clusters: int, random: np.random.Generator) -> list[int]:
    """Draw the rows that k-means starts from: greedy k-means++, with 1 - cosine for the squared distance.

    Of a few rows drawn with probability as their distance to the nearest seed, the one becomes a seed that
    leaves the smallest sum of distances.
    """
    trials = 2 + int(np.log(clusters))
    seeds = [int(random.integers(len(rows)))]
    distance = 1 - rows @ rows[seeds[0]]
    while len(seeds) < clusters:
        cumulative = np.where(distance > _SAME, distance, 0).cumsum(dtype=np.float64)
        if cumulative[-1] == 0:  # every direction is there already
            break
        drawn = np.searchsorted(cumulative, random.random(trials) * cumulative[-1], side="right")
        left = np.minimum(distance, 1 - rows[drawn] @ rows.T)
        best = int(left.sum(1, dtype=np.float64).argmin())
        seeds.append(int(drawn[best]))
        distance = left[best]
    return seeds


def _tree(rows: np.ndarray, clusters: int) -> np.ndarray:
    """Return the branch of each of the unit ``rows`` [n, B] when Ward's tree is cut at so many: int [n]."""
    if clusters == len(rows):
        return np.arange(len(rows))
    if len(rows) > EXACT_WARD:
        return _neighbours_tree(rows, clusters)
    from scipy.cluster.hierarchy import linkage

    n = len(rows)
    merged = linkage(_distances(rows), "ward")[: n - clusters, :2].astype(np.int64)
    # Merge t makes node n + t; what is joined after the first n - clusters merges is one branch.
    parent = np.repeat(np.arange(n, n + len(merged)), 2)
    joined = coo_array((np.ones(parent.size), (merged.ravel(), parent)), shape=(2 * n, 2 * n))
    return connected_components(joined, directed=False)[1][:n]


def _distances(rows: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances between unit ``rows`` as scipy wants them: float64 [n (n - 1) / 2]."""
    n, rows = len(rows), rows.astype(np.float64)
    result = np.empty(n * (n - 1) // 2)
    filled = 0
    for start in range(0, n, _BLOCK):
        cosines = rows[start : start + _BLOCK] @ rows[start:].T
        distances = np.sqrt(np.maximum(2 - 2 * cosines, 0))
        above = distances[np.triu(np.ones(distances.shape, dtype=bool), 1)]
        result[filled : filled + len(above)] = above
        filled += len(above)
    return result


def _neighbours_tree(rows: np.ndarray, clusters: int) -> np.ndarray:
    """As `_tree`, joining only branches with neurons that are neighbours: int [n]."""
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.neighbors import kneighbors_graph

    near = kneighbors_graph(rows, min(_NEIGHBOURS, len(rows) - 1))
    with warnings.catch_warnings():
        # Islands are joined by their closest pairs, which is what is wanted.
        warnings.filterwarnings("ignore", message="the number of connected components", category=UserWarning)
        found: np.ndarray = AgglomerativeClustering(clusters, connectivity=near).fit_predict(rows)
    return found
