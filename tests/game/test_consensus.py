"""Consensus of partitions: pairs counted by hand and one by one, and what must and must not change it."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from game.games import as_sets
from hypothesis import given, settings
from hypothesis import strategies as st

from hedonic_graph.errors import UserError
from hedonic_graph.game.consensus import confidence, consensus
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


def test_a_small_loose_coalition_is_found_beside_large_firm_ones() -> None:
    """Its three neurons land together in every second resample, elsewhere each is alone."""
    odd = "a" * 30 + "b" * 30 + "ccc"
    even = "a" * 30 + "b" * 30 + "cde"
    found = consensus(partitions(odd, even) * 5, resolution=1.0)
    assert as_sets(found.partition) == {frozenset(range(30)), frozenset(range(30, 60)), frozenset((60, 61, 62))}
    assert found.confidence.tolist() == [1.0, 1.0, 0.5]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), groups=st.integers(2, 6), size=st.integers(4, 12))
def test_laws(seed: int, groups: int, size: int) -> None:
    """Neurons renamed, partitions in another order, and the same call again."""
    draw = np.random.default_rng(seed)
    n = groups * size
    true = np.repeat(np.arange(groups), size)
    held = [
        Partition.from_labels(np.where(draw.random(n) < 0.1, draw.integers(groups, size=n), true)) for _ in range(9)
    ]
    found = consensus(held, resolution=1.0, seed=seed)
    order = draw.permutation(n)
    renamed = consensus([Partition.from_labels(one.labels[order]) for one in held], resolution=1.0, seed=seed)
    for other in (
        renamed.partition,
        Partition.from_labels(consensus(held[::-1], resolution=1.0, seed=seed).partition.labels[order]),
        Partition.from_labels(consensus(held, resolution=1.0, seed=seed).partition.labels[order]),
    ):
        np.testing.assert_array_equal(other.labels, Partition.from_labels(found.partition.labels[order]).labels)


def test_resolution_makes_coalitions_smaller() -> None:
    """Every second resample has groups of five, the others groups of twenty made of them."""
    held = [Partition.from_labels(np.arange(80) // size) for size in (5, 20) * 10]
    assert [len(consensus(held, resolution=one).partition) for one in (1.0, 4.5, 100.0)] == [4, 16, 80]


def test_one_seed_one_result() -> None:
    held = drawn(300, 20, 40)
    one, again, other = (consensus(held, resolution=3.0, seed=seed).partition.labels for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


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
