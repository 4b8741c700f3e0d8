import pytest
import torch

from hedonic_graph.errors import UserError
from hedonic_graph.game.checks import check_between_0_and_1, check_phi, check_sizes


@pytest.mark.parametrize(
    ("phi", "message"),
    [
        (torch.zeros(3), "square"),
        (torch.zeros(3, 4), r"square matrix .*not \[3, 4\]"),
        (torch.zeros(0, 0), "n >= 1"),
        (torch.zeros(3, 3, dtype=torch.float64), "must be float32, not float64"),
        (torch.zeros(3, 3).fill_(float("nan")), "NaN or infinity"),
        (torch.eye(3) * float("inf"), "NaN or infinity"),
        (torch.full((3, 3), -float("inf")), "NaN or infinity"),
        (torch.arange(9.0).view(3, 3).T, "contiguous"),
    ],
)
def test_a_bad_valuation_is_refused(phi, message):
    with pytest.raises(UserError, match=message) as caught:
        check_phi(phi)
    assert "\n" not in str(caught.value)


def test_one_nan_among_many_is_seen():
    phi = torch.zeros(50, 50)
    phi[31, 7] = float("nan")
    with pytest.raises(UserError, match="NaN"):
        check_phi(phi)


def test_an_asymmetric_valuation_is_fine():
    check_phi(torch.arange(9.0).view(3, 3))


@pytest.mark.parametrize(("kmin", "kmax", "message"), [(0, 3, "kmin must be at least 1"), (4, 3, "4 > 3")])
def test_bad_sizes_are_refused(kmin, kmax, message):
    with pytest.raises(UserError, match=message):
        check_sizes(kmin, kmax)


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, float("nan")])
def test_a_bad_probability_is_refused(value):
    with pytest.raises(UserError, match="delta must lie between 0 and 1"):
        check_between_0_and_1(delta=value)
