"""Baselines, agreement and degeneration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from hedonic_graph.errors import UserError
from hedonic_graph.game.agreement import adjusted_rand, seed_agreement
from hedonic_graph.game.degenerate import degeneration_warning, largest_share
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.random import random_partition


def split(*labels: int) -> Partition:
    return Partition.from_labels(np.array(labels))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(0, 99))
def test_a_random_partition_has_the_sizes_asked_for(sizes, seed):
    partition = random_partition(np.array(sizes), sum(sizes), seed)
    assert partition.sizes.tolist() == sorted(sizes, reverse=True)


def test_every_partition_of_the_sizes_is_as_likely():
    pairs = [random_partition(np.array([2, 2]), 4, seed).labels.tolist() for seed in range(3000)]
    counts = [pairs.count(labels) for labels in ([0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0])]
    assert sum(counts) == 3000
    assert chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("sizes", [[2, 3], [4, 0], [5, -1]])
def test_sizes_that_do_not_fit_are_refused(sizes):
    with pytest.raises(UserError, match="add up to 4"):
        random_partition(np.array(sizes), 4, 0)


def test_adjusted_rand_by_hand():
    # Contingency 2, 1 / 1, 2: index 2 pairs, expected 36 / 15, maximum 6.
    a, b = split(0, 0, 0, 1, 1, 1), split(0, 0, 1, 0, 1, 1)
    assert adjusted_rand(a, b) == pytest.approx((2 - 2.4) / (6 - 2.4))
    assert adjusted_rand(a, a) == 1.0


def test_many_small_coalitions_raise_no_warning():
    pairs = Partition.from_labels(np.arange(3000) // 2)
    singletons = Partition.from_labels(np.arange(3000))
    assert adjusted_rand(pairs, pairs) == 1.0
    assert adjusted_rand(pairs, singletons) == 0.0


def test_seed_agreement_is_over_all_pairs():
    a, b = split(0, 0, 0, 1, 1, 1), split(0, 0, 1, 0, 1, 1)
    found = seed_agreement([a, a, b])
    low = adjusted_rand(a, b)
    assert (found.min, found.max) == (low, 1.0)
    assert found.mean == pytest.approx((1 + 2 * low) / 3)


def test_agreement_errors():
    with pytest.raises(UserError, match="at least two partitions, not 1"):
        seed_agreement([split(0, 0)])
    with pytest.raises(UserError, match="neurons"):
        adjusted_rand(split(0, 0), split(0, 0, 0))


def test_degeneration():
    assert largest_share(split(0, 0, 0, 1)) == 0.75
    assert degeneration_warning(split(0, 0, 1, 1)) is None  # one half is not above one half
    assert degeneration_warning(split(0, 0, 1)) == (
        "the largest coalition holds 2 of 3 neurons (67%), more than one half"
    )
    assert degeneration_warning(split(0, 1, 2)) == "all 3 neurons are singletons: no coalition was found"
    assert degeneration_warning(split(0)) == "all 1 neurons are singletons: no coalition was found"
