"""The number of samples that the theorem asks for."""

import pytest

from hedonic_graph.errors import UserError
from hedonic_graph.game.sample_size import guaranteed_samples


def test_by_hand():
    # (2 + 2) ceil(10 ln 20 = 29.96) and (2 * 16 + 2 * 8) ceil(2 ln 32 = 6.93)
    assert guaranteed_samples(1) == 4 * 30
    assert guaranteed_samples(2, epsilon=0.5, delta=0.5) == 48 * 7


def test_at_full_size_it_is_out_of_reach():
    assert guaranteed_samples(14_336) == pytest.approx(2.69e19, rel=0.01)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"epsilon": 0.0}, {"epsilon": 1.0}, {"delta": 0.0}, {"delta": 1.5}])
def test_bad_parameters_are_refused(wrong):
    with pytest.raises(UserError, match="no such guarantee for"):
        guaranteed_samples(**{"n": 5, "epsilon": 0.1, "delta": 0.1, **wrong})
