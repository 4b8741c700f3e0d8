"""Consensus of partitions: pairs counted by hand and one by one, and what must and must not change it."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from game.games import as_sets

from hedonic_graph.errors import UserError
from hedonic_graph.game import consensus as module
from hedonic_graph.game.communities import leiden
from hedonic_graph.game.consensus import confidence, consensus, frequencies
from hedonic_graph.game.partition import Partition


def partitions(*labels: str) -> list[Partition]:
    """One for each word; equal letters are one coalition."""
    return [Partition.from_labels(np.array([ord(letter) for letter in word])) for word in labels]


def drawn(n: int, count: int, coalitions: int, seed: int = 0) -> list[Partition]:
    draw = np.random.default_rng(seed)
    return [Partition.from_labels(draw.integers(coalitions, size=n)) for _ in range(count)]


def counted(held: Sequence[Partition]) -> dict[tuple[int, int], float]:
    """Pair by pair."""
    return {
        (i, j): sum(one.labels[i] == one.labels[j] for one in held) / len(held)
        for i, j in combinations(range(held[0].n), 2)
    }


def test_frequencies_by_hand() -> None:
    found = frequencies(partitions("aabb", "aaab", "abab", "aabc")).toarray()
    expected = np.array([[0, 0.75, 0.5, 0], [0.75, 0, 0.25, 0.25], [0.5, 0.25, 0, 0.25], [0, 0.25, 0.25, 0]])
    np.testing.assert_array_equal(found, expected)
    above = frequencies(partitions("aabb", "aaab", "abab", "aabc"), least=0.25).toarray()
    np.testing.assert_array_equal(above, np.where(expected > 0.25, expected, 0))


@pytest.mark.parametrize("block", [1, 40, 1 << 21])
def test_frequencies_pair_by_pair(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    held = drawn(23, 20, 5)
    found = frequencies(held)
    assert found.dtype == np.float32
    assert not found.diagonal().any()
    for (i, j), often in counted(held).items():
        assert found[i, j] == found[j, i] == np.float32(often if often > 0.1 else 0)


def test_more_resamples_than_a_byte_counts() -> None:
    held = partitions("aab") * 300
    assert frequencies(held).toarray().tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]


def test_confidence_by_hand() -> None:
    held = partitions("aabbc", "aaabc", "abbbc", "aabcc")
    found = confidence(Partition.from_labels(np.array([0, 0, 0, 1, 2])), held)
    # Pairs 01, 02, 12 land together 3, 1 and 2 times of four; nobody else has a pair.
    np.testing.assert_allclose(found, [(3 + 1 + 2) / 12, np.nan, np.nan])


def test_confidence_pair_by_pair() -> None:
    held = drawn(40, 20, 4)
    partition = drawn(40, 1, 9, seed=5)[0]
    often = counted(held)
    for number, members in enumerate(partition.coalitions()):
        pairs = [often[pair] for pair in combinations(members.tolist(), 2)]
        found = confidence(partition, held)[number]
        assert found == pytest.approx(np.mean(pairs)) if pairs else np.isnan(found)


def test_equal_partitions_are_their_own_consensus() -> None:
    held = partitions("aabbbcdd" * 3) * 5
    found = consensus(held, resolution=1.0)
    assert as_sets(found.partition) == as_sets(held[0])
    assert found.confidence.tolist() == [1.0] * 4


def test_noise_around_groups_is_seen_through() -> None:
    """Each neuron strays in one partition of ten."""
    draw = np.random.default_rng(3)
    true = np.repeat(np.arange(6), 10)
    held = [Partition.from_labels(np.where(draw.random(60) < 0.1, draw.integers(6, size=60), true)) for _ in range(20)]
    found = consensus(held, resolution=1.0)
    assert as_sets(found.partition) == as_sets(Partition.from_labels(true))
    assert (found.confidence > 0.7).all()
    assert (found.confidence < 0.95).all()
    # The same, whatever the neurons are called.
    order = draw.permutation(60)
    renamed = consensus([Partition.from_labels(one.labels[order]) for one in held], resolution=1.0)
    assert as_sets(renamed.partition) == as_sets(Partition.from_labels(true[order]))
    np.testing.assert_allclose(sorted(renamed.confidence), sorted(found.confidence))
    # And in whatever order they come.
    again = consensus(held[::-1], resolution=1.0)
    np.testing.assert_array_equal(again.partition.labels, found.partition.labels)


def test_of_several_runs_of_leiden_the_best_counts() -> None:
    import igraph
    from scipy.sparse import triu

    graph = frequencies(drawn(60, 20, 4))
    edges = triu(graph, k=1).tocoo()
    built = igraph.Graph(60, list(zip(edges.row.tolist(), edges.col.tolist(), strict=True)))

    def quality(seed: int, runs: int) -> float:
        labels = leiden(graph, resolution=1.2, seed=seed, runs=runs).labels.tolist()
        return float(built.modularity(labels, weights=edges.data, resolution=1.2))

    single = [quality(seed, 1) for seed in range(8)]
    several = [quality(seed, 10) for seed in range(8)]
    assert all(more >= one - 1e-9 for more, one in zip(several, single, strict=True))
    assert min(several) > np.mean(single)


def test_one_seed_one_result_and_resolution_makes_coalitions_smaller() -> None:
    held = drawn(80, 20, 3)
    sizes = [len(consensus(held, resolution=one, seed=4).partition) for one in (0.01, 1.0, 50.0)]
    assert sizes[0] < sizes[1] < sizes[2]
    one, other = (consensus(held, resolution=1.0, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.partition.labels, other.partition.labels)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_layers_and_nobody_together(n: int) -> None:
    alone = [Partition.from_labels(np.arange(n))] * 4
    found = consensus(alone, resolution=1.0)
    assert len(found.partition) == n
    assert np.isnan(found.confidence).all()
    everybody = consensus([Partition.from_labels(np.zeros(n, int))] * 4, resolution=0.5)
    assert len(everybody.partition) == 1
    assert n == 1 or everybody.confidence.tolist() == [1.0]


def test_mistakes() -> None:
    with pytest.raises(UserError, match="at least one partition"):
        consensus([], resolution=1.0)
    with pytest.raises(UserError, match="covers 3 neurons"):
        consensus(partitions("aab", "ab")[::-1], resolution=1.0)
    with pytest.raises(UserError, match="resolution must be above 0"):
        consensus(partitions("aab"), resolution=0.0)
