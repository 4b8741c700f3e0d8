"""Standard errors of a mean: plain Python, a bootstrap over queries, and what two halves say."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hedonic_graph.models.moments import Moments
from hedonic_graph.text.pairs import Pair, query_numbers
from hedonic_graph.valuation.error import HALVES_MEDIAN, halves_error, standard_error
from hedonic_graph.valuation.oca import oca, oca_errors


def plain(values: list[float], groups: list[int]) -> float:
    """One value after the other, as the formula is written."""
    mean = sum(values) / len(values)
    sums: dict[int, float] = {}
    for value, group in zip(values, groups, strict=True):
        sums[group] = sums.get(group, 0.0) + value - mean
    if len(sums) < 2:
        return float("nan")
    square = sum(one * one for one in sums.values()) * len(sums) / (len(sums) - 1)
    return square**0.5 / len(values)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 999), examples=st.integers(1, 12), queries=st.integers(1, 5))
def test_sums_of_each_query_one_by_one(seed: int, examples: int, queries: int) -> None:
    draw = np.random.default_rng(seed)
    values = torch.from_numpy(draw.normal(size=(examples, 3)))
    groups = query_numbers([Pair(f"query {draw.integers(queries)}", "passage") for _ in range(examples)])
    expected = [plain(column.tolist(), groups) for column in values.T]
    np.testing.assert_allclose(standard_error(values, torch.tensor(groups)), expected, atol=1e-12)
    # Where each has its own query, the error is the usual one.
    alone = standard_error(values, torch.arange(examples))
    assert torch.equal(alone.isnan(), standard_error(values).isnan())
    if examples > 1:
        np.testing.assert_allclose(alone, values.std(0) / examples**0.5)
        torch.testing.assert_close(alone, standard_error(values))


def shared(draw: np.random.Generator, queries: int, each: int, neurons: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations whose larger part is the query's; the first queries have twice as many pairs."""
    groups = np.repeat(np.arange(queries), np.where(np.arange(queries) < queries // 2, 2 * each, each))
    mix = np.random.default_rng(1).normal(size=(neurons, neurons))
    rows = draw.normal(size=(queries, neurons))[groups] + 0.5 * draw.normal(size=(len(groups), neurons))
    return torch.from_numpy(rows @ mix).float(), torch.from_numpy(groups)


def test_errors_over_queries_against_a_bootstrap_over_queries() -> None:
    torch.manual_seed(0)
    draw = np.random.default_rng(2)
    down, pairs = torch.randn(8, 4), torch.tensor([[0, 1], [1, 2], [3, 0]])
    rows, groups = shared(draw, 120, 4, 4)
    phis = []
    for _ in range(400):
        drawn = np.bincount(draw.integers(120, size=120), minlength=120)
        phis.append(oca(down, Moments.of(rows, torch.from_numpy(drawn)[groups].float()))[pairs[:, 0], pairs[:, 1]])
    spread = torch.stack(phis).std(0)
    np.testing.assert_allclose(oca_errors(down, rows, pairs, groups), spread, rtol=0.15)
    # Taking pairs of one query for strangers would claim half of that.
    assert (oca_errors(down, rows, pairs) < 0.65 * spread).all()


def test_one_query_has_no_error() -> None:
    values = torch.randn(5, 2)
    assert standard_error(values, torch.zeros(5, dtype=torch.int64)).isnan().all()
    assert standard_error(values[:1]).isnan().all()
    assert standard_error(values[:0]).isnan().all()
    assert not standard_error(values, torch.tensor([0, 0, 0, 1, 1])).isnan().any()


def test_queries_are_told_apart_by_their_text() -> None:
    pairs = [Pair("b", "x", qid="1"), Pair("a", "y"), Pair("b", "z", qid="2"), Pair("c", "x")]
    assert query_numbers(pairs) == [0, 1, 0, 2]
    assert query_numbers([]) == []


def test_what_halves_differ_by_gives_the_error_of_the_whole_in_the_median_and_on_average() -> None:
    draw = np.random.default_rng(3)
    # 20,000 means over 60 examples each, of known spread.
    values = torch.from_numpy(draw.normal(scale=2.0, size=(60, 20_000)))
    expected = 2.0 / 60**0.5
    assert values.mean(0).std() == pytest.approx(expected, rel=0.02)
    found = halves_error(values[:30].mean(0), values[30:].mean(0))
    assert found.median() / HALVES_MEDIAN == pytest.approx(expected, rel=0.02)
    assert found.square().mean().sqrt() == pytest.approx(expected, rel=0.02)
