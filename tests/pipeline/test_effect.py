"""The measured mass through a whole analysis: what is kept for it, and what is said of those not followed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from hedonic_graph.config import Config
from hedonic_graph.pipeline import tracking
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.results import open_results
from hedonic_graph.summary import layer_rows, verdicts


@pytest.fixture(scope="module")
def asked(config: Config) -> Config:
    return replace(config, valuation=("pas",), solver=("exact", "pac"), seed=(0,), mass="effect", shuffles=3)


@pytest.fixture(scope="module")
def measured(asked: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("effect") / "tiny"
    analyze(asked, folder)
    return folder


def test_the_stream_is_kept_of_the_layers_that_are_followed_into(measured: Path, asked: Config) -> None:
    kept = sorted(path.name for path in (measured / "stream").iterdir())
    assert kept == ["L02.safetensors", "L03.safetensors"]
    # In a layer of this kind the MLP's output is all that comes between.
    seen, x = load_file(measured / "capture/L02.safetensors"), load_file(measured / "stream/L02.safetensors")["x"]
    assert x.shape == seen["y"].shape
    results = open_results(measured, check=True)
    for run in results.runs:
        assert run.parameters["mass"] == "effect"
        assert (results.step(run, 1).mass > 0).all()
        assert results.step(run, 1).left_out == 0
    assert not any("no fate" in line for line in verdicts(results))
    assert analyze(asked, measured) == []


def test_another_mass_walks_again_for_what_it_needs_and_keeps_the_rest(
    measured: Path, asked: Config, tmp_path: Path
) -> None:
    folder = tmp_path / "tiny"
    plain = replace(asked, mass="composite")
    analyze(plain, folder)
    assert not (folder / "stream").exists()
    done = analyze(asked, folder)
    assert {unit.partition(".")[0].partition("/")[0] for unit in done} == {"stream", "lineage"}
    for layer in (1, 2):
        found, expected = (
            load_file(one / f"lineage.pas.exact/L0{layer}.safetensors")["flow"] for one in (folder, measured)
        )
        np.testing.assert_array_equal(found, expected)
    # And back: nothing of it was lost.
    assert {unit.partition(".")[0] for unit in analyze(plain, folder)} == {"lineage"}


def test_those_that_are_not_followed_have_no_flow_no_edges_and_no_fate_and_that_is_said(
    measured: Path, asked: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(measured, folder)
    shutil.rmtree(folder / "lineage.pas.exact")
    monkeypatch.setattr(tracking, "LARGEST", 2)
    analyze(asked, folder)
    results = open_results(folder)
    run = results.runs[0]
    large = [(results.coalitions(run, layer)["size"] >= 2).sum() for layer in (1, 2)]
    assert max(large) > 2
    for layer, count in zip((1, 2), large, strict=True):
        step = results.step(run, layer)
        assert (step.source.tolist(), step.left_out) == ([0, 1], count - 2)
        assert results.lineage_record(run, layer)["left_out"] == step.left_out
        coalitions = results.coalitions(run, layer)
        assert coalitions["fate"].notna().tolist() == [True, True] + [False] * (len(coalitions) - 2)
        assert set(results.edges(run, layer, 20)["source"]) <= {0, 1}
        origins = results.coalitions(run, layer + 1)["origin"].iloc[: step.mass.shape[1]]
        fed = (step.event != 0).any(0)
        if step.left_out:
            assert origins.notna().tolist() == fed.tolist()
            assert "emerge" not in set(origins) | set(step.counts) | set(step.chance)
        else:
            assert (origins == "emerge").tolist() == (~fed).tolist()
    assert layer_rows(results, run)[0]["edges"] == results.step(run, 1).mass.size
    most = int(np.argmax(large))
    assert (
        f"{run.id}: mass effect follows the 2 largest coalitions of a layer; the others ({large[most] - 2} in layer "
        f"{most + 1}, the most) have no flow, no edges and no fate; totals, beta and z are of those followed, and a "
        "coalition that none of them feeds has no origin, for another may"
    ) in verdicts(results)


def test_a_folder_of_before_says_nothing_of_those_left_out(measured: Path, tmp_path: Path) -> None:
    from hedonic_graph.lineage.storage import load_step

    unit = measured / "lineage.pas.exact/L01"
    record = json.loads(unit.with_suffix(".json").read_text())
    del record["left_out"]
    (tmp_path / "L01.json").write_text(json.dumps(record))
    assert load_step(unit.with_suffix(".safetensors"), tmp_path / "L01.json").left_out == 0
