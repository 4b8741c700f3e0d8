"""Baselines, agreement and degeneration."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from hedonic_graph.errors import UserError
from hedonic_graph.game.agreement import adjusted_rand, seed_agreement
from hedonic_graph.game.degenerate import degeneration_warning, largest_share
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.random import random_partition
from hedonic_graph.game.top_cover import pac_top_cover


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
    assert degeneration_warning(split(0, 0, 1, 2)) is None
    assert degeneration_warning(split(0, 0, 1, 2, 3)) == "3 of 5 neurons are singletons (60%), more than one half"


def test_pairs_one_at_a_time():
    """One clear pair among sets that nobody likes best: each round is worth one pair, as in the paper's line 20."""
    n = 260
    phi = torch.full((n, n), -1.0)
    first = torch.arange(0, n, 2)
    phi[first, first + 1] = phi[first + 1, first] = torch.linspace(1, 2, n // 2)
    one = pac_top_cover(phi, samples=12_000, window=12_000, kmax=2, emit="one")
    every = pac_top_cover(phi, samples=12_000, window=12_000, kmax=2, emit="all")
    assert len(every.rounds) < 10
    # Each round is worth many, whatever else is said of it.
    assert "rounds" not in (degeneration_warning(every.partition, every.rounds) or "")
    rounds = one.rounds
    pairs = sum((rounds["emitted"] == 1) & (rounds["emitted_neurons"] == 2))
    assert pairs >= 100
    assert degeneration_warning(one.partition) is None
    assert degeneration_warning(one.partition, rounds) == (
        f"{pairs} of {len(rounds)} rounds put out one pair and nothing else: {2 * pairs / n:.0%} of the neurons are "
        "in pairs that were found one at a time"
    )


def test_a_few_rounds_or_less_than_half_of_the_layer_in_such_pairs_are_no_degeneration():
    def after(pairs: int, others: int) -> str | None:
        """So many rounds with a pair, and one with the other neurons in threes."""
        sizes = [2] * pairs + [3] * others
        rounds = pd.DataFrame({"emitted": [1] * pairs + [others], "emitted_neurons": [2] * pairs + [3 * others]})
        return degeneration_warning(split(*np.repeat(np.arange(len(sizes)), sizes)), rounds)

    assert after(99, 40) is None
    assert after(100, 66) is not None
    assert after(100, 67) is None
    # Two neurons that leave in one round need not be a pair.
    alone = pd.DataFrame({"emitted": [2] * 150 + [3], "emitted_neurons": [2] * 150 + [300]})
    assert degeneration_warning(split(*range(300), *[300] * 100, *[301] * 100, *[302] * 100), alone) is None
    # A thousand such rounds are said whatever their share, here two fifths.
    assert after(999, 1000) is None
    assert after(1000, 1000) is not None
    said = after(3000, 100)
    assert said is not None and said.startswith("3,000 of 3,001 rounds put out one pair and nothing else: 95% of")
