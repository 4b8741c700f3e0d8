"""The pipeline of a probe: a planted feature is found in its layer; units are redone when their inputs change."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from oracle import Whole
from tiny import WORDS, save_adapter

from hedonic_graph.errors import UserError
from hedonic_graph.pipeline import probing
from hedonic_graph.pipeline.probe_config import ProbeConfig
from hedonic_graph.pipeline.probing import probe_layers, read_probe
from hedonic_graph.text.pairs import Pair, write_pairs


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160 pairs of 40 queries."""
    draw = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("text") / "pairs.jsonl"
    queries = [" ".join(draw.choice(WORDS, 3)) for _ in range(40)]
    write_pairs(path, [Pair(query, " ".join(draw.choice(WORDS, 4 + n))) for query in queries for n in range(4)])
    return path


@pytest.fixture(scope="module")
def adapter(tiny_base: Path) -> Path:
    return save_adapter(tiny_base, tiny_base.parent / "strong-lora", scale=0.5)


@pytest.fixture
def config(tiny_base: Path, adapter: Path, text: Path) -> dict[str, Any]:
    return {"model": str(tiny_base), "adapter": str(adapter), "text": str(text), "feature": ("BM25", "stream length")}


def test_a_planted_feature_is_found_in_its_layer(
    config: dict[str, Any], tiny_base: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linear in what leaves layer 2 of the tuned model, by plain peft."""
    whole = Whole(tiny_base, adapter)
    weights = np.random.default_rng(1).normal(size=24)

    def planted(queries: list[str], passages: list[str]) -> pd.DataFrame:
        values = []
        for query, passage in zip(queries, passages, strict=True):
            given = whole.tokenizer(f"query: {query}, passage: {passage}", return_tensors="pt")
            with torch.no_grad():
                hidden = whole.tuned(**given, output_hidden_states=True).hidden_states
            values.append(hidden[3][0, -1].numpy() @ weights)
        return pd.DataFrame({"BM25": values, "stream length": 1.0})

    monkeypatch.setattr(probing, "mslr_features", planted)
    probe_layers(ProbeConfig(**config), tmp_path / "out")
    tables = read_probe(tmp_path / "out")
    assert list(tables) == ["base", "tuned"]
    tuned, base = tables["tuned"], tables["base"]
    assert list(tuned.index) == list(base.index) == [0, 1, 2, 3]
    assert tuned["BM25"].idxmax() == 2
    assert tuned.loc[2, "BM25"] > 0.999
    assert (tuned["BM25"].drop(2) < 0.98).all()
    assert (base["BM25"] < 0.98).all()
    assert tuned["stream length"].isna().all()


def test_what_has_not_changed_is_left_alone(config: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    states = [f"states.{model}/L{layer:02d}" for model in ("base", "tuned") for layer in (1, 3)]
    first = probe_layers(ProbeConfig(**config, layers=(1, 3)), folder)
    assert first == [*states, "base", "tuned", "figure"]
    assert {path.name for path in folder.iterdir()} == {
        ".lock", "manifest.json", "states.base", "states.tuned", "base.csv", "tuned.csv", "figure.png", "figure.svg"
    }  # fmt: skip
    assert probe_layers(ProbeConfig(**config, layers=(1, 3)), folder) == []
    assert probe_layers(ProbeConfig(**config, layers=(1, 3), seed=1), folder) == ["base", "tuned", "figure"]
    more = probe_layers(ProbeConfig(**config, layers=(1, 2, 3), seed=1), folder)
    assert more == ["states.base/L02", "states.tuned/L02", "base", "tuned", "figure"]
    said: list[str] = []
    (folder / "tuned.csv").write_text("layer\n")
    assert probe_layers(ProbeConfig(**config, layers=(1, 2, 3), seed=1), folder, report=said.append) == ["tuned"]
    assert "tuned.csv is damaged" in said[0]


def test_an_interrupted_probe_goes_on(config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tmp_path / "whole"
    probe_layers(ProbeConfig(**config), whole)
    taken = probing.states

    def cut_off(*arguments: Any, **options: Any) -> Any:
        for number, (layer, state) in enumerate(taken(*arguments, **options)):
            if number == 2:
                raise KeyboardInterrupt
            yield layer, state

    monkeypatch.setattr(probing, "states", cut_off)
    with pytest.raises(KeyboardInterrupt):
        probe_layers(ProbeConfig(**config), tmp_path / "out")
    monkeypatch.setattr(probing, "states", taken)
    done = probe_layers(ProbeConfig(**config), tmp_path / "out")
    assert done[:2] == ["states.base/L02", "states.base/L03"]
    for name in ("base.csv", "tuned.csv"):
        one, two = (pd.read_csv(folder / name) for folder in (whole, tmp_path / "out"))
        pd.testing.assert_frame_equal(one, two, rtol=1e-4)


def test_a_base_alone_leaves_no_table_of_another(config: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    probe_layers(ProbeConfig(**config, layers=(1,)), folder)
    probe_layers(ProbeConfig(**(config | {"adapter": None}), layers=(1,)), folder)
    assert list(read_probe(folder)) == ["base"]
    assert not (folder / "tuned.csv").exists()


def test_examples_of_a_query_stay_together_whatever_their_ids(config: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, [Pair("what is", f"a neuron {word}", f"q{n}", f"d{n}") for n, word in enumerate(WORDS)])
    with pytest.raises(UserError, match="5 folds need as many queries; there are 1"):
        probe_layers(ProbeConfig(**(config | {"text": str(path)})), tmp_path / "out")
    assert not (tmp_path / "out").exists()
