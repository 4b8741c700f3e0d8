"""Differences of methods at equal size, against scipy and simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hedonic_graph.evaluation.comparing import difference, interval


def rows(classes: dict[int, list[float]]) -> pd.DataFrame:
    return pd.DataFrame(
        [(one, value) for one, values in classes.items() for value in values], columns=["size_class", "v"]
    )


ONE = rows({1: [1, 2, 3], 2: [10, 20], 3: [5], 4: [1, 1, 1, 1]})
OTHER = rows({1: [0, 1], 2: [2, 2, 2], 3: [7, 8], 5: [3, 3]})


def test_means_of_differences_of_class_means() -> None:
    found = difference(ONE, OTHER, "v", resamples=200)
    # Class 1: 2 - 0.5; class 2: 15 - 2; class 3 has one coalition on one side, 4 and 5 are on one side only.
    assert found.mean == pytest.approx((1.5 + 13) / 2)
    assert (found.classes, found.n) == (2, 10)
    more = rows({1: [1, 2, 3], 2: [10, 20]}), rows({1: [0, 1, 0.5], 2: [2, 2, 2]})
    assert difference(*more, "v", weight="coalitions", resamples=200).mean == pytest.approx((3 * 1.5 + 2 * 13) / 5)


def test_a_method_of_other_sizes_differs_in_nothing_else() -> None:
    """Means over all coalitions differ by much; at equal size nothing is left."""
    big = rows({1: [1.0] * 2, 5: [9.0] * 20})
    small = rows({1: [1.0] * 20, 5: [9.0] * 2})
    found = difference(big, small, "v", resamples=100)
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_classes_of_several_columns_and_missing_values() -> None:
    one = pd.concat([ONE.assign(layer=layer) for layer in (7, 8)])
    other = pd.concat([OTHER.assign(layer=7), OTHER.assign(layer=8, v=np.nan)])
    found = difference(one, other, "v", by=("layer", "size_class"), resamples=100)
    assert found.mean == pytest.approx(7.25)
    assert found.classes == 2


def test_nothing_in_common() -> None:
    found = difference(ONE.query("size_class == 4"), OTHER, "v")
    assert np.isnan([found.mean, found.low, found.high, found.p, found.detectable]).all()
    assert (found.classes, found.n) == (0, 0)


def test_p_is_that_of_an_exact_permutation_test() -> None:
    random = np.random.default_rng(1)
    a, b = random.normal(0.9, 1, 7), random.normal(0, 1, 6)
    found = difference(rows({1: list(a)}), rows({1: list(b)}), "v", resamples=20_000)
    exact = stats.permutation_test((a, b), lambda x, y: x.mean() - y.mean(), n_resamples=np.inf)
    assert 0.01 < exact.pvalue < 0.3
    assert found.p == pytest.approx(exact.pvalue, abs=0.01)


def test_intervals_cover_the_truth_and_p_is_uniform() -> None:
    """Small classes, skewed values, classes that differ much: 95 % intervals and a level of 5 %."""
    random = np.random.default_rng(7)
    covered, rejected, trials = 0, 0, 200
    for _ in range(trials):
        one, other = (
            rows({one: list(10 * one + random.exponential(1, count)) for one, count in counts.items()})
            for counts in ({1: 6, 2: 5, 3: 4, 4: 3}, {1: 4, 2: 5, 3: 6, 4: 8})
        )
        found = difference(one, other, "v", resamples=300)
        covered += found.low <= 0 <= found.high
        rejected += found.p <= 0.05
    assert 0.90 < covered / trials < 0.98
    assert 0.02 < rejected / trials < 0.09


def test_what_is_detectable_is_found_four_times_of_five() -> None:
    random = np.random.default_rng(3)
    reach = difference(
        rows({1: list(random.normal(size=400))}), rows({1: list(random.normal(size=400))}), "v", resamples=2000
    ).detectable
    assert reach == pytest.approx(2.8 * (2 / 400) ** 0.5, rel=0.1)
    hits = [stats.ttest_ind(random.normal(reach, 1, 400), random.normal(0, 1, 400)).pvalue <= 0.05 for _ in range(300)]
    assert 0.7 < np.mean(hits) < 0.9


def test_a_seed_repeats_the_result() -> None:
    assert difference(ONE, OTHER, "v", resamples=50) == difference(ONE, OTHER, "v", resamples=50)


def test_interval_is_that_of_scipy() -> None:
    values = [1.0, 2.5, np.nan, 0.5, 4.0]
    found = interval(values)
    known = np.array([1, 2.5, 0.5, 4])
    expected = stats.ttest_1samp(known, 0).confidence_interval(0.95)
    assert (found.mean, found.low, found.high) == pytest.approx((2.0, expected.low, expected.high))
    assert found.n == 4


def test_interval_over_means_by_seed() -> None:
    found = interval([1, 3, 5, np.nan, 9], seeds=[0, 0, 1, 1, 2])
    expected = interval([2, 5, 9])
    assert found == expected
    assert found.n == 3


def test_interval_of_one_value_and_of_none() -> None:
    one, none = interval([3.0]), interval([np.nan])
    assert (one.mean, one.n, none.n) == (3, 1, 0)
    assert np.isnan([one.low, one.high, none.mean]).all()
