"""What holds of every solver there is: any game ends in a partition; neither unit nor threads change it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from game.games import KINDS, as_sets, game
from game.test_pac import PlainSampler
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from hedonic_graph.game.clustering import spherical_kmeans, ward
from hedonic_graph.game.communities import leiden_partition
from hedonic_graph.game.consensus import consensus
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.random import random_partition
from hedonic_graph.game.top_cover import exact_top_cover, pac_rounds, pac_top_cover
from hedonic_graph.solvers import SOLVERS


@dataclass(frozen=True)
class Layer:
    """A layer to be partitioned: what its neurons value, and how they fire."""

    phi: torch.Tensor
    activations: np.ndarray
    k: int = 3
    samples: int = 200

    @classmethod
    def of(cls, kind: str, n: int, seed: int = 0, *, k: int = 3, samples: int = 200) -> "Layer":
        # As many examples as there are neurons, so that activations come in the same kinds.
        return cls(game(kind, n, seed), game(kind, n, seed + 1).numpy(), k, samples)

    def scaled(self, unit: float) -> "Layer":
        return Layer(self.phi * unit, self.activations * np.float32(unit), self.k, self.samples)

    def exact(self) -> Partition:
        return exact_top_cover(self.phi, k=self.k).partition

    def resamples(self) -> list[Partition]:
        """The partitions of five resamples: every pair weighs a little more or less."""
        draw = torch.Generator().manual_seed(0)
        weights = [torch.rand(self.phi.shape, generator=draw) + 0.5 for _ in range(5)]
        return [exact_top_cover(self.phi * (one + one.T), k=self.k).partition for one in weights]


SOLVE: dict[str, Callable[[Layer], Partition]] = {
    "exact": Layer.exact,
    "pac": lambda one: pac_top_cover(one.phi, k=one.k, kmin=2, kmax=10, samples=one.samples, seed=1).partition,
    "consensus": lambda one: consensus(one.resamples(), resolution=1.0).partition,
    "random": lambda one: random_partition(one.exact().sizes, len(one.phi), seed=1),
    "kmeans": lambda one: spherical_kmeans(one.activations, len(one.exact())),
    "ward": lambda one: ward(one.activations, len(one.exact())),
    "leiden": lambda one: leiden_partition(one.phi),
}
EVERY = pytest.mark.parametrize("solver", SOLVE)


def test_no_solver_is_left_out():
    assert set(SOLVE) == set(SOLVERS)


@EVERY
@pytest.mark.parametrize("kind", KINDS)
def test_any_layer_ends_in_a_partition(solver, kind):
    """Of zeros, of one sign, with ties everywhere; of one, two and three neurons; k and kmax above all there is."""
    for n in (1, 2, 3, 7, 17):
        for k in (1, 3, 40):
            layer = Layer.of(kind, n, k=k)
            partition = SOLVE[solver](layer)
            assert partition.n == n
            assert partition.sizes.sum() == n
            assert (partition.labels == Partition.from_labels(partition.labels).labels).all()
            assert (SOLVE[solver](layer).labels == partition.labels).all()


@EVERY
@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 30), seed=st.integers(0, 9), kind=st.sampled_from(KINDS), power=st.integers(-40, 40))
def test_the_unit_does_not_matter(solver, n, seed, kind, power):
    layer = Layer.of(kind, n, seed)
    assert (SOLVE[solver](layer).labels == SOLVE[solver](layer.scaled(2.0**power)).labels).all()


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)


@EVERY
def test_threads_do_not_matter(solver):
    layer = Layer.of("normal", 600, samples=6000)
    found = []
    for count in (1, 2):
        with threads(count):
            found.append(SOLVE[solver](layer))
    assert (found[0].labels == found[1].labels).all()
    assert 1 < len(found[0]) < 600


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 25), seed=st.integers(0, 99), data=st.data())
def test_pac_hangs_on_the_sets_it_draws_and_not_on_what_neurons_are_called(n, seed, data):
    # Of sets with the same best partners the lexicographically first is liked most: there are none such up to k + 1.
    phi = game("normal", n, seed)
    order = torch.tensor(data.draw(st.permutations(range(n))))
    place = order.argsort()
    drawn = PlainSampler(seed, 60, 2, 4), PlainSampler(seed, 60, 2, 4)

    def renamed(players: torch.Tensor) -> torch.Tensor:
        rows = drawn[1].tensor(order[players].sort().values).long()
        moved = torch.where(rows >= 0, place[rows.clamp_min(0)], n).sort(1).values
        return torch.where(moved < n, moved, -1).int()

    options = {"k": 3, "kmin": 2, "window": 20, "utility": "mean", "emit": "all"}
    found = pac_rounds(phi, drawn[0].tensor, **options).partition
    again = pac_rounds(phi[order][:, order].contiguous(), renamed, **options).partition
    assert as_sets(again) == {frozenset(place[list(members)].tolist()) for members in as_sets(found)}
