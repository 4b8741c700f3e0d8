from math import comb

import numpy as np
import pytest
import torch
from game.games import KINDS, as_sets, game
from game.reference import all_coalitions, blocks
from scipy.stats import binomtest

from hedonic_graph.errors import UserError
from hedonic_graph.game import stability
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.random import random_partition
from hedonic_graph.game.stability import certificate, upper_bound
from hedonic_graph.game.top_cover import exact_top_cover


@pytest.mark.parametrize(("events", "trials"), [(0, 10), (1, 10), (9, 10), (10, 10), (0, 100_000), (137, 5000)])
@pytest.mark.parametrize("delta", [0.1, 0.01, 0.5])
def test_the_bound_is_clopper_pearsons(events, trials, delta):
    expected = binomtest(events, trials, alternative="less").proportion_ci(1 - delta, method="exact").high
    assert upper_bound(events, trials, delta) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kind", ["normal", "asymmetric ties", "positive"])
def test_the_rate_is_that_of_counting_every_coalition(kind, monkeypatch):
    monkeypatch.setattr(stability, "_BLOCK", 7_000)  # the last block is a short one
    n, samples = 7, 40_000
    phi = game(kind, n, 6)
    partition = Partition.from_labels(np.array([0, 0, 1, 1, 2, 3, 3]))
    found = certificate(phi, partition, k=2, samples=samples, seed=5, kmin=2, kmax=4)
    for held, rate in (
        (partition, found.rate),
        (random_partition(partition.sizes, n, 5), found.random_rate),
    ):
        blocking = [c for c in all_coalitions(n, 2, 4) if blocks(phi.tolist(), c, as_sets(held), 2)]
        expected = sum(1 / 3 / comb(n, len(c)) for c in blocking)
        assert 0 < expected < 1
        assert abs(rate - expected) < 4 * (expected * (1 - expected) / samples) ** 0.5
    assert found.rate == found.blocking / samples
    assert found.bound == upper_bound(found.blocking, samples, 0.1)
    assert (found.samples, found.delta, found.epsilon, found.sampler) == (samples, 0.1, 0.1, "uniform")


@pytest.mark.parametrize("sampler", ["uniform", "neighbourhood"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_blocks_exact_top_cover(kind, sampler):
    phi = game(kind, 40, 1)
    partition = exact_top_cover(phi).partition
    found = certificate(phi, partition, samples=5_000, sampler=sampler)
    assert found.blocking == 0
    assert found.bound == pytest.approx(1 - 0.1 ** (1 / 5_000))


def test_the_neighbourhood_blocks_more_than_chance_does():
    phi = game("normal", 200, 2) - 1.0  # few pairs like each other
    singletons = Partition.from_labels(np.arange(200))
    near, far = (certificate(phi, singletons, samples=5_000, sampler=s) for s in ("neighbourhood", "uniform"))
    assert near.sampler == "neighbourhood"
    assert near.rate > 2 * far.rate > 0
    assert far.random_rate == far.rate  # there is but one partition into singletons


def test_the_seed_decides():
    phi, partition = game("normal", 30, 3), Partition.from_labels(np.arange(30) // 3)
    first, again, other = (certificate(phi, partition, samples=4_000, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first.blocking != other.blocking


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k must be at least 1"),
        ({"samples": 0}, "samples must be at least 1"),
        ({"seed": -2}, "seed must be at least 0"),
        ({"delta": 1.0}, "delta must lie between 0 and 1"),
        ({"epsilon": 0.0}, "epsilon must lie between 0 and 1"),
        ({"sampler": "none"}, "sampler must be one of"),
        ({"kmin": 3, "kmax": 2}, "kmin must not exceed kmax"),
        ({"kmin": 6}, "no coalition of kmin = 6 can be drawn from 5 neurons"),
        ({"partition": Partition.from_labels(np.arange(4))}, "covers 4 neurons, phi 5"),
        ({"phi": torch.zeros(5, 5).fill_(float("inf"))}, "NaN or infinity"),
        ({"phi": torch.zeros(5, 4), "sampler": "neighbourhood"}, "square"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    options = {"phi": game("normal", 5, 0), "partition": Partition.from_labels(np.arange(5)), **options}
    with pytest.raises(UserError, match=message):
        certificate(**options)
