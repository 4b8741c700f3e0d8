import numpy as np
import pytest
import torch

from hedonic_graph.lineage.membership import Membership
from hedonic_graph.lineage.significance import standardise, z_scores


def scores(flows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    inflow = torch.from_numpy(flows).float().T
    return z_scores(standardise(inflow), Membership(labels)).numpy()


def plain_g(flows: np.ndarray) -> np.ndarray:
    g = flows / flows.mean(0)
    return g / g.mean(1, keepdims=True)


def heavy_tailed(sources: int, neurons: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(0.0, 1.0, (sources, neurons))


def test_z_is_the_formula_of_the_design() -> None:
    flows, labels = heavy_tailed(5, 40), np.random.default_rng(1).integers(-1, 6, 40)
    g, z = plain_g(flows), scores(flows, labels)
    for c in range(5):
        for t in range(6):
            s = int((labels == t).sum())
            mean, var = g[c].mean(), g[c].var()
            expected = (g[c][labels == t].sum() - s * mean) / np.sqrt(s * var * (1 - (s - 1) / 39))
            assert z[c, t] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("s", [2, 30, 190])
def test_z_measures_distance_from_random_draws_of_as_many_neurons(s: int) -> None:
    neurons = 200
    flows = heavy_tailed(3, neurons, seed=2)
    labels = np.full(neurons, -1)
    labels[:s] = 0
    generator = np.random.default_rng(3)
    draws = np.argsort(generator.random((10_000, neurons)), axis=1)[:, :s]
    z = scores(flows, labels)
    for g, found in zip(plain_g(flows), z[:, 0].tolist(), strict=True):
        drawn = g[draws].sum(1)
        # Standard errors over 10,000 draws: 0.01 of the deviation for the mean, about 2 % for the deviation.
        assert found == pytest.approx((g[:s].sum() - drawn.mean()) / drawn.std(), abs=0.05 * max(1, abs(found)))


def test_z_of_random_draws_has_mean_0_and_deviation_1() -> None:
    neurons, s = 60, 6
    flows = heavy_tailed(2, neurons, seed=4)
    generator = np.random.default_rng(5)
    labels = np.repeat(np.arange(neurons // s), s)
    z = np.concatenate([scores(flows, generator.permutation(labels)) for _ in range(1000)], axis=1)
    assert z.mean(1) == pytest.approx(np.zeros(2), abs=1e-4)
    assert z.std(1) == pytest.approx(np.ones(2), abs=0.03)


def test_z_of_a_target_that_is_the_whole_layer_is_null() -> None:
    z = scores(heavy_tailed(3, 8), np.zeros(8, dtype=int))
    assert np.isnan(z).all()


def test_a_neuron_everybody_feeds_does_not_stand_out() -> None:
    flows, labels = heavy_tailed(4, 10), np.arange(10) % 3
    strong = flows * np.array([1000.0] + [1.0] * 9)
    np.testing.assert_allclose(scores(strong, labels), scores(flows, labels), rtol=1e-3, atol=1e-5)


def test_a_source_that_feeds_everybody_does_not_stand_out() -> None:
    flows, labels = heavy_tailed(1, 10).repeat(3, 0), np.arange(10) % 3
    flows[1] *= 50
    flows[2] = heavy_tailed(1, 10, seed=9)[0]
    z = scores(flows, labels)
    np.testing.assert_allclose(z[0], z[1], rtol=1e-3)


def test_one_source_alone_has_no_z() -> None:
    assert np.isnan(scores(heavy_tailed(1, 10), np.arange(10) % 3)).all()


def test_sources_in_proportion_have_no_z() -> None:
    flows = np.outer([1.0, 3.0, 0.7], heavy_tailed(1, 500)[0])
    assert np.isnan(scores(flows, np.arange(500) % 3)).all()


def test_a_source_without_any_flow_has_no_z_and_disturbs_no_other() -> None:
    flows, labels = heavy_tailed(4, 10), np.arange(10) % 3
    flows[2] = 0
    z = scores(flows, labels)
    assert np.isnan(z[2]).all()
    np.testing.assert_allclose(z[[0, 1, 3]], scores(flows[[0, 1, 3]], labels), rtol=1e-4)


def test_a_neuron_nobody_feeds_pulls_no_target_up_or_down() -> None:
    flows = heavy_tailed(4, 10)
    flows[:, [0, 5]] = 0
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
    z = scores(flows, labels)
    live = np.delete(np.arange(10), [0, 5])
    g = np.ones((4, 10))
    g[:, live] = plain_g(flows[:, live])
    for t in range(3):
        s = int((labels == t).sum())
        expected = (g[:, labels == t].sum(1) - s) / np.sqrt(s * g.var(1) * (1 - (s - 1) / 9))
        np.testing.assert_allclose(z[:, t], expected, atol=1e-5)


def test_no_flow_at_all_has_no_z() -> None:
    assert np.isnan(scores(np.zeros((3, 6)), np.arange(6) % 2)).all()
