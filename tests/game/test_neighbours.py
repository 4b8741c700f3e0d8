import pytest
import torch
from game.games import KINDS, as_lists, game
from hypothesis import given, settings
from hypothesis import strategies as st

from hedonic_graph.bench.plain_game import choice_set
from hedonic_graph.game import neighbours
from hedonic_graph.game.neighbours import BestPartners


@settings(max_examples=80, deadline=None)
@given(
    n=st.integers(1, 14),
    kind=st.sampled_from(KINDS),
    length=st.integers(1, 16),
    count=st.integers(1, 5),
    positive=st.booleans(),
    seed=st.integers(0, 3),
)
def test_best_partners_stay_right_while_players_leave(n, kind, length, count, positive, seed):
    phi = game(kind, n, seed)
    length = max(length, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_BLOCK", 20)  # several row blocks
        partners = BestPartners(phi, length=length, positive=positive)
        alive = torch.ones(n, dtype=torch.bool)
        for leaver in torch.randperm(n, generator=torch.Generator().manual_seed(seed)).tolist():
            left = alive.nonzero().view(-1)
            found = as_lists(partners.best(left, alive, count))
            rule = "sum" if positive else "mean"
            expected = [choice_set(phi.tolist(), i, left.tolist(), count, rule) for i in left.tolist()]
            assert found == expected
            alive[leaver] = False


def test_negative_zero_ties_with_zero():
    phi = torch.tensor([[0.0, -0.0, 0.0], [0.0, 0.0, -0.0], [0.0, 0.0, 0.0]])
    best = BestPartners(phi).best(torch.arange(3), torch.ones(3, dtype=torch.bool), 2)
    assert best.tolist() == [[1, 2], [0, 2], [0, 1]]
