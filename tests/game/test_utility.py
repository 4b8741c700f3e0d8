import numpy as np
import pytest
import torch
from game.games import KINDS, as_lists, game
from hypothesis import given, settings
from hypothesis import strategies as st

from hedonic_graph.bench.plain_game import choice_set, utility_of
from hedonic_graph.errors import UserError
from hedonic_graph.game import utility as module
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.sampling import uniform
from hedonic_graph.game.utility import choice_sets, coalition_utilities, member_utilities

UTILITIES = ("mean", "sum")


def drawn(n: int, count: int, kmin: int = 1, kmax: int = 10) -> torch.Tensor:
    return uniform(torch.arange(n), count, kmin, kmax, torch.Generator().manual_seed(5))


def test_by_hand():
    phi = torch.tensor([[0, 4, -2, 1], [4, 0, 3, 0], [-2, 3, 0, -1], [1, 0, -1, 0]], dtype=torch.float32)
    rows = torch.tensor([[0, 1, 2, 3], [0, 2, -1, -1], [3, -1, -1, -1]], dtype=torch.int32)
    mean = [[2.5, 3.5, 1.0, 0.5], [-2, -2, 0, 0], [0, 0, 0, 0]]
    total = [[2.5, 3.5, 1.5, 0.5], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert coalition_utilities(phi, rows, 2, "mean").tolist() == mean
    assert coalition_utilities(phi, rows, 2, "sum").tolist() == total


@pytest.mark.parametrize("utility", UTILITIES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 2, 3, 12])
def test_coalitions_agree_with_the_reference(kind, utility, k, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 30)  # several blocks of each size
    phi = game(kind, 13, k)
    rows = drawn(13, 150)
    found = coalition_utilities(phi, rows, k, utility)
    for row, values in zip(as_lists(rows), found.tolist(), strict=True):
        expected = [utility_of(phi.tolist(), i, row, k, utility) for i in row]
        assert values == expected + [0.0] * (len(values) - len(row))


@pytest.mark.parametrize("utility", UTILITIES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 3, 12])
def test_choice_sets_agree_with_the_reference(kind, utility, k):
    phi = game(kind, 13, k)
    rows = drawn(13, 200)
    players = torch.tensor([row[number % len(row)] for number, row in enumerate(as_lists(rows))])
    found = as_lists(choice_sets(phi, players, rows, k, utility))
    for i, row, chosen in zip(players.tolist(), as_lists(rows), found, strict=True):
        assert chosen == choice_set(phi.tolist(), i, row, k, utility)


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(0, 5), min_size=1, max_size=25),
    kind=st.sampled_from(KINDS),
    utility=st.sampled_from(UTILITIES),
    k=st.integers(1, 30),
    block=st.sampled_from([1, 40, 1 << 21]),
)
def test_members_of_any_partition_agree_with_the_reference(labels, kind, utility, k, block):
    partition = Partition.from_labels(np.array(labels))
    phi = game(kind, len(labels), k)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_GATHERED", block)
        found = member_utilities(phi, partition, k, utility)
    assert found.dtype == torch.float32
    home = {i: c for c in (c.tolist() for c in partition.coalitions()) for i in c}
    expected = [utility_of(phi.tolist(), i, home[i], k, utility) for i in range(len(labels))]
    assert found.tolist() == torch.tensor(expected, dtype=torch.float64).float().tolist()


def test_one_coalition_may_hold_a_whole_layer():
    n = 3000
    phi = torch.randn((n, n), generator=torch.Generator().manual_seed(0))
    found = member_utilities(phi, Partition.from_labels(np.zeros(n, dtype=int)), 3, "sum")
    expected = phi.fill_diagonal_(-torch.inf).topk(3).values.double().sum(1) / 3
    torch.testing.assert_close(found, expected.float())


def test_errors():
    phi, whole = game("normal", 4, 0), Partition.from_labels(np.zeros(4, dtype=int))
    with pytest.raises(UserError, match="covers 3 neurons, phi 4"):
        member_utilities(phi, Partition.from_labels(np.zeros(3, dtype=int)))
    with pytest.raises(UserError, match="k must be at least 1, not 0"):
        member_utilities(phi, whole, 0)
    with pytest.raises(UserError, match="utility must be one of mean, sum, not 'max'"):
        member_utilities(phi, whole, 3, "max")
