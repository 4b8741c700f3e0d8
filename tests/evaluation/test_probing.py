"""Probes of layers: a feature is read off the layer it is planted in, and not off its query's neighbours."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.probing import best_layers, draw_probe, probe
from hedonic_graph.evaluation.ridge import ridge

QUERIES = [f"q{number // 6}" for number in range(120)]


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.fixture(scope="module")
def states() -> np.ndarray:
    return normal(3, 120, 8)


def test_a_planted_feature_is_read_off_its_layer(states: np.ndarray) -> None:
    features = pd.DataFrame(
        {
            "in layer 8": states[1] @ normal(8, seed=1) + 3,
            "half": states[2, :, 0] + normal(120, seed=2),
            "nowhere": normal(120, seed=3),
            "constant": np.full(120, 1 / 3),
        }
    )
    found = probe(states, [7, 8, 9], features, QUERIES)
    assert list(found.index) == [7, 8, 9]
    assert list(found.columns) == list(features)
    assert found.loc[8, "in layer 8"] == pytest.approx(1, abs=1e-3)
    assert found.loc[9, "half"] == pytest.approx(0.5, abs=0.15)
    assert (found["nowhere"] < 0.1).all()
    assert (found.loc[[7, 9], "in layer 8"] < 0.1).all()
    assert found["constant"].isna().all()


def test_examples_of_a_query_are_left_out_together(states: np.ndarray) -> None:
    """A state that shows which query is asked says nothing of other queries."""
    query = np.repeat(np.arange(20), 6)
    shown = normal(20, 40)[query][None]
    features = pd.DataFrame({"of the query": normal(20, seed=4)[query]})
    assert probe(shown, [0], features, QUERIES).iloc[0, 0] < 0.2
    assert probe(shown, [0], features, [str(number) for number in range(120)]).iloc[0, 0] > 0.9


def test_folds_against_a_plain_loop(states: np.ndarray) -> None:
    features = pd.DataFrame({"half": states[2, :, 0] + normal(120, seed=2)})
    order = np.random.default_rng(5).permutation(20)
    names = sorted(set(QUERIES))
    fold = np.array([order[names.index(query)] % 4 for query in QUERIES])
    target = features.to_numpy()
    predictions = np.empty((120, 1))
    for one in range(4):
        predictions[fold == one] = ridge(
            states[0][fold != one], target[fold != one], states[0][fold == one]
        ).predictions
    found = probe(states[:1], [0], features, QUERIES, folds=4, seed=5)
    assert found.iloc[0, 0] == pytest.approx(r2_score(target, predictions))


def test_refusals(states: np.ndarray) -> None:
    features = pd.DataFrame({"a": normal(120)})
    with pytest.raises(UserError, match="do not fit 2 layers"):
        probe(states, [7, 8], features, QUERIES)
    with pytest.raises(UserError, match="5 folds need as many queries; there are 2"):
        probe(states, [7, 8, 9], features, ["a", "b"] * 60)
    with pytest.raises(UserError, match="not finite"):
        probe(np.full_like(states, np.nan), [7, 8, 9], features, QUERIES)


def test_drawing() -> None:
    layers = pd.Index([7, 8], name="layer")
    table = pd.DataFrame({"IDF": [0.1, 0.5], "BM25": [-3.0, 0.2], "LMIR.JM": [0.3, 0.4]}, index=layers)
    families = {"IDF": "IDF", "BM25": "models", "LMIR.JM": "models"}
    figure = draw_probe({"base": table, "tuned": table + 0.1}, families, "a model")
    assert [axis.get_title() for axis in figure.axes] == ["IDF", "models"]
    lines = {line.get_gid(): line for axis in figure.axes for line in axis.get_lines()}
    assert len(lines) == 6
    assert list(lines["IDF (tuned)"].get_ydata()) == pytest.approx([0.2, 0.6])
    assert list(lines["BM25 (base)"].get_ydata()) == [0, 0.2]
    assert lines["BM25 (base)"].get_color() == lines["BM25 (tuned)"].get_color() != lines["LMIR.JM (base)"].get_color()
    assert [lines[f"IDF ({name})"].get_linestyle() for name in ("base", "tuned")] == ["--", "-"]
    named = [text.get_text() for axis in figure.axes for text in axis.get_legend().get_texts()]
    assert named == ["IDF", "BM25", "LMIR.JM"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["base", "tuned"]


def test_lines_are_called_by_what_tells_them_apart() -> None:
    table = pd.DataFrame({"sum of tf*idf": [0.1], "min of tf*idf": [float("nan")], "IDF": [0.3]})
    figure = draw_probe({"base": table}, {"sum of tf*idf": "TF*IDF", "min of tf*idf": "TF*IDF", "IDF": "IDF"})
    assert [axis.get_title() for axis in figure.axes] == ["tf*idf", "IDF"]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["sum", "min (constant)"]
    assert not figure.legends


def test_best_layers() -> None:
    nan = float("nan")
    table = pd.DataFrame({"a": [-2.0, 0.5, 0.5], "b": [nan, nan, nan], "c": [-0.5, -1.0, nan]}, index=[3, 5, 7])
    assert best_layers(table) == [(0.5, 5), (None, None), (-0.5, 3)]


def test_drawing_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UserError, match=r'pip install "hedonic-graph\[plots\]"'):
        draw_probe({"base": pd.DataFrame({"IDF": [0.1]})}, {"IDF": "IDF"})
