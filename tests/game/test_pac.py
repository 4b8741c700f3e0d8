import random

import pytest
import torch
from game.games import KINDS, as_lists, as_sets, game
from game.reference import choose_all, choose_one, pac
from hypothesis import given, settings
from hypothesis import strategies as st

from hedonic_graph.errors import UserError
from hedonic_graph.game.agreement import adjusted_rand
from hedonic_graph.game.reservoir import refiller
from hedonic_graph.game.sampling import distribution
from hedonic_graph.game.top_cover import exact_top_cover, pac_rounds, pac_top_cover

CHOOSE = {"all": choose_all, "one": choose_one}


class PlainSampler:
    """Draws with Python's own generator: the sets owe nothing to the code under test."""

    def __init__(self, seed: int, samples: int, kmin: int, kmax: int) -> None:
        self.random, self.samples, self.kmin, self.kmax = random.Random(seed), samples, kmin, kmax

    def lists(self, players: list[int]) -> list[list[int]]:
        largest = min(self.kmax, len(players))
        sizes = [self.random.randint(self.kmin, largest) for _ in range(self.samples)]
        return [sorted(self.random.sample(players, size)) for size in sizes]

    def tensor(self, players: torch.Tensor) -> torch.Tensor:
        rows = self.lists(players.tolist())
        width = max(map(len, rows))
        return torch.tensor([row + [-1] * (width - len(row)) for row in rows], dtype=torch.int32)


@pytest.mark.parametrize("emit", ["all", "one"])
@pytest.mark.parametrize("utility", ["mean", "sum"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "samples", "window"), [(9, 40, 12), (14, 25, 25), (11, 60, 7), (12, 5, 9)])
def test_the_same_samples_give_the_reference_partition(kind, utility, emit, n, samples, window):
    for seed, k in enumerate((1, 2, 3, 20)):
        kmin = 1 + seed % 3
        phi = game(kind, n, seed)
        drawn = PlainSampler(seed, samples, kmin, 6), PlainSampler(seed, samples, kmin, 6)
        found = pac_rounds(
            phi, drawn[0].tensor, k=k, kmin=kmin, window=window, utility=utility, emit=emit, progress=None
        )
        expected = pac(phi.tolist(), drawn[1].lists, k=k, kmin=kmin, omega=window, utility=utility, choose=CHOOSE[emit])
        assert as_sets(found.partition) == expected
        assert drawn[0].random.random() == drawn[1].random.random()  # refilled equally often


@pytest.mark.parametrize("sampler", ["uniform", "neighbourhood"])
@pytest.mark.parametrize("retain", ["order", "top", "weighted"])
@pytest.mark.parametrize("emit", ["all", "one"])
@pytest.mark.parametrize("utility", ["mean", "sum"])
def test_every_option_reaches_the_algorithm(utility, emit, retain, sampler):
    phi = game("normal", 22, 5)
    found = pac_top_cover(
        phi, k=2, kmin=2, kmax=5, samples=300, window=40, seed=9, utility=utility, emit=emit, retain=retain,
        sampler=sampler,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(9)
    draw = distribution(sampler, phi, 2, 5, generator)
    refill = refiller(draw, retain, 300, phi, 2, utility, generator)
    expected = pac(
        phi.tolist(), lambda players: as_lists(refill(torch.tensor(players))), k=2, kmin=2, omega=40,
        utility=utility, choose=CHOOSE[emit],
    )  # fmt: skip
    assert as_sets(found.partition) == expected


def test_defaults_are_the_papers():
    rounds = pac_top_cover(game("normal", 60, 0)).rounds
    assert rounds["sampled"][0] == 80_000
    assert rounds["taken"][0] == 8_000
    rounds = pac_top_cover(game("normal", 1500, 0)).rounds
    assert rounds["sampled"][0] == 56 * 1500
    assert rounds["taken"][0] == 8_400


def test_the_rounds_add_up():
    result = pac_top_cover(game("normal", 50, 1), samples=400, window=90)
    rounds = result.rounds
    assert rounds["round"].tolist() == list(range(1, len(rounds) + 1))
    assert rounds["emitted_neurons"].sum() == 50
    assert rounds["emitted"].sum() == len(result.partition)
    assert rounds["residual"].tolist() == (50 - rounds["emitted_neurons"].cumsum().shift(fill_value=0)).tolist()
    assert (rounds["emitted"] >= 1).all()
    assert (rounds["emitted"] <= rounds["components"]).all()
    assert (rounds["components"] <= rounds["residual"]).all()
    assert (rounds["taken"] <= 90).all()
    assert (rounds["seconds"] >= 0).all()
    full_rounds = rounds[rounds["residual"] >= 2]
    short = (full_rounds["taken"] < 90).tolist()
    assert any(short)
    expected = [400 * (int(first) + int(was_short)) for first, was_short in zip([True] + [False] * 99, short)]  # noqa: B905
    assert full_rounds["sampled"].tolist() == expected


def test_unsampled_players_are_counted_and_leave_alone():
    phi = game("positive", 6, 0)
    pair = torch.tensor([[1, 4]], dtype=torch.int32)
    result = pac_rounds(phi, lambda _: pair, k=3, kmin=2, window=5, utility="mean", emit="all")
    assert as_sets(result.partition) == {frozenset(c) for c in ([1, 4], [0], [2], [3], [5])}
    assert result.rounds["unsampled"].tolist() == [4]


@settings(max_examples=80, deadline=None)
@given(
    n=st.integers(1, 20),
    kind=st.sampled_from(KINDS),
    kmin=st.integers(1, 4),
    extra=st.integers(0, 12),
    samples=st.integers(1, 200),
    window=st.integers(1, 60),
    k=st.integers(1, 25),
    emit=st.sampled_from(["all", "one"]),
    retain=st.sampled_from(["order", "top", "weighted"]),
    utility=st.sampled_from(["mean", "sum"]),
    sampler=st.sampled_from(["uniform", "neighbourhood"]),
)
def test_any_game_ends_in_a_partition(n, kind, kmin, extra, samples, window, k, emit, retain, utility, sampler):
    result = pac_top_cover(
        game(kind, n, 0), k=k, kmin=kmin, kmax=kmin + extra, samples=samples, window=window, emit=emit,
        retain=retain, utility=utility, sampler=sampler,
    )  # fmt: skip
    members = sorted(i for c in as_sets(result.partition) for i in c)
    assert members == list(range(n))
    assert result.rounds["emitted_neurons"].sum() == n


def test_the_seed_decides_on_any_number_of_threads():
    phi = game("normal", 300, 2)
    before = torch.get_num_threads()
    try:
        labels = []
        for threads, seed in ((1, 4), (2, 4), (1, 5)):
            torch.set_num_threads(threads)
            labels.append(pac_top_cover(phi, samples=6000, window=600, seed=seed).partition.labels.tolist())
    finally:
        torch.set_num_threads(before)
    assert labels[0] == labels[1]
    assert labels[0] != labels[2]


@pytest.mark.parametrize("utility", ["mean", "sum"])
def test_the_unit_of_phi_does_not_matter(utility):
    phi = game("normal", 40, 3)
    first, second = (pac_top_cover(p, samples=2000, utility=utility) for p in (phi, phi * 2.0**-20))
    assert as_sets(first.partition) == as_sets(second.partition)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_fewer_players_than_kmin_are_singletons(n):
    result = pac_top_cover(game("positive", n, 0), kmin=4, kmax=5, samples=10)
    assert as_sets(result.partition) == {frozenset([i]) for i in range(n)}
    assert result.rounds["sampled"].tolist() == [0]


def test_two_friends_find_each_other():
    phi = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert as_sets(pac_top_cover(phi, samples=10).partition) == {frozenset([0, 1])}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k must be at least 1"),
        ({"kmin": 0}, "kmin must be at least 1"),
        ({"kmin": 5, "kmax": 4}, "kmin must not exceed kmax"),
        ({"samples": 0}, "samples must be at least 1"),
        ({"window": 0}, "window must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"utility": "max"}, "utility must be one of mean, sum"),
        ({"emit": "some"}, "emit must be one of all, one"),
        ({"retain": "best"}, "retain must be one of order, top, weighted"),
        ({"sampler": "gibbs"}, "sampler must be one of uniform, neighbourhood"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    with pytest.raises(UserError, match=message) as caught:
        pac_top_cover(game("normal", 5, 0), **options)
    assert "\n" not in str(caught.value)


def test_a_bad_valuation_is_refused():
    with pytest.raises(UserError, match="NaN"):
        pac_top_cover(torch.full((4, 4), float("nan")))


def test_progress_counts_the_neurons_placed():
    class Bar:
        steps = 0.0
        remark = ""
        closed = False

        def update(self, steps: float = 1) -> None:
            self.steps += steps

        def set_postfix_str(self, remark: str) -> None:
            self.remark = remark

        def close(self) -> None:
            self.closed = True

    progress = Bar()
    pac_top_cover(game("normal", 30, 0), samples=500, progress=progress)
    assert progress.steps == 30
    assert progress.remark.endswith("0 neurons left")
    assert not progress.closed


def test_neighbourhood_samples_lead_to_the_exact_partition_and_uniform_ones_do_not_yet():
    generator = torch.Generator().manual_seed(0)
    group = torch.randint(20, (200,), generator=generator)
    noise = 0.3 * torch.randn((200, 200), generator=generator).triu(1)
    phi = ((group[:, None] == group) + noise + noise.T).fill_diagonal_(0).contiguous()
    exact = exact_top_cover(phi).partition
    assert len(exact) > 15

    def agreement(samples: int, sampler: str) -> float:
        found = pac_top_cover(phi, samples=samples, utility="sum", sampler=sampler, seed=1)
        return adjusted_rand(found.partition, exact)

    rising = [agreement(samples, "neighbourhood") for samples in (300, 1_000, 10_000, 30_000)]
    assert rising == sorted(rising)
    assert rising[0] < 0.5
    assert rising[-1] > 0.95
    assert agreement(30_000, "uniform") < 0.5
