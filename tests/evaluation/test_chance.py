"""Pair of random groups, drawn again in plain numpy."""

import numpy as np
import pytest
import torch

from hedonic_graph.errors import UserError
from hedonic_graph.evaluation import chance
from hedonic_graph.evaluation.chance import RandomPairs, random_pairs

N, GROUPS = 30, 40
SIZES = [2, 7, 7, 3, 12, N, 29]


def draw(n: int = N) -> torch.Tensor:
    phi = torch.randn(n, n, generator=torch.Generator().manual_seed(4)) + 0.3
    return (phi + phi.T).fill_diagonal_(0)


def by_hand(phi: np.ndarray, size: int, *, groups: int, seed: int) -> np.ndarray:
    everybody = np.tile(np.arange(len(phi), dtype=np.int32), (groups, 1))
    orders = np.random.default_rng(seed).permuted(everybody, axis=1)
    return np.array([phi[np.ix_(order[:size], order[:size])].sum() / (size * (size - 1)) for order in orders])


@pytest.mark.parametrize("price", [0, 1, 20, 10**9])
@pytest.mark.parametrize("at_once", [2**24, 300])
def test_pairs_are_means_inside_random_groups(price: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether they are read out of phi or multiplied, and in blocks."""
    monkeypatch.setattr(chance, "_GATHER", price)
    monkeypatch.setattr(chance, "_AT_ONCE", at_once)
    phi = draw()
    found = random_pairs(phi, SIZES, groups=GROUPS, seed=3)
    assert found.sizes.tolist() == [2, 3, 7, 12, 29, N]
    for size, pairs in zip(found.sizes, found.pairs, strict=True):
        np.testing.assert_allclose(pairs, by_hand(phi.double().numpy(), size, groups=GROUPS, seed=3), atol=1e-5)


def test_the_mean_of_random_groups_is_that_of_phi() -> None:
    phi = draw()
    found = random_pairs(phi, [2, 10], groups=4000, seed=1)
    mean = float(phi.sum()) / (N * (N - 1))
    assert found.pairs.mean(1) == pytest.approx(mean, abs=4 * found.pairs.std(1).max() / 4000**0.5)
    # For pairs the spread is that of phi itself.
    above = phi[tuple(torch.triu_indices(N, N, 1))]
    assert found.pairs[0].std() == pytest.approx(float(above.std()), rel=0.1)


def test_coalitions_beside_random_groups_of_their_size() -> None:
    drawn = RandomPairs(np.array([2, 5]), np.array([[1.0, 2.0, 3.0], [4.0, 4.0, 10.0]]))
    found = drawn.beside(np.array([5, 2, 2, 2]), np.array([10.0, 2.5, 0.0, 9.0]))
    assert found["chance"].tolist() == [6, 2, 2, 2]
    assert found["chance_sd"].to_numpy() == pytest.approx([12**0.5, 1, 1, 1])
    assert found["z"].to_numpy() == pytest.approx([4 / 12**0.5, 0.5, -2, 7])
    assert found["p"].tolist() == [2 / 4, 2 / 4, 4 / 4, 1 / 4]


def test_a_coalition_of_all_neurons_has_no_chance_to_differ_from() -> None:
    phi = draw()
    drawn = random_pairs(phi, [N, 1], groups=10)
    found = drawn.beside(np.array([N, 1]), np.array([float(phi.sum()) / (N * (N - 1)), np.nan]))
    assert found["z"].isna().all()
    assert found["chance"][0] == pytest.approx(float(phi.sum()) / (N * (N - 1)))
    assert found["p"].isna().all()


def test_sizes_that_do_not_fit() -> None:
    with pytest.raises(UserError, match="groups of 2 to 31 neurons cannot be drawn from 30"):
        random_pairs(draw(), [2, 31])
    with pytest.raises(UserError, match="no random groups"):
        random_pairs(draw(), [2, 3], groups=5).beside(np.array([4]), np.array([0.0]))
    assert len(random_pairs(draw(), [], groups=5).beside(np.array([], np.int64), np.array([]))) == 0
