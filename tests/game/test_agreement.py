"""How far two valuations agree: by hand, and against numpy."""

import numpy as np
import pytest
import torch
from game.games import game

from hedonic_graph.game.agreement import choices, overlap, pair_correlation


@pytest.mark.parametrize("rows", [1, 4, 256])
def test_correlation_is_over_all_pairs(rows: int) -> None:
    one, other = game("normal", 9, 1), game("normal", 9, 2) + 3 * game("normal", 9, 1)
    other.fill_diagonal_(0.0)
    pairs = np.triu_indices(9, 1)
    expected = np.corrcoef(one.numpy()[pairs], other.numpy()[pairs])[0, 1]
    assert pair_correlation(one, other, rows=rows) == pytest.approx(expected, abs=1e-6)
    assert pair_correlation(one, one, rows=rows) == pytest.approx(1)
    assert pair_correlation(one, -one, rows=rows) == pytest.approx(-1)


def test_values_that_do_not_vary_have_no_correlation() -> None:
    one, flat = game("normal", 6, 1), torch.full((6, 6), 0.1).fill_diagonal_(0.0)
    assert pair_correlation(one, flat) is None
    assert pair_correlation(torch.zeros(6, 6), one) is None
    assert pair_correlation(torch.zeros(1, 1), torch.zeros(1, 1)) is None
    assert pair_correlation(game("normal", 2, 1), game("normal", 2, 2)) is None


def test_choices_by_hand() -> None:
    phi = torch.tensor([[0.0, 1, 2, -1], [1, 0, 1, 1], [2, 1, 0, 3], [-1, 1, 3, 0]])
    found = choices(phi, 2)
    # The second values all alike: the smaller indices.
    assert found.tolist() == [[2, 1], [0, 2], [3, 0], [2, 1]]
    others = torch.tensor([[1, 2], [0, 3], [1, 0], [0, 3]])
    assert overlap(found, others) == (2 + 1 + 1 + 0) / 8
    assert choices(phi, 9).shape == (4, 3)
    assert choices(torch.zeros(1, 1), 3).shape == (1, 0)
    assert overlap(torch.zeros(1, 0), torch.zeros(1, 0)) is None
