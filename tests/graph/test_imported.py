"""Imported partitions in the graph: with a lineage and without, on real stores."""

import json
import random
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tiny import D_FF

from hedonic_graph.cli import main
from hedonic_graph.config import ImportConfig
from hedonic_graph.errors import UserError
from hedonic_graph.graph import runs, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Store
from hedonic_graph.partitions.layers import gather
from hedonic_graph.pipeline.importing import import_partitions
from hedonic_graph.results import open_results
from hedonic_graph.results.reader import AnalysisResults

LAYERS = (1, 2, 3)
TAG = f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Eight coalitions of four, and eight neurons alone, in each layer."""
    folder = tmp_path_factory.mktemp("files")
    draw = random.Random(0)
    for layer in LAYERS:
        neurons = list(range(D_FF))
        draw.shuffle(neurons)
        coalitions = [neurons[start : start + 4] for start in range(0, 32, 4)] + [[one] for one in neurons[32:]]
        (folder / f"L{layer:02}.json").write_text(json.dumps(coalitions))
    return sorted(folder.glob("*.json"))


@pytest.fixture(scope="module")
def plain(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> AnalysisResults:
    folder = tmp_path_factory.mktemp("plain") / f"{TAG}-plain"
    import_partitions(ImportConfig(layers=LAYERS, neurons=D_FF, task="CQTR"), gather(files)[0], folder)
    return open_results(folder)


@pytest.fixture(scope="module")
def followed(
    files: list[Path], tiny_base: Path, tiny_text: Path, tmp_path_factory: pytest.TempPathFactory
) -> AnalysisResults:
    """Any share of the flow is an event here: what is loaded is tried, and not what it means."""
    folder = tmp_path_factory.mktemp("followed") / f"{TAG}-followed"
    config = ImportConfig(
        layers=LAYERS, model=str(tiny_base), text=str(tiny_text), shares="relative", events="matched", shuffles=2
    )
    placed = gather(files)[0]
    import_partitions(config, placed, folder)
    import_partitions(config, placed, folder, name="again")
    return open_results(folder)


@pytest.fixture(scope="module")
def loaded(store: Store, plain: AnalysisResults, followed: AnalysisResults) -> Iterator[Store]:
    for results in (plain, followed):
        ingest(results, store)
    yield store
    for results in (plain, followed):
        for run in {info.id for info in results.runs} & {row["run"] for row in runs.listed(store).records()}:
            runs.delete(store, run)


def ask(store: Store, name: str, **values: Any) -> list[dict[str, Any]]:
    statement = statements.load(name)
    return store.read(statement.text, statement.bind(values)).records()


def test_runs_say_what_they_are(loaded: Store, plain: AnalysisResults, followed: AnalysisResults) -> None:
    listed = {row["run"]: row for row in runs.listed(loaded).records()}
    mine = listed[f"{TAG}-plain/imported"]
    assert (mine["valuation"], mine["solver"], mine["seed"], mine["task"]) == (None, "imported", None, "CQTR")
    assert (mine["coalitions"], mine["interactions"], mine["events"]) == (48, 0, 0)
    assert mine["model"] == f"unknown@{TAG}-plain"
    for name in ("imported", "imported.again"):
        other = listed[f"{TAG}-followed/{name}"]
        assert (other["valuation"], other["coalitions"], other["interactions"]) == (None, 48, 2 * 64)
        assert other["events"] > 0
    shown = dict(runs.shown(loaded, f"{TAG}-plain/imported").values)
    assert {"largest_share", "files", "neurons", "config"} <= set(shown)
    assert not {"utility", "valuation", "mass", "shuffles", "blocking_rate_uniform", "significant_edges"} & set(shown)
    shown = dict(runs.shown(loaded, f"{TAG}-followed/imported").values)
    assert (shown["mass"], shown["shares"], shown["shuffles"]) == ("composite", "relative", 2)
    assert "significant_edges_shuffled" in shown


def test_questions_about_coalitions_and_neurons(loaded: Store, plain: AnalysisResults, files: list[Path]) -> None:
    run = f"{TAG}-plain/imported"
    sizes = ask(loaded, "sizes", run=run)
    assert [(row["layer"], row["coalitions"], row["singletons"], row["largest"]) for row in sizes] == [
        (layer, 16, 8, 4) for layer in LAYERS
    ]
    coalitions = json.loads(files[0].read_text())
    first = min((one for one in coalitions if len(one) == 4), key=min)
    rows = ask(loaded, "coalition", coalition=f"{run}/L01/C0000")
    assert sorted(row["neuron"] for row in rows) == sorted(first)
    assert {(row["fate"], row["origin"], row["utility"], row["partner"], row["phi"]) for row in rows} == {(None,) * 5}
    (row,) = [row for row in ask(loaded, "neuron", layer=1, index=first[0]) if row["run"] == run]
    assert (row["coalition"], row["size"], row["utility"], row["fate"]) == (f"{run}/L01/C0000", 4, None, None)


def test_questions_about_lineage(loaded: Store, followed: AnalysisResults) -> None:
    assert ask(loaded, "fates", run=f"{TAG}-plain/imported") == []
    run = next(run for run in followed.runs if run.id == f"{TAG}-followed/imported")
    for row, layer in zip(ask(loaded, "fates", run=run.id), LAYERS, strict=False):
        found = followed.lineage_record(run, layer)["counts"]
        assert (row["layer"], row["coalitions"]) == (layer, 8)
        for fate in ("persist", "merge", "split", "vanish"):
            assert row[fate] == 100 * found[fate] / 8
            assert row[f"{fate}_shuffled"] is not None
    told = {name: ask(loaded, name, run=run.id) for name in ("persistence", "splits", "merges")}
    edges = [row for layer in LAYERS for row in followed.edges(run, layer, 20).to_dict("records")]
    events = {"persistence": "persist", "splits": "split", "merges": "merge"}
    for name, event in events.items():
        assert len(told[name]) == sum(edge["event"] == event for edge in edges)
    source = next(rows[0] for rows in told.values() if rows)
    below = ask(loaded, "descendants", coalition=source["source"])
    assert source["target"] in [row["coalition"] for row in below]


def test_every_question_can_be_asked_of_both(loaded: Store) -> None:
    for name in statements.names():
        statement = statements.load(name)
        for run in (f"{TAG}-plain/imported", f"{TAG}-followed/imported"):
            values = {one.name: one.value for one in statement.parameters if one.required}
            values |= {one: f"{run}/L01/C0000" for one in ("coalition", "source") if one in values}
            if any(one.name == "run" for one in statement.parameters):
                values["run"] = run
            loaded.read(statement.text, statement.bind(values))


def test_the_commands(loaded: Store, plain: AnalysisResults, arguments: list[str]) -> None:
    folder = str(plain.analysis.path)
    again = CliRunner().invoke(main, ["ingest", folder, *arguments])
    assert again.exit_code == 0, again.output
    assert again.stdout == f"{TAG}-plain/imported: present\n"
    shown = CliRunner().invoke(main, ["runs", "show", f"{TAG}-plain/imported", *arguments])
    assert shown.exit_code == 0, shown.output
    assert "L01.json" in shown.stdout
    listed = CliRunner().invoke(main, ["runs", "list", *arguments])
    assert f"{TAG}-plain/imported" in listed.stdout


def test_other_partitions_of_the_same_name_are_refused_and_named(
    loaded: Store, plain: AnalysisResults, files: list[Path], tmp_path: Path
) -> None:
    for file in files:
        shutil.copy(file, tmp_path)
    changed = tmp_path / files[1].name
    coalitions = json.loads(changed.read_text())
    coalitions[0][0], coalitions[1][0] = coalitions[1][0], coalitions[0][0]
    changed.write_text(json.dumps(coalitions))
    folder = shutil.copytree(plain.analysis.path, tmp_path / plain.analysis.name)
    config = ImportConfig(layers=LAYERS, neurons=D_FF, task="CQTR")
    import_partitions(config, gather(sorted(tmp_path.glob("*.json")))[0], folder, replace=True)
    line = "/imported is in the graph already, with other files; other members in layer 2: add --replace"
    with pytest.raises(UserError, match=line):
        ingest(open_results(folder), loaded)


def test_taken_out_it_leaves_the_other_and_its_neurons(loaded: Store, followed: AnalysisResults) -> None:
    runs.delete(loaded, f"{TAG}-followed/imported")
    left = {row["run"] for row in runs.listed(loaded).records()}
    assert f"{TAG}-followed/imported.again" in left
    assert f"{TAG}-plain/imported" in left
    assert len(ask(loaded, "coalition", coalition=f"{TAG}-followed/imported.again/L01/C0000")) == 4
    assert {load.outcome for load in ingest(followed, loaded).runs} == {"loaded", "present"}
