"""Leiden, and the graph of each neuron's strongest links."""

import random

import igraph
import numpy as np
import pytest
import torch
from game.games import KINDS, as_sets, game
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from hedonic_graph.errors import UserError
from hedonic_graph.game.agreement import adjusted_rand
from hedonic_graph.game.communities import leiden, leiden_partition, strongest_links
from hedonic_graph.game.degenerate import degeneration_warning
from hedonic_graph.game.partition import Partition


def triangles() -> np.ndarray:
    """Neurons 0-2 and 3-5 like each other, 2 and 3 a little, nobody likes 6."""
    phi = np.full((7, 7), -1.0, np.float32)
    for pair in ((0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)):
        phi[pair] = phi[pair[::-1]] = 2.0
    phi[2, 3] = phi[3, 2] = 0.5
    return phi


def planted(seed: int = 0) -> tuple[torch.Tensor, Partition]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(12, (300,), generator=generator)
    noise = torch.randn((300, 300), generator=generator)
    phi = (labels[:, None] == labels) + 0.05 * (noise + noise.T)
    return phi.fill_diagonal_(0).contiguous(), Partition.from_labels(labels.numpy())


def modularity(graph: np.ndarray, labels: np.ndarray) -> float:
    total, degrees = graph.sum(), graph.sum(0)
    return float(((graph - np.outer(degrees, degrees) / total) * (labels[:, None] == labels)).sum() / total)


def test_communities_by_hand():
    partition = leiden_partition(torch.tensor(triangles()))
    assert as_sets(partition) == {frozenset({0, 1, 2}), frozenset({3, 4, 5}), frozenset({6})}


def test_links_by_hand():
    # 0 chooses 1 (a tie with 2 goes to the smaller), 1 and 2 choose 0, 3 has nobody of positive phi.
    phi = torch.tensor([[9, 5, 5, -1], [5, 0, 1, -2], [5, 1, 0, 0], [-1, -2, 0, 0]], dtype=torch.float32)
    expected = [[0, 5, 5, 0], [5, 0, 0, 0], [5, 0, 0, 0], [0, 0, 0, 0]]
    assert strongest_links(phi, links=1).toarray().tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 2, 3, 11, 40])
def test_links_are_those_of_sorting_every_row(kind, n):
    phi = game(kind, n, 2)
    expected = np.zeros((n, n), np.float32)
    for one, row in enumerate(phi.tolist()):
        order = sorted((other for other in range(n) if other != one), key=lambda other: (-row[other], other))
        for other in order[:10]:
            value = max(row[other], 0.0)
            expected[one, other] = max(expected[one, other], value)
            expected[other, one] = max(expected[other, one], value)
    assert (strongest_links(phi).toarray() == expected).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_smallest_layers(kind, n):
    phi = game(kind, n, 1)
    partition = leiden_partition(phi)
    assert partition.n == n
    if not (phi > 0).any():
        assert len(partition) == n


@pytest.mark.parametrize("kind", ["zero", "negative"])
def test_without_positive_phi_all_are_alone_and_that_is_said(kind):
    partition = leiden_partition(game(kind, 20, 0))
    assert len(partition) == 20
    assert degeneration_warning(partition) == "all 20 neurons are singletons: no coalition was found"


def test_planted_groups_are_found_in_any_order_and_unit():
    phi, groups = planted()
    assert adjusted_rand(leiden_partition(phi), groups) == 1.0
    order = torch.randperm(300, generator=torch.Generator().manual_seed(1))
    permuted = leiden_partition(phi[order][:, order].contiguous(), seed=3)
    assert (permuted.labels == Partition.from_labels(groups.labels[order.numpy()]).labels).all()


@pytest.mark.parametrize("scale", [2.0**-30, 2.0**20])
def test_the_unit_of_phi_does_not_matter(scale):
    phi = game("normal", 200, 3)
    assert (leiden_partition(phi * scale).labels == leiden_partition(phi).labels).all()


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 40), seed=st.integers(0, 5), kind=st.sampled_from(KINDS))
def test_no_neuron_would_better_modularity_by_going_elsewhere(n, seed, kind):
    phi = game(kind, n, seed)
    labels = leiden_partition(phi, seed=seed).labels
    assert len(labels) == n
    graph = strongest_links(phi).toarray().astype(np.float64)
    if not graph.any():
        return
    reached = modularity(graph, labels)
    for neuron in range(n):
        for other in range(labels.max() + 2):
            moved = labels.copy()
            moved[neuron] = other
            assert modularity(graph, moved) < reached + 1e-6


def test_resolution_makes_more_and_smaller_coalitions():
    phi = game("normal", 200, 5)
    counts = [len(leiden_partition(phi, resolution=resolution)) for resolution in (0.2, 1.0, 5.0, 25.0)]
    assert counts == sorted(set(counts))


def test_the_seed_decides_and_nobody_elses_draws_do():
    phi = game("normal", 200, 7)
    random.seed(1)
    state = random.getstate()
    first, again, other = (leiden_partition(phi, seed=seed).labels for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()
    assert random.getstate() == state
    # igraph draws from where it drew before.
    random.seed(2)
    edges = igraph.Graph.Erdos_Renyi(30, 0.3).get_edgelist()
    random.seed(2)
    assert igraph.Graph.Erdos_Renyi(30, 0.3).get_edgelist() == edges


def test_threads_do_not_matter():
    phi = game("normal", 400, 8)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(leiden_partition(phi).labels)
    finally:
        torch.set_num_threads(before)
    assert (found[0] == found[1]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resolution": 0.0}, "resolution must be above 0, not 0"),
        ({"resolution": float("nan")}, "resolution must be above 0"),
        ({"resolution": float("inf")}, "resolution must be above 0"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        leiden(csr_array(np.ones((2, 2))), **{"resolution": 1.0, "seed": 0, **options})
    with pytest.raises(UserError, match="square"):
        leiden_partition(torch.zeros(2, 3))
