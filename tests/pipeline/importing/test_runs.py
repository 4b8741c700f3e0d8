"""Imported partitions have the lineage of the analysis that they are from, and share a folder with other runs."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pipeline.importing.conftest import LAYERS
from pipeline.test_analyze import contents
from tiny import D_FF

from hedonic_graph.config import Config, ImportConfig
from hedonic_graph.errors import UserError
from hedonic_graph.partitions.readers import Coalitions
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.pipeline.importing import import_partitions
from hedonic_graph.results import open_results
from hedonic_graph.summary import verdicts


def test_lineage_is_that_of_the_analysis_the_partitions_are_from(both: Path, whole: Path) -> None:
    theirs, ours = contents(whole), contents(both)
    for run, name in (("pas.exact", "imported"), ("pas.pac.0", "imported.pac")):
        for layer in (1, 2):
            for suffix in (".safetensors", ".json"):
                assert ours[f"lineage.{name}/L{layer:02}{suffix}"] == theirs[f"lineage.{run}/L{layer:02}{suffix}"]
    before, after = open_results(whole), open_results(both)
    assert after.model == before.model
    assert [run.id for run in after.runs] == ["published/imported", "published/imported.pac"]
    for run, source in zip(after.runs, (before.runs[0], before.runs[1]), strict=True):
        assert (run.valuation, run.solver, run.seed, run.layers) == (None, "imported", None, LAYERS)
        for layer in LAYERS:
            assert after.coalitions(run, layer).equals(before.coalitions(source, layer))
            assert after.edges(run, layer, 5).equals(before.edges(source, layer, 5))
            members, known = after.members(run, layer), before.members(source, layer)
            assert members[["neuron", "coalition"]].equals(known[["neuron", "coalition"]])
            assert members.dtypes.equals(known.dtypes)
            assert members["utility"].isna().all()
        assert not any(name.startswith(("blocking", "second", "seed")) for name in run.honesty)
        lineage = {name for name in run.honesty if "shuffled" in name or "edges" in name}
        assert {name: run.honesty[name] for name in lineage} == {name: source.honesty[name] for name in lineage}
        assert len(lineage) == 6


def test_nothing_is_made_up_of_a_valuation(both: Path) -> None:
    results = open_results(both)
    for one in (results.preferences, results.preferences_fingerprint):
        with pytest.raises(UserError, match=r"does not hold phi\.pas/L01|nothing is known of any valuation"):
            one("pas", 1)
    assert results.second_order(results.runs[0], 1) is None
    assert results.agreement(results.runs[0], 1) is None
    said = "\n".join(verdicts(results))
    assert "imported partitions come without a valuation: nothing is said of their stability" in said
    assert "under shuffled membership" in said
    assert "blocked" not in said
    units = json.loads((both / "manifest.json").read_text())["units"]
    assert not any(unit.startswith(("phi", "moments", "agreement")) for unit in units)


def test_what_made_a_run_is_kept(both: Path, exact: dict[int, Coalitions]) -> None:
    run = open_results(both).runs[0]
    assert run.parameters["files"] == ", ".join(str(exact[layer].file) for layer in LAYERS)
    assert run.parameters["mass"] == "composite"
    files = json.loads(run.config)["files"]
    assert [(file["layer"], file["sha256"]) for file in files] == [(one, exact[one].sha256) for one in LAYERS]
    assert run.task == "CQTR"


def test_second_time_nothing_is_done(both: Path, asked: ImportConfig, exact: dict[int, Coalitions]) -> None:
    before = {path: path.stat().st_mtime_ns for path in both.glob("*/L*")}
    manifest = json.loads((both / "manifest.json").read_text())
    said: list[str] = []
    assert import_partitions(asked, exact, both, report=said.append) == []
    assert said == []
    assert before == {path: path.stat().st_mtime_ns for path in both.glob("*/L*")}
    assert json.loads((both / "manifest.json").read_text()) == manifest


def test_a_second_import_captures_nothing_again(
    tmp_path: Path, asked: ImportConfig, exact: dict[int, Coalitions], pac: dict[int, Coalitions]
) -> None:
    first = import_partitions(asked, exact, tmp_path / "a")
    kinds = ("partition.imported", "text", "capture", "lineage.imported")
    assert {unit.rpartition("/")[0] for unit in first} == set(kinds)
    second = import_partitions(asked, pac, tmp_path / "a", name="pac")
    assert {unit.rpartition("/")[0] for unit in second} == {"partition.imported.pac", "lineage.imported.pac"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"shuffles": 3}, r"holds imported, whose shuffles is 20, not 3: the runs of a folder share"),
        ({"task": None}, "whose task is CQTR, not None"),
        ({"max_tokens": 3}, "whose max_tokens is 512, not 3"),
        ({"text": "other"}, r"whose text \(by its checksum\) is [0-9a-f]{8}, not [0-9a-f]{8}:"),
        ({"text": None, "batch_size": 16}, "whose text .* is [0-9a-f]{8}, not None"),
        (
            {"model": None, "adapter": None, "text": None, "batch_size": 16, "neurons": D_FF},
            "whose model is tiny.*, not unknown@published",
        ),
    ],
)
def test_the_runs_of_a_folder_share_what_they_hang_on(
    copy: Path, asked: ImportConfig, pac: dict[int, Coalitions], change: dict[str, Any], says: str, tmp_path: Path
) -> None:
    if change.get("text") == "other":
        assert asked.text is not None
        lines = Path(asked.text).read_text().splitlines()[:5]
        (tmp_path / "other.jsonl").write_text("\n".join(lines))
        change = {"text": str(tmp_path / "other.jsonl")}
    before = (copy / "manifest.json").read_bytes()
    with pytest.raises(UserError, match=says):
        import_partitions(replace(asked, **change), pac, copy, name="third")
    assert (copy / "manifest.json").read_bytes() == before


def test_a_folder_without_text_takes_no_run_with_one(
    tmp_path: Path, asked: ImportConfig, exact: dict[int, Coalitions], pac: dict[int, Coalitions]
) -> None:
    shape = ImportConfig(model=asked.model, adapter=asked.adapter, task=asked.task, layers=LAYERS)
    import_partitions(shape, exact, tmp_path / "a")
    with pytest.raises(UserError, match=r"whose text \(by its checksum\) is None, not [0-9a-f]{8}:"):
        import_partitions(asked, pac, tmp_path / "a", name="pac")


def test_the_same_text_from_another_place_is_the_same(
    copy: Path, asked: ImportConfig, pac: dict[int, Coalitions], tmp_path: Path
) -> None:
    assert asked.text is not None
    shutil.copy(asked.text, tmp_path / "copy.jsonl")
    changed = replace(asked, text=str(tmp_path / "copy.jsonl"), batch_size=3)
    assert import_partitions(changed, pac, copy, name="pac") == []


def test_other_partitions_of_a_name_need_replace(
    copy: Path, asked: ImportConfig, exact: dict[int, Coalitions], pac: dict[int, Coalitions]
) -> None:
    before = (copy / "manifest.json").read_bytes()
    with pytest.raises(UserError, match=r"published/imported holds other partitions \(layer 1 differs\)"):
        import_partitions(asked, pac, copy)
    assert (copy / "manifest.json").read_bytes() == before
    fingerprints = {run.id: open_results(copy).fingerprint(run) for run in open_results(copy).runs}
    done = import_partitions(asked, pac, copy, replace=True)
    assert {unit.rpartition("/")[0] for unit in done} == {"partition.imported", "lineage.imported"}
    results = open_results(copy, check=True)
    assert [run.id for run in results.runs] == list(fingerprints)
    changed = [run.id for run in results.runs if results.fingerprint(run) != fingerprints[run.id]]
    assert changed == ["published/imported"]
    assert results.edges(results.runs[0], 1, 5).equals(results.edges(results.runs[1], 1, 5))


def test_other_layers_of_a_name_need_replace(tmp_path: Path, asked: ImportConfig, exact: dict[int, Coalitions]) -> None:
    import_partitions(asked, exact, tmp_path / "a")
    two = {layer: exact[layer] for layer in (2, 3)}
    with pytest.raises(UserError, match=r"a/imported holds other partitions \(layer 1 differs\)"):
        import_partitions(replace(asked, layers=(2, 3)), two, tmp_path / "a")
    assert import_partitions(replace(asked, layers=(2, 3)), two, tmp_path / "a", replace=True) == []
    results = open_results(tmp_path / "a")
    assert results.runs[0].layers == (2, 3)
    assert results.coalitions(results.runs[0], 2)["origin"].isna().all()


def test_a_lone_run_takes_other_options_and_a_model_later(
    tmp_path: Path, asked: ImportConfig, exact: dict[int, Coalitions], both: Path
) -> None:
    folder = tmp_path / "published"
    plain = ImportConfig(layers=LAYERS, neurons=D_FF)
    assert len(import_partitions(plain, exact, folder)) == 3
    done = import_partitions(asked, exact, folder)
    assert not any(unit.startswith("partition") for unit in done)
    theirs = contents(both)
    assert contents(folder) == {file: theirs[file] for file in contents(folder)}
    done = import_partitions(replace(asked, shuffles=3), exact, folder)
    assert done == ["lineage.imported/L01", "lineage.imported/L02"]


def test_each_command_has_its_own_folders(
    copy: Path, whole: Path, config: Config, asked: ImportConfig, exact: dict[int, Coalitions]
) -> None:
    with pytest.raises(UserError, match=r"was made by `hedonic-graph import`: name another folder"):
        analyze(config, copy)
    with pytest.raises(UserError, match=r"was made by `hedonic-graph analyze`: name another folder"):
        import_partitions(asked, exact, whole)
    assert len(open_results(copy).runs) == 2
