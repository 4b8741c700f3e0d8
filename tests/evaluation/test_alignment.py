"""Alignment with features: against plain loops, with a planted feature, and its chance level."""

import numpy as np
import pandas as pd
import pytest

from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.alignment import align
from hedonic_graph.evaluation.means import coalition_means
from hedonic_graph.game.partition import Partition


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def named(values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(values, columns=[f"f{number}" for number in range(values.shape[1])])


def test_means_of_coalitions() -> None:
    activations = np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 5.0, -1.0, 2.0]], np.float32)
    partition = Partition.from_coalitions([[1], [0, 2, 3]], 4)
    np.testing.assert_allclose(coalition_means(activations, partition), [[8 / 3, 2.0], [1 / 3, 5.0]])


def test_means_refuse() -> None:
    with pytest.raises(UserError, match="not finite"):
        coalition_means(np.array([[np.nan, 0.0]]), Partition.from_labels(np.array([0, 0])))
    with pytest.raises(UserError, match="neurons"):
        coalition_means(np.zeros((2, 3)), Partition.from_labels(np.array([0, 0])))


def test_against_plain_loops() -> None:
    means, features = 5 + normal(40, 6), 3 - 1e3 * normal(40, 4, seed=1)
    found = align(means, named(features), permutations=10)
    for coalition in range(6):
        squares = [np.corrcoef(means[:, coalition], features[:, one])[0, 1] ** 2 for one in range(4)]
        assert found.r2[coalition] == pytest.approx(max(squares))
        assert found.feature[coalition] == f"f{int(np.argmax(squares))}"


def test_chance_against_plain_loops() -> None:
    means, features = normal(25, 3), normal(25, 4, seed=1)
    found = align(means, named(features), permutations=200, seed=5)
    random = np.random.default_rng(5)
    drawn = np.array(
        [
            [max(np.corrcoef(one, other)[0, 1] ** 2 for other in features[order].T) for one in means.T]
            for order in (random.permutation(25) for _ in range(200))
        ]
    )
    np.testing.assert_allclose(found.chance, drawn.mean(0))
    np.testing.assert_allclose(found.chance_95, np.quantile(drawn, 0.95, axis=0))
    np.testing.assert_allclose(found.p, (1 + (drawn >= found.r2.to_numpy()).sum(0)) / 201)


def test_many_permutations_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    means, features = normal(25, 3), named(normal(25, 4, seed=1))
    whole = align(means, features, permutations=37)
    monkeypatch.setattr("hedonic_graph.evaluation.alignment._BLOCK", 25 * 4 * 5)
    pd.testing.assert_frame_equal(align(means, features, permutations=37), whole)


def test_a_planted_feature_stands_out() -> None:
    features, means = named(normal(200, 20)), normal(200, 5, seed=1)
    means[:, 3] = -2 * features["f7"] + 0.5 * normal(200, seed=2)
    found = align(means, features)
    assert found.feature[3] == "f7"
    assert found.r2[3] == pytest.approx(4 / 4.25, abs=0.03)
    assert found.p[3] == pytest.approx(1 / 1001)
    others = found.drop(3)
    assert (others.r2 < 0.1).all()
    assert (others.p > 0.01).all()
    # The best of 20 features of 200 examples: E max chi2_1 / 200, with E max of about 6.
    assert found.chance.between(0.015, 0.05).all()


def test_chance_among_queries_with_several_examples() -> None:
    """Both sides hang on the query alone: 20 queries, not 200 examples, say what chance is."""
    queries = np.repeat(np.arange(20), 10)
    groups = [f"q{number}" for number in queries]
    features, means = named(normal(20, 20)[queries]), normal(20, 50, seed=1)[queries]
    alone, together = align(means, features), align(means, features, groups=groups)
    pd.testing.assert_series_equal(alone.r2, together.r2)
    assert alone.p.mean() < 0.01
    assert together.p.mean() == pytest.approx(0.5, abs=0.15)
    assert together.chance.mean() == pytest.approx(together.r2.mean(), abs=0.05)


def test_queries_change_places_with_equals() -> None:
    means = np.arange(7.0)[:, None]
    features = named(np.array([[0.0], [1], [0], [2], [5], [5], [9]]))
    # a and b, two examples each, in any order; c is the only one with three: two arrangements in all.
    found = align(means, features, groups=list("abab") + list("ccc"), permutations=400)
    swapped = [np.corrcoef(means[:, 0], moved)[0, 1] ** 2 for moved in ([0, 1, 0, 2, 5, 5, 9], [1, 0, 2, 0, 5, 5, 9])]
    assert found.r2[0] == pytest.approx(swapped[0])
    assert found.chance[0] == pytest.approx(np.mean(swapped), abs=0.005)
    assert found.p[0] == pytest.approx(1 / 2, abs=0.1)
    with pytest.raises(UserError, match="no two queries have equally many examples"):
        align(means, features, groups=list("abbcccc"))


def test_what_does_not_vary() -> None:
    means, features = normal(10, 2), normal(10, 2, seed=1)
    means[:, 0], features[:, 0] = 0.1, 1e9 / 3
    found = align(means, named(features), permutations=20)
    assert list(found.r2[:1]) == [0]
    assert pd.isna(found.feature[0])
    assert found.p[0] == 1
    assert found.feature[1] == "f1"


def test_refusals() -> None:
    with pytest.raises(UserError, match="features of 3 examples and activations of 4"):
        align(normal(4, 1), named(normal(3, 1)))
    with pytest.raises(UserError, match="not finite"):
        align(normal(4, 1), named(np.full((4, 1), np.inf)))
