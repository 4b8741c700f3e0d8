"""OCA against numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hedonic_graph.models.moments import Moments
from hedonic_graph.valuation.oca import oca, oca_errors


def reference(down: np.ndarray, activations: np.ndarray) -> np.ndarray:
    """Pair by pair, in float64."""
    n = down.shape[1]
    phi = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if i != j:
                a, b = down[:, i], down[:, j]
                cosine = abs(a @ b) / (np.linalg.norm(a) * np.linalg.norm(b))
                phi[i, j] = (1 - cosine) * np.corrcoef(activations[:, i], activations[:, j])[0, 1]
    return phi


@pytest.mark.parametrize("mean", [0.0, 300.0])
@pytest.mark.parametrize("block_size", [2048, 4])
def test_against_numpy(mean: float, block_size: int) -> None:
    torch.manual_seed(0)
    down = torch.randn(8, 13)
    activations = torch.randn(500, 13) @ torch.randn(13, 13) + mean
    moments = Moments.empty(13)
    for chunk in activations.split(64):
        moments.add(chunk)
    phi = oca(down, moments, block_size=block_size)
    expected = reference(down.double().numpy(), activations.double().numpy())
    np.testing.assert_allclose(phi, expected, atol=1e-5 if mean == 0 else 2e-4)
    assert torch.equal(phi, phi.T)


def test_constant_activations_and_zero_columns_give_zero() -> None:
    torch.manual_seed(1)
    down, activations = torch.randn(8, 6), torch.randn(200, 6)
    activations[:, 1] = 0.0
    activations[:, 2] = 123.456
    down[:, 4] = 0.0
    moments = Moments.empty(6)
    for chunk in activations.split(33):
        moments.add(chunk)
    phi = oca(down, moments)
    assert torch.isfinite(phi).all()
    assert not phi[[1, 2, 4]].any()
    assert phi[0, 3] != 0
    assert phi[0, 5] != 0


def test_parallel_columns_give_zero_and_copies_give_the_angle() -> None:
    activations = torch.randn(100, 3)
    activations[:, 1] = 2 * activations[:, 0]
    activations[:, 2] = -activations[:, 0]
    down = torch.tensor([[1.0, -2.0, 1.0], [0.0, 0.0, 1.0]])
    phi = oca(down, Moments.of(activations))
    assert phi[0, 1] == pytest.approx(0.0, abs=1e-6)
    assert phi[0, 2] == pytest.approx(-(1 - 0.5**0.5), abs=1e-5)


def test_no_rows_and_one_row_give_zero() -> None:
    assert not oca(torch.randn(4, 3), Moments.empty(3)).any()
    assert not oca(torch.randn(4, 3), Moments.of(torch.randn(1, 3))).any()


def test_standard_errors_against_the_spread_over_fresh_texts() -> None:
    """Of many draws of rows from one source; and what has no spread has none."""
    torch.manual_seed(4)
    down, mix = torch.randn(8, 5), torch.randn(5, 5)
    down[:, 4] = 0.0
    draws = torch.randn(400, 300, 5).abs() @ mix
    pairs = torch.tensor([[0, 1], [1, 2], [3, 0], [2, 4]])
    phis = torch.stack([oca(down, Moments.of(rows))[pairs[:, 0], pairs[:, 1]] for rows in draws])
    found = torch.stack([oca_errors(down, rows, pairs, block_size=3) for rows in draws]).mean(0)
    np.testing.assert_allclose(found[:3], phis.std(0)[:3], rtol=0.15)
    assert found[3] == 0
    assert not phis[:, 3].any()


def test_standard_errors_against_numpy() -> None:
    """To first order, what leaving each row out in turn gives (the jackknife)."""
    torch.manual_seed(5)
    down, rows = torch.randn(6, 4), torch.randn(400, 4) @ torch.randn(4, 4) + 2
    pairs = torch.tensor([[0, 1], [2, 3], [1, 3]])
    left_out = np.stack(
        [reference(down.double().numpy(), np.delete(rows.double().numpy(), row, 0)) for row in range(400)]
    )
    spread = left_out.std(0) * np.sqrt(399)
    np.testing.assert_allclose(oca_errors(down, rows, pairs), spread[pairs[:, 0], pairs[:, 1]], rtol=0.03)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 9), seed=st.integers(0, 99), data=st.data())
def test_neither_order_nor_units_of_neurons_and_tokens_matter(n: int, seed: int, data: st.DataObject) -> None:
    draw = torch.Generator().manual_seed(seed)
    down, rows = torch.randn(6, n, generator=draw), torch.randn(30, n, generator=draw)
    phi = oca(down, Moments.of(rows))
    assert phi.shape == (n, n)
    order, tokens = torch.tensor(data.draw(st.permutations(range(n)))), torch.randperm(30, generator=draw)
    again = oca(down[:, order], Moments.of(rows[tokens][:, order]))
    torch.testing.assert_close(again, phi[order][:, order], rtol=1e-4, atol=1e-6)
    # A direction and a correlation know no unit; an activation turned round turns its correlations.
    units = torch.tensor(data.draw(st.lists(st.sampled_from([0.01, 3.0, 500.0]), min_size=n, max_size=n)))
    signs = torch.tensor(data.draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=n, max_size=n)))
    scaled = oca(down * units, Moments.of(rows * signs * units.flip(0)))
    torch.testing.assert_close(scaled, phi * signs * signs[:, None], rtol=1e-4, atol=1e-6)
