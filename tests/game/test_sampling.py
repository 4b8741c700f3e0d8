from collections import Counter
from math import comb

import pytest
import torch
from game.games import as_lists, game
from game.reference import all_coalitions
from scipy.stats import chisquare

from hedonic_graph.bench.plain_game import choice_set
from hedonic_graph.errors import UserError
from hedonic_graph.game import sampling
from hedonic_graph.game.sampling import distribution, neighbourhood, uniform


def generator(seed: int = 11) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def fits(rows: torch.Tensor, probability: dict[tuple[int, ...], float]) -> bool:
    """Chi-square test of the drawn coalitions; fails one fair sampler in ten thousand, seeds being fixed."""
    counts = Counter(tuple(row) for row in as_lists(rows))
    assert set(counts) <= set(probability)
    observed = [counts[c] for c in probability]
    expected = [len(rows) * p for p in probability.values()]
    return len(probability) == 1 or chisquare(observed, expected).pvalue > 1e-4


@pytest.mark.parametrize(("n", "kmin", "kmax"), [(6, 2, 4), (5, 1, 10), (7, 3, 3), (3, 2, 10), (4, 4, 9)])
def test_uniform_is_uniform_in_size_and_in_subset(n, kmin, kmax):
    players = torch.tensor([1, 2, 4, 7, 8, 11, 30])[:n]
    rows = uniform(players, 60_000, kmin, kmax, generator())
    largest = min(n, kmax)
    assert rows.shape == (60_000, largest)
    sizes = largest - kmin + 1
    coalitions = all_coalitions(n, kmin, largest)
    assert fits(rows, {tuple(players[list(c)].tolist()): 1 / sizes / comb(n, len(c)) for c in coalitions})


def test_neighbourhood_is_a_player_and_a_uniform_subset_of_its_nearest():
    players = torch.tensor([0, 2, 3, 5, 9])
    nearest = torch.tensor([[2, 3, 5], [0, 3, 9], [9, 5, 2], [0, 2, 3], [5, 3, 0]])
    rows = neighbourhood(players, nearest, 60_000, 2, 9, generator())
    assert rows.shape == (60_000, 4)
    probability: Counter[tuple[int, ...]] = Counter()
    for i, partners in zip(players.tolist(), nearest.tolist(), strict=True):
        for chosen in all_coalitions(3):
            members = tuple(sorted([i, *(partners[c] for c in chosen)]))
            probability[members] += 1 / 5 / 3 / comb(3, len(chosen))
    assert fits(rows, probability)


@pytest.mark.parametrize("name", ["uniform", "neighbourhood"])
def test_rows_ascend_without_repetition_and_are_padded(name):
    phi = game("normal", 40, 1)
    players = torch.arange(0, 40, 2)
    rows = distribution(name, phi, 2, 10, generator())(players, 2_000)
    assert rows.dtype == torch.int32
    for row, members in zip(rows.tolist(), as_lists(rows), strict=True):
        assert row == members + [-1] * (10 - len(members))
        assert members == sorted(set(members))
        assert set(members) <= set(players.tolist())
        assert len(members) >= 2


def test_neighbours_are_the_16_best_that_are_left():
    phi = game("ties", 60, 2)
    draw = distribution("neighbourhood", phi, 2, 6, generator())
    for left in (list(range(60)), list(range(1, 60, 2))):
        best = {i: set(choice_set(phi.tolist(), i, left, 16, "mean")) for i in left}
        rows = as_lists(draw(torch.tensor(left), 12_000))
        assert all(any(set(row) - {i} <= best[i] for i in row) for row in rows)
        pairs = {frozenset(row) for row in rows if len(row) == 2}
        assert len({j for row in rows for j in row}) == len(left)
        assert len(pairs) > 0.8 * len({frozenset([i, j]) for i in left for j in best[i]})


@pytest.mark.parametrize("name", ["uniform", "neighbourhood"])
def test_the_seed_decides(name):
    phi, players = game("normal", 30, 3), torch.arange(30)
    first, again, other = (distribution(name, phi, 2, 10, generator(s))(players, 500) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_blocks_are_joined_to_the_number_asked_for(monkeypatch):
    monkeypatch.setattr(sampling, "_BLOCK", 7)
    rows = uniform(torch.arange(9), 30, 2, 4, generator())
    assert rows.shape == (30, 4)
    assert len({tuple(row) for row in as_lists(rows)}) > 15  # not one block over and over


def test_the_neighbourhood_has_a_largest_size():
    with pytest.raises(UserError, match="no coalitions above 17"):
        distribution("neighbourhood", game("normal", 40, 0), 18, 20, generator())
