import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.optimize import linear_sum_assignment

from hedonic_graph.lineage.matching import maximum_matching


def best_total(mass: np.ndarray) -> float:
    rows, columns = linear_sum_assignment(mass.astype(np.float64), maximize=True)
    return float(mass[rows, columns].astype(np.float64).sum())


def check(mass: np.ndarray) -> np.ndarray:
    matched = maximum_matching(mass)
    assert matched.dtype == np.int32 and matched.shape == (len(mass),)
    rows = np.flatnonzero(matched >= 0)
    columns = matched[rows]
    assert (matched[matched < 0] == -1).all()
    assert len(set(columns.tolist())) == len(columns)
    assert (mass[rows, columns] > 0).all()
    assert mass[rows, columns].astype(np.float64).sum() == pytest.approx(best_total(mass), rel=1e-12)
    return matched


def random_mass(kind: str, rows: int, columns: int, generator: np.random.Generator) -> np.ndarray:
    shape = (rows, columns)
    if kind == "uniform":
        mass = generator.random(shape)
    elif kind == "ties":
        mass = generator.integers(0, 4, shape)
    elif kind == "zeros":
        mass = generator.random(shape) * (generator.random(shape) < 0.1)
    elif kind == "rank one":
        mass = np.outer(generator.lognormal(0, 1, rows), generator.lognormal(0, 1, columns))
    else:
        popular = np.outer(generator.lognormal(0, 1, rows), generator.lognormal(0, 1, columns))
        mass = popular * generator.lognormal(0, 0.3, shape)
    return mass.astype(np.float32)


KINDS = ["uniform", "ties", "zeros", "rank one", "popular targets"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_total_is_the_oracles_on_many_small_graphs(kind: str) -> None:
    generator = np.random.default_rng(0)
    for _ in range(60):
        rows, columns = generator.integers(1, 25, 2)
        check(random_mass(kind, rows, columns, generator))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(300, 300), (120, 300), (300, 120)])
def test_the_total_is_the_oracles_on_hundreds_of_coalitions(kind: str, shape: tuple[int, int]) -> None:
    check(random_mass(kind, *shape, np.random.default_rng(1)))


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e12, 1e30])
def test_the_unit_of_mass_does_not_matter(scale: float) -> None:
    mass = random_mass("popular targets", 30, 40, np.random.default_rng(2))
    scaled = (mass.astype(np.float64) * scale).astype(np.float32)
    assert (check(scaled) == maximum_matching(mass)).all()


def test_where_the_best_matching_is_unique_it_is_found() -> None:
    # Greedy takes 9 + 1; the best is 8 + 7, and source 2 loses.
    mass = np.array([[9, 8], [7, 1], [6, 0]], dtype=np.float32)
    assert maximum_matching(mass).tolist() == [1, 0, -1]
    assert maximum_matching(mass.T).tolist() == [1, 0]


def test_a_target_that_must_be_covered_is_not_given_up_for_one_that_need_not() -> None:
    # Both columns are tight for row 0 only once prices are paid; a largest matching by number may pick either.
    mass = np.array([[5, 5, 4], [5, 0, 0]], dtype=np.float32)
    assert mass[[0, 1], maximum_matching(mass)].sum() == 10


def test_a_pair_without_mass_is_never_matched() -> None:
    mass = np.zeros((3, 4), dtype=np.float32)
    assert maximum_matching(mass).tolist() == [-1, -1, -1]
    mass[1, 2] = 1e-20
    assert maximum_matching(mass).tolist() == [-1, 2, -1]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_an_empty_graph_has_an_empty_matching(shape: tuple[int, int]) -> None:
    assert maximum_matching(np.zeros(shape, dtype=np.float32)).tolist() == [-1] * shape[0]


@settings(deadline=None, max_examples=150)
@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.integers(0, 5)))
def test_any_small_graph_with_ties_and_zeros_is_matched_best(mass: np.ndarray) -> None:
    check(mass)
