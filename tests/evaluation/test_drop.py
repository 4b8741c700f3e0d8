"""Drops of a metric: by hand, against plain Python, and on a model with a planted group."""

from pathlib import Path

import numpy as np
import pytest
from models.loading import ablated_scores, load, sentences
from safetensors.torch import load_file, save_file
from tiny import D_FF, save_adapter

from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.drop import Drops, drops, ranked, squared_error
from hedonic_graph.models.capture import batches

QUERIES = ["b", "a", "b", "c", "b", "a"]
LABELS = np.array([0.0, 1.0, 0.5, 0.25, 1.0, 0.0])


def scores(groups: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    return draw.random(6), draw.random((groups, 6))


def test_by_hand() -> None:
    measure = squared_error(np.array([0.0, 1.0, 1.0]), ["q", "q", "r"])
    whole, ablated = np.array([0.0, 1.0, 0.5]), np.array([[1.0, 1.0, 0.5], [0.0, 1.0, 1.0]])
    assert measure(whole) == pytest.approx(-1 / 12)
    found = Drops.of(whole, ablated, measure)
    np.testing.assert_allclose(found.parts, [[1, 0], [0, -0.25]])
    np.testing.assert_allclose(found.values, [1 / 3, -1 / 12])
    # With two queries the 95 % interval spans the resamples that hold one of them only.
    table = drops(whole, ablated, measure)
    np.testing.assert_allclose(table["low"], [0, -0.25])
    np.testing.assert_allclose(table["high"], [0.5, 0])


def test_ndcg_of_judged_queries() -> None:
    """The last query has no judgement; the first is turned upside down, which costs 1 - 1 / log2(3)."""
    measure = ranked(["q", "q", "r", "s"], ["x", "y", "z", "x"], {"q": {"x": 1}, "r": {"z": 2}}, k=2)
    found = Drops.of(np.array([2.0, 1, 0, 0]), np.array([[1.0, 2, 0, 0]]), measure)
    assert measure.name == "ndcg@2"
    assert found.values == pytest.approx((1 - 1 / np.log2(3)) / 2)
    np.testing.assert_allclose(found.weights, [1, 1])


def test_resamples_are_those_of_the_plain_examples() -> None:
    """Every resample is the drop of the examples of the queries drawn, each as often as it was drawn."""
    whole, ablated = scores()
    found = Drops.of(whole, ablated, squared_error(LABELS, QUERIES)).resampled(20, seed=3)
    drawn = np.random.default_rng(3).multinomial(3, [1 / 3] * 3, size=20)
    for column, times in zip(found.T, drawn, strict=True):
        rows = [
            row
            for name, count in zip("abc", times, strict=True)
            for row in count * np.flatnonzero(np.array(QUERIES) == name).tolist()
        ]
        labels = LABELS[rows]
        expected = ((ablated[:, rows] - labels) ** 2).mean(1) - ((whole[rows] - labels) ** 2).mean()
        np.testing.assert_allclose(column, expected)


def test_the_interval_covers_the_true_drop() -> None:
    """In about 95 of 100 samples of queries, whose examples are alike."""
    draw = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        queries = np.repeat(np.arange(50), 4)
        effect = 0.3 + np.repeat(draw.normal(size=50), 4)  # the squared error grows by its square: 1.09 on average
        measure = squared_error(np.zeros(200), [str(one) for one in queries])
        table = drops(np.zeros(200), effect[None], measure, seed=trial)
        covered += bool(table["low"][0] <= 1.09 <= table["high"][0])
    assert 175 <= covered <= 197


def test_a_group_that_carries_the_readout_drops_most(tiny_base: Path, tmp_path: Path) -> None:
    """Four neurons of layer 1 whose columns were tuned along the head's own direction, among twenty random fours."""
    adapter = save_adapter(tiny_base, tmp_path / "planted")
    state = load_file(adapter / "adapter_model.safetensors")
    start = "base_model.model.model.layers.1.mlp.down_proj"
    planted = np.array([5, 11, 23, 38])
    head = state["base_model.model.score.weight"][0]
    state[f"{start}.lora_A.weight"][0] = 0
    state[f"{start}.lora_A.weight"][0, planted] = 1
    state[f"{start}.lora_B.weight"][:, 0] = head / head.norm()
    save_file(state, adapter / "adapter_model.safetensors")
    model = load(tiny_base, adapter)
    prompts = sentences(12)
    batched = batches(model, prompts, batch_size=12, max_tokens=64)
    draw = np.random.default_rng(0)
    others = [draw.choice(np.setdiff1d(np.arange(D_FF), planted), 4, replace=False) for _ in range(20)]
    whole, ablated = ablated_scores(model, batched, 1, [*others, planted])
    # The model is right, but for noise.
    labels = whole + draw.normal(size=12) * 0.01
    table = drops(whole, ablated, squared_error(labels, [str(one) for one in range(12)]))
    assert table["drop"].idxmax() == 20
    assert table["low"][20] > table["high"][:20].max()


def test_mistakes() -> None:
    whole, ablated = scores()
    measure = squared_error(LABELS, QUERIES)
    for labels in (LABELS[:5], LABELS[None], np.empty(0)):
        with pytest.raises(UserError, match="labels and queries of 6 examples"):
            squared_error(labels, QUERIES)
    with pytest.raises(UserError, match="labels hold values that are not finite"):
        squared_error(np.array([np.nan]), ["q"])
    with pytest.raises(UserError, match="there are scores of 5 examples, and 6 that are judged"):
        drops(whole[:5], ablated[:, :5], measure)
    with pytest.raises(UserError, match="scores hold values that are not finite"):
        drops(whole, ablated * np.inf, measure)
    with pytest.raises(UserError, match=r"must be \[groups, examples\], not \[6\]"):
        drops(whole, ablated[0], measure)
