import numpy as np
import pytest
import torch
from game.games import KINDS, as_sets, game
from game.reference import all_coalitions, blocks, exact
from hypothesis import given, settings
from hypothesis import strategies as st

from hedonic_graph.errors import UserError
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.top_cover import exact_top_cover


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_no_coalition_at_all_blocks_it(kind, k):
    for n, seeds in ((1, 1), (2, 3), (3, 6), (4, 6), (5, 6), (6, 4), (7, 3), (8, 3)):
        for seed in range(seeds):
            phi = game(kind, n, seed)
            partition = as_sets(exact_top_cover(phi, k=k).partition)
            blocking = [c for c in all_coalitions(n) if blocks(phi.tolist(), c, partition, k)]
            assert not blocking


def test_the_oracle_finds_a_blocking_coalition_where_there_is_one():
    phi = game("positive", 4, 0).tolist()
    assert blocks(phi, (0, 1), {frozenset([i]) for i in range(4)}, 3)


@pytest.mark.parametrize("k", [1, 2, 3, 40])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [3, 10, 30])
def test_the_reference_partition(kind, k, n):
    phi = game(kind, n, k)
    assert as_sets(exact_top_cover(phi, k=k).partition) == exact(phi.tolist(), k)


def test_lists_of_partners_are_refilled():
    # Everybody likes the same partners: far more of them leave than a list of 128 holds.
    phi = game("rank one", 420, 1)
    result = exact_top_cover(phi, k=2)
    assert len(result.rounds) > 50
    assert as_sets(result.partition) == exact(phi.tolist(), 2)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 40), seed=st.integers(0, 5), kind=st.sampled_from(["normal", "asymmetric", "positive"]))
def test_the_order_of_the_neurons_does_not_matter(n, seed, kind):
    phi = game(kind, n, seed)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    labels = exact_top_cover(phi).partition.labels
    permuted = exact_top_cover(phi[order][:, order].contiguous()).partition
    assert (permuted.labels == Partition.from_labels(labels[order.numpy()]).labels).all()


def test_neither_unit_nor_threads_matter():
    phi = game("normal", 200, 7)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        first = exact_top_cover(phi).partition.labels
        torch.set_num_threads(2)
        second = exact_top_cover(phi * 2.0**30).partition.labels
    finally:
        torch.set_num_threads(before)
    assert len(np.unique(first)) > 1
    assert (first == second).all()


@pytest.mark.parametrize("kind", ["negative", "zero"])
def test_nobody_to_like_means_singletons_in_one_round(kind):
    result = exact_top_cover(game(kind, 12, 0))
    assert result.partition.sizes.tolist() == [1] * 12
    assert len(result.rounds) == 1


def test_the_rounds_add_up():
    result = exact_top_cover(game("normal", 80, 1))
    rounds = result.rounds
    assert rounds["emitted_neurons"].sum() == 80
    assert rounds["emitted"].sum() == len(result.partition)
    assert (rounds[["taken", "sampled", "unsampled"]] == 0).all(axis=None)


def test_errors():
    with pytest.raises(UserError, match="k must be at least 1"):
        exact_top_cover(game("normal", 4, 0), k=0)
    with pytest.raises(UserError, match="square"):
        exact_top_cover(torch.zeros(3, 4))
