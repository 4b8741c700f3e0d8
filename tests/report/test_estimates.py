"""Means and their errors, against values worked out by hand and against simulation."""

import math

import numpy as np
import pandas as pd
import pytest

from hedonic_graph.report.estimates import NOTHING, Estimate, at_equal_size, difference, equal, plain, shared_cells


def rows(
    values: list[float],
    classes: list[int],
    *,
    layers: list[int] | int = 7,
    seeds: list[str] | str = "0",
    weights: list[float] | None = None,
    error: float = 0.0,
) -> pd.DataFrame:
    table = pd.DataFrame({"x": values, "size_class": classes, "layer": layers, "seed": seeds, "error": error})
    table = table.assign(task="T", model="M", stratum=table["seed"] + table["layer"].astype(str))
    return table.assign(weight=weights or 1.0)


def test_a_plain_mean_counts_the_coalitions_a_row_stands_for_and_layers_alike() -> None:
    # Layer 7 holds 3 coalitions like the first row and 1 like the second; layer 8 weighs as much as layer 7.
    table = rows([1.0, 5.0, 10.0, 12.0], [1, 2, 1, 1], layers=[7, 7, 8, 8], weights=[0.75, 0.25, 0.5, 0.5])
    found = plain(table, "x")
    assert found.mean == pytest.approx((2 + 11) / 2)
    assert (found.coalitions, found.seeds, found.cells) == (4, 1, 0)
    # Weights 3/8, 1/8, 1/4, 1/4; variances 8 and 2 inside the layers.
    assert found.error**2 == pytest.approx((9 / 64 + 1 / 64) * 8 + (1 / 16 + 1 / 16) * 2)


def test_equal_size_averages_over_the_shared_classes_only() -> None:
    one = rows([1.0, 3.0, 100.0, 7.0], [1, 1, 5, 2])
    other = rows([0.0, 0.0, 4.0, 6.0, 50.0], [1, 1, 2, 2, 9])
    assert (shared_cells([one, other], "x") % 64).tolist() == [1, 2]
    mine, theirs = at_equal_size(one, other, "x")
    assert (mine.mean, theirs.mean) == (pytest.approx((2 + 7) / 2), pytest.approx((0 + 5) / 2))
    assert (mine.cells, mine.coalitions) == (2, 3)
    # The class of one coalition has the scatter of the other: variance 2 in both.
    assert mine.error**2 == pytest.approx(2 * (1 / 16 + 1 / 16) + 2 * 1 / 4)
    apart = difference(mine, theirs)
    assert apart.mean == pytest.approx(2.0)
    assert apart.error == pytest.approx(math.hypot(mine.error, theirs.error))


def test_the_same_size_in_another_layer_is_not_equal() -> None:
    one, other = rows([1.0, 2.0], [1, 1], layers=7), rows([1.0, 2.0], [1, 1], layers=8)
    assert at_equal_size(one, other, "x") == (NOTHING, NOTHING)


def test_seeds_that_scatter_more_than_coalitions_decide_the_error() -> None:
    table = rows([1.0, 1.0, 2.0, 2.0, 3.0, 3.0], [1] * 6, seeds=["a", "a", "b", "b", "c", "c"])
    assert plain(table, "x").error == pytest.approx(1 / math.sqrt(3))


def test_examples_do_not_average_out_over_coalitions() -> None:
    table = rows([1.0, 1.0, 1.0, 1.0], [1] * 4, error=0.25)
    assert plain(table, "x").error == pytest.approx(0.25)


def test_one_coalition_has_a_mean_and_no_interval() -> None:
    found = plain(rows([3.0], [1]), "x")
    assert found.mean == 3.0
    assert math.isnan(found.error)
    assert plain(rows([math.nan], [1]), "x") == NOTHING


@pytest.mark.parametrize("size", [0.0, 0.5, 1.0])
def test_power_is_how_often_the_interval_would_lie_on_its_side(size: float) -> None:
    draws = np.random.default_rng(0).normal(size, 0.3, 200_000)
    seen = (draws - 1.959964 * 0.3 > 0).mean()
    assert Estimate(0.0, 0.3, 9, 1, 0).power(size) == pytest.approx(seen, abs=0.004)


def test_power_without_an_error() -> None:
    assert Estimate(1.0, 0.0, 2, 1, 0).power(0.1) == 1.0
    assert NOTHING.power(1.0) == 0.0


def test_intervals_cover_the_truth() -> None:
    draw = np.random.default_rng(1)
    hits = 0
    for _ in range(120):
        sizes = draw.integers(1, 4, 40).tolist()
        values = [float(one + draw.normal()) for one in sizes]
        found = equal(rows(values, sizes), "x", shared_cells([rows(values, sizes)], "x"))
        hits += found.low <= 2.0 <= found.high
    assert 0.9 <= hits / 120 <= 0.99
