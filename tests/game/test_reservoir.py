from collections import Counter

import pytest
import torch
from game.games import as_lists, game
from game.reference import mean_utility

from hedonic_graph.game.reservoir import Reservoir, refiller
from hedonic_graph.game.sampling import uniform

SETS = torch.tensor([[0, 1, -1], [2, 3, 4], [0, 2, -1], [1, 2, -1], [3, 4, -1], [2, 4, -1]], dtype=torch.int32)


def alive(*players: int) -> torch.Tensor:
    return torch.tensor([i in players for i in range(5)])


def test_sets_are_taken_in_order_and_once():
    reservoir = Reservoir(lambda _: SETS)
    assert reservoir.add(torch.arange(5)) == 6
    assert as_lists(reservoir.take(2, alive(0, 1, 2, 3, 4))) == [[0, 1], [2, 3, 4]]
    assert as_lists(reservoir.take(2, alive(1, 2, 3, 4))) == [[1, 2], [3, 4]]
    assert as_lists(reservoir.take(2, alive(2, 4))) == [[2, 4]]
    assert as_lists(reservoir.take(2, alive(2, 4))) == []


def test_sets_are_added_to_a_spent_reservoir_only():
    reservoir = Reservoir(lambda _: SETS)
    reservoir.add(torch.arange(5))
    reservoir.take(2, alive(0, 1, 2, 3, 4))
    with pytest.raises(RuntimeError, match="still holds"):
        reservoir.add(torch.arange(5))


def drawn(retain: str, utility: str, samples: int, kind: str = "normal"):
    """The drawn proposals and what a reservoir makes of them."""
    phi, generator, proposals = game(kind, 9, 4), torch.Generator().manual_seed(3), []

    def draw(players: torch.Tensor, count: int) -> torch.Tensor:
        proposals.append(uniform(players, count, 2, 5, generator))
        return proposals[-1]

    rows = refiller(draw, retain, samples, phi, 2, utility, generator)(torch.arange(9))
    weight = {c: mean_utility(phi.tolist(), c, 2, utility) for c in set(map(tuple, as_lists(torch.cat(proposals))))}
    return as_lists(torch.cat(proposals)), as_lists(rows), weight


def test_order_keeps_what_was_drawn():
    proposals, kept, _ = drawn("order", "mean", 100)
    assert kept == proposals
    assert len(kept) == 100


@pytest.mark.parametrize("kind", ["normal", "ties", "zero"])
@pytest.mark.parametrize("utility", ["mean", "sum"])
def test_top_sorts_by_mean_utility_and_leaves_ties_as_drawn(utility, kind):
    proposals, kept, weight = drawn("top", utility, 200, kind)
    # Rounded, for the two sum the members' utilities in another order.
    assert kept == sorted(proposals, key=lambda c: -round(weight[tuple(c)], 9))


@pytest.mark.parametrize("utility", ["mean", "sum"])
def test_weighted_draws_in_proportion_to_positive_mean_utility(utility):
    proposals, kept, weight = drawn("weighted", utility, 15_000)
    assert len(proposals) == 60_000
    assert len(kept) == 15_000
    offered, taken = Counter(map(tuple, proposals)), Counter(map(tuple, kept))
    mass = {c: offered[c] * max(weight[c], 0.0) for c in offered}
    total = sum(mass.values())
    assert all(mass[c] > 0 for c in taken)
    for c, share in mass.items():
        expected = 15_000 * share / total
        assert abs(taken[c] - expected) <= 5 * expected**0.5 + 1


def test_weighted_with_nothing_worth_drawing_is_empty():
    assert drawn("weighted", "mean", 50, "negative")[1] == []
