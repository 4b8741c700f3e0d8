"""Ridge on coalition means: against scikit-learn and closed forms, and what it says of planted coalitions."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as PlainRidge
from sklearn.metrics import r2_score

from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.means import coalition_means
from hedonic_graph.evaluation.predictivity import Domain, macro_features, predictivity, r2_resamples
from hedonic_graph.evaluation.ridge import PENALTIES, r2, ridge
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.random import random_partition


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def domain(examples: int, seed: int) -> Domain:
    """Neurons 0-5 and 6-11 each share a hidden value; the label is their difference; 48 others are noise."""
    hidden = normal(examples, 2, seed=seed)
    noise = normal(examples, 60, seed=seed + 1)
    noise[:, :12] = np.repeat(hidden, 6, axis=1) + 2 * noise[:, :12]
    return Domain(noise, hidden[:, 0] - hidden[:, 1], [f"q{number // 10}" for number in range(examples)])


PLANTED = Partition.from_coalitions([range(6), range(6, 12), range(12, 18), *([n] for n in range(18, 60))], 60)
OTHER = Partition.from_coalitions([range(18, 40), range(40, 50), range(50, 60), *([n] for n in range(18))], 60)


@pytest.mark.parametrize("columns", [3, 40])
def test_ridge_against_the_definition(columns: int) -> None:
    x, targets, new = normal(30, columns) * 5 + 3, normal(30, 2, seed=1), normal(7, columns, seed=2)
    targets[:, 0] += x[:, 0]
    found = ridge(x, targets, new)
    mean, deviation = x.mean(0), x.std(0)
    for column in range(2):
        errors = []
        for penalty in PENALTIES * 30:
            design = np.column_stack([(x - mean) / deviation, np.ones(30)])
            weight = np.diag([penalty] * columns + [0.0])
            hat = design @ np.linalg.solve(design.T @ design + weight, design.T)
            residual = targets[:, column] - hat @ targets[:, column]
            errors.append(np.mean((residual / (1 - np.diag(hat))) ** 2))
        best = float(PENALTIES[np.argmin(errors)])
        assert found.penalties[column] == pytest.approx(best)
        plain = PlainRidge(alpha=30 * best).fit((x - mean) / deviation, targets[:, column])
        np.testing.assert_allclose(found.predictions[:, column], plain.predict((new - mean) / deviation))


def test_r2_against_a_library() -> None:
    labels, predictions = normal(20, 3), normal(20, 3, seed=1)
    assert r2(labels, predictions) == pytest.approx(r2_score(labels, predictions, multioutput="raw_values"))
    assert np.isnan(r2(np.full((20, 1), 1 / 3), predictions[:, :1]))


def test_what_planted_coalitions_foretell() -> None:
    train, test = domain(400, 0), domain(300, 10)
    found = predictivity(train, test, {"planted": PLANTED, "other": OTHER})
    assert list(found.index) == ["planted", "other", "raw neurons", "mean"]
    assert list(found.features) == [3, 3, 60, 0]
    assert list(found.neurons) == [18, 42, 60, 0]
    assert (found.r2[["planted", "raw neurons"]] > 0.5).all()
    assert abs(found.r2["other"]) < 0.05
    assert found.r2["mean"] == pytest.approx(r2_score(test.labels, np.full(300, train.labels.mean())))
    assert found.r2["mean"] <= 0
    assert np.isnan(found.correlation["mean"])
    means = [coalition_means(one.activations, PLANTED)[:, :3] for one in (train, test)]
    plain = ridge(means[0], train.labels[:, None], means[1]).predictions[:, 0]
    assert found.r2["planted"] == pytest.approx(r2_score(test.labels, plain))
    assert found.correlation["planted"] == pytest.approx(np.corrcoef(plain, test.labels)[0, 1])
    assert (found.low < found.r2).all()
    assert (found.r2 < found.high).all()


def test_a_shift_between_domains_shows_in_r2_and_not_in_the_correlation() -> None:
    train, test = domain(400, 0), domain(300, 10)
    shifted = Domain(test.activations, test.labels + 9, test.queries)
    one, other = (predictivity(train, to, {"planted": PLANTED}, resamples=10) for to in (test, shifted))
    assert other.correlation["planted"] == pytest.approx(one.correlation["planted"])
    assert other.r2["planted"] < -1 < one.r2["planted"]


def test_the_number_of_macro_features() -> None:
    sizes = np.array([5, 4, 2] + [1] * 49)
    assert macro_features([PLANTED, OTHER, random_partition(sizes, 60, 0)]) == 3
    train, test = domain(50, 0), domain(50, 10)
    assert predictivity(train, test, {"planted": PLANTED}, count=2).neurons["planted"] == 12
    for count in (0, 4):
        with pytest.raises(UserError, match=f"{count} macro-features were asked for; every method has 1 to 3"):
            predictivity(train, test, {"planted": PLANTED}, count=count)
    with pytest.raises(UserError, match="no coalition of 2 neurons or more"):
        macro_features([Partition.from_labels(np.arange(60))])


def test_resamples_take_whole_queries() -> None:
    test = Domain(normal(6, 1), np.array([0.0, 2, 5, 5, 1, 7]), list("aabbcc"))
    predictions = normal(2, 6, seed=1)
    found = r2_resamples(test, predictions, resamples=50, seed=3)
    drawn = np.random.default_rng(3).multinomial(3, [1 / 3] * 3, size=50)
    for resample in np.flatnonzero(drawn[:, 1] < 3):
        rows = [row for query in range(3) for row in [2 * query, 2 * query + 1] * drawn[resample, query]]
        for method in range(2):
            assert found[method, resample] == pytest.approx(r2_score(test.labels[rows], predictions[method, rows]))
    assert np.isnan(found[:, drawn[:, 1] == 3]).all()


def test_refusals() -> None:
    with pytest.raises(UserError, match="2 examples have activations, 3 labels, 2 queries"):
        Domain(normal(2, 1), np.zeros(3), ["a", "b"])
    with pytest.raises(UserError, match="labels do not vary"):
        Domain(normal(2, 1), np.ones(2), ["a", "b"])
    with pytest.raises(UserError, match="not finite"):
        Domain(normal(2, 1), np.array([0, np.nan]), ["a", "b"])
