import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hedonic_graph.lineage.shares import excess_shares, expected_flow, flow_shares, lift, relative_shares

FLOW = torch.tensor([[6.0, 2.0], [1.0, 3.0], [0.0, 0.0]])
# Sources also feed neurons of left-out coalitions: 2, 4 and 0 of their output.
OUTPUT = torch.tensor([10.0, 8.0, 0.0])


def test_expected_flow_is_row_total_times_column_total_over_total() -> None:
    expected = expected_flow(FLOW, OUTPUT)
    assert expected.tolist() == [
        pytest.approx([10 * 7 / 18, 10 * 5 / 18]),
        pytest.approx([8 * 7 / 18, 8 * 5 / 18]),
        [0.0, 0.0],
    ]


def test_lift_is_flow_over_expected_and_0_where_nothing_is_expected() -> None:
    found = lift(FLOW, expected_flow(FLOW, OUTPUT))
    assert found[0].tolist() == pytest.approx([6 * 18 / 70, 2 * 18 / 50])
    assert found[2].tolist() == [0.0, 0.0]


def test_excess_shares_count_only_what_exceeds_chance_where_z_says_so() -> None:
    flow = torch.tensor([[9.0, 5.0, 1.0], [1.0, 5.0, 9.0]])
    expected = torch.tensor([[5.0, 4.0, 2.0], [5.0, 6.0, 5.0]])
    # Excess: 4, 1, none / none, none (below chance), 4 without significance.
    z = torch.tensor([[3.0, 8.0, 9.0], [torch.nan, 5.0, 2.5]])
    alpha, beta = excess_shares(flow, expected, z, 3.0)
    assert alpha.tolist() == [pytest.approx([0.8, 0.2, 0.0]), [0.0, 0.0, 0.0]]
    assert beta.tolist() == [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


def test_the_threshold_of_excess_shares_is_the_one_given() -> None:
    flow, expected, z = torch.full((1, 1), 2.0), torch.ones(1, 1), torch.full((1, 1), 2.5)
    assert excess_shares(flow, expected, z, 3.0)[0].item() == 0.0
    assert excess_shares(flow, expected, z, 2.5)[0].item() == 1.0


def test_relative_shares_are_over_the_largest_of_row_and_column() -> None:
    alpha, beta = relative_shares(FLOW)
    assert alpha.tolist() == [[1.0, pytest.approx(1 / 3)], [pytest.approx(1 / 3), 1.0], [0.0, 0.0]]
    assert beta.tolist() == [[1.0, pytest.approx(2 / 3)], [pytest.approx(1 / 6), 1.0], [0.0, 0.0]]


def test_flow_shares_are_fractions_of_all_output_and_of_all_input() -> None:
    alpha, beta = flow_shares(FLOW, OUTPUT)
    assert alpha.tolist() == [pytest.approx([0.6, 0.2]), pytest.approx([0.125, 0.375]), [0.0, 0.0]]
    assert beta.tolist() == [pytest.approx([6 / 7, 0.4]), pytest.approx([1 / 7, 0.6]), [0.0, 0.0]]


# Whole numbers: fractions of subnormal floats need not add up to 1.
MATRICES = st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(
    lambda shape: st.tuples(
        arrays(np.float32, shape, elements=st.integers(0, 1000)),
        arrays(np.float32, shape, elements=st.sampled_from([-4.0, 0.0, 2.5, 3.0, 20.0, np.nan])),
    )
)


@settings(deadline=None)
@given(MATRICES)
def test_excess_shares_add_up_to_1_or_to_0(matrices: tuple[np.ndarray, np.ndarray]) -> None:
    flow, z = map(torch.from_numpy, matrices)
    alpha, beta = excess_shares(flow, expected_flow(flow, flow.sum(1)), z, 3.0)
    for sums in (alpha.sum(1), beta.sum(0)):
        assert (((sums - 1).abs() < 1e-5) | (sums == 0)).all()
    assert ((alpha > 0) == (beta > 0)).all()
    assert not (alpha[~(z >= 3.0)] > 0).any()


@settings(deadline=None)
@given(MATRICES)
def test_every_source_that_feeds_anything_has_a_relative_share_of_1(
    matrices: tuple[np.ndarray, np.ndarray],
) -> None:
    mass = torch.from_numpy(matrices[0])
    alpha, beta = relative_shares(mass)
    assert torch.equal(alpha.amax(1) == 1, mass.amax(1) > 0)
    assert torch.equal(beta.amax(0) == 1, mass.amax(0) > 0)


@settings(deadline=None)
@given(MATRICES)
def test_flow_shares_add_up_to_1_where_every_neuron_is_kept(matrices: tuple[np.ndarray, np.ndarray]) -> None:
    flow = torch.from_numpy(matrices[0])
    alpha, beta = flow_shares(flow, flow.sum(1))
    for sums in (alpha.sum(1), beta.sum(0)):
        assert (((sums - 1).abs() < 1e-5) | (sums == 0)).all()
