"""Loading: once is as often as you like, a killed load goes on, and what changed is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from graph.conftest import Drawing, snapshot
from graph.drawn import EDGES, LAYERS, NEURONS, SIZES, Drawn

import hedonic_graph
from hedonic_graph.errors import UserError
from hedonic_graph.graph import runs, schema, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Address, Store

COALITIONS = sum(map(len, SIZES.values()))
INTERACTIONS = sum(map(len, EDGES.values()))
EVENTS = sum(edge[-1] is not None for edges in EDGES.values() for edge in edges)
OWN = COALITIONS + NEURONS * len(LAYERS) + INTERACTIONS + EVENTS
SHARED = NEURONS * len(LAYERS) * 3
# In batches of three, one line each: 36 of neurons and preferences, 26 of the first run, 26 of the second.
BATCH = 3
SHARED_LINES = 36


def state(store: Store, run: str) -> dict[str, Any]:
    return store.read(statements.load("load/state").text, {"run": run}).records()[0]


def start(address: Address, drawn: Drawn, *, batch: int, pause: float) -> "subprocess.Popen[str]":
    where = (
        {"store": str(address.folder)}
        if address.uri is None
        else {"uri": address.uri, "user": address.user, "password": address.password}
    )
    settings = {
        "address": where,
        "analysis": drawn.analysis,
        "model_id": drawn.model_id,
        "batch": batch,
        "pause": pause,
    }
    paths = [str(Path(hedonic_graph.__file__).parents[1]), str(Path(__file__).parents[1])]
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("loading.py")), json.dumps(settings)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )


def finish(process: "subprocess.Popen[str]") -> int:
    process.communicate(timeout=120)
    return process.returncode


def test_everything_that_was_drawn_is_in_the_graph(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    report = ingest(drawn, store)
    assert [(run.outcome, run.rows) for run in report.runs] == [("loaded", OWN + SHARED), ("loaded", OWN)]
    lines = snapshot(store, drawn)
    # Two runs of 12 coalitions, 36 neurons, 2 runs, 1 model; each coalition is found in its run.
    nodes = 2 * COALITIONS + NEURONS * len(LAYERS) + 2 + 1
    edges = 2 * (OWN - COALITIONS) + 2 * COALITIONS + 2 + NEURONS * len(LAYERS) * 2
    assert len(lines) == nodes + edges
    found = {row["run"]: row for row in runs.listed(store).records()}
    for run in drawn.runs:
        row = found[run.id]
        assert (row["status"], row["layers"], row["model"]) == ("complete", [3, 4, 6], drawn.model_id)
        assert (row["coalitions"], row["interactions"], row["events"]) == (COALITIONS, INTERACTIONS, EVENTS)


def test_undefined_values_are_left_out(store: Store, drawing: Drawing) -> None:
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store)
    run = drawn.runs[0].id
    edge = "MATCH (:Coalition {id: $s})-[i:INTERACTS]->(:Coalition {id: $t}) RETURN properties(i) AS p"
    values = {"s": schema.coalition_id(run, 4, 2), "t": schema.coalition_id(run, 6, 3)}
    assert store.read(edge, values).values[0][0] == {
        "mass": 0.05, "flow": 0.2, "alpha": 0.0, "beta": 0.0, "lift": 0.9, "matched": False,
    }  # fmt: skip
    assert "undefined" not in {row["property"] for row in runs.shown(store, run).records()}


@pytest.mark.parametrize("batch", [7, 2000])
def test_twice_is_once(store: Store, drawing: Drawing, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "batch", batch)
    drawn = drawing()
    ingest(drawn, store)
    before = snapshot(store, drawn)
    report = ingest(drawn, store)
    assert [(run.outcome, run.rows) for run in report.runs] == [("present", 0), ("present", 0)]
    assert snapshot(store, drawn) == before


def test_a_changed_run_is_refused_before_anything_is_written(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    ingest(drawn, store)
    before = snapshot(store, drawn)
    with pytest.raises(UserError, match=rf"{drawn.runs[0].id} is in the graph already, with other content.*--replace"):
        ingest(drawn.changed(), store)
    with pytest.raises(UserError, match=r"with --keep 20, not 1: add --replace"):
        ingest(drawn, store, keep=1)
    assert snapshot(store, drawn) == before


def test_replace_leaves_nothing_of_the_old_run(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    ingest(drawn.changed(), store)
    fresh = snapshot(store, drawn)
    for run in drawn.runs:
        runs.delete(store, run.id)
    ingest(drawn, store)
    report = ingest(drawn.changed(), store, replace=True)
    assert [run.outcome for run in report.runs] == ["replaced", "replaced"]
    assert snapshot(store, drawn) == fresh


def test_keep_is_passed_on(store: Store, drawing: Drawing) -> None:
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store, keep=1)
    row = next(row for row in runs.listed(store).records() if row["run"] == drawn.runs[0].id)
    assert row["interactions"] == INTERACTIONS - 2


@pytest.mark.parametrize("lines", [2, 38, 50, 70])
def test_a_killed_load_goes_on(
    store: Store, address: Address, drawing: Drawing, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "batch", BATCH)
    drawn = drawing()
    ingest(drawn, store)
    undisturbed = snapshot(store, drawn)
    for run in drawn.runs:
        runs.delete(store, run.id)

    loader = start(address, drawn, batch=BATCH, pause=0.02)
    assert loader.stdout is not None
    with loader.stdout:
        for _ in range(lines):
            loader.stdout.readline()
        loader.kill()
        loader.wait()
    found = {row["run"]: row["status"] for row in runs.listed(store).records()}
    # One of the two runs, at least, is not there or not whole; what is not whole is in no query.
    assert [found.get(run.id) for run in drawn.runs] != ["complete", "complete"]
    partial = [run.id for run in drawn.runs if found.get(run.id) == "loading"]
    for run_id in partial:
        sizes = statements.load("sizes")
        assert store.read(sizes.text, sizes.bind({"run": run_id})).values == []

    report = ingest(drawn, store)
    assert {run.run for run in report.runs if run.outcome == "continued"} == set(partial)
    assert snapshot(store, drawn) == undisturbed


def test_a_load_that_goes_on_does_not_begin_again(
    store: Store, address: Address, drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "batch", BATCH)
    drawn = drawing(solvers=("exact", "pac"))
    loader = start(address, drawn, batch=BATCH, pause=0.02)
    assert loader.stdout is not None
    with loader.stdout:
        for _ in range(SHARED_LINES + 10):
            loader.stdout.readline()
        loader.kill()
        loader.wait()
    done = state(store, drawn.runs[0].id)["load_step"]
    assert 10 <= done < 26
    # What is not sent again: the neurons, the preferences and the whole batches.
    assert 0 < ingest(drawn, store).runs[0].rows <= OWN - 2 * done


def test_a_cut_off_load_of_another_content_begins_again(
    store: Store, address: Address, drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "batch", BATCH)
    drawn = drawing()
    ingest(drawn.changed(), store)
    fresh = snapshot(store, drawn)
    for run in drawn.runs:
        runs.delete(store, run.id)
    loader = start(address, drawn, batch=BATCH, pause=0.02)
    assert loader.stdout is not None
    with loader.stdout:
        for _ in range(SHARED_LINES + 10):
            loader.stdout.readline()
        loader.kill()
        loader.wait()
    ingest(drawn.changed(), store)
    assert snapshot(store, drawn) == fresh


def test_two_loaders_at_once(store: Store, address: Address, drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "batch", 5)
    model = drawing().model_id
    one, other = drawing(model_id=model), drawing(model_id=model)
    ingest(one, store)
    ingest(other, store)
    apart = snapshot(store, one, other)
    for run in one.runs + other.runs:
        runs.delete(store, run.id)
    loaders = [start(address, drawn, batch=5, pause=0.0) for drawn in (one, other, one)]
    assert [finish(loader) for loader in loaders] == [0, 0, 0]
    assert snapshot(store, one, other) == apart


def test_rows_that_point_nowhere_are_not_written(
    store: Store, drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = drawing(solvers=("exact",))
    whole = Drawn.edges

    def edges(self: Drawn, run: Any, layer: int, keep: int) -> pd.DataFrame:
        frame = whole(self, run, layer, keep)
        frame.loc[frame.index[:1], "target"] = 99
        return frame

    monkeypatch.setattr(Drawn, "edges", edges)
    with pytest.raises(UserError, match="1 of 5 rows name a neuron or coalition that the analysis does not have"):
        ingest(drawn, store)
    assert state(store, drawn.runs[0].id)["status"] == "loading"
    query = statements.load("significant")
    assert store.read(query.text, query.bind({"run": drawn.runs[0].id})).values == []


@pytest.mark.parametrize(
    "name",
    [
        'it\'s "quoted" `back` \\ slash',
        "two\nlines\tand\r\nmore",
        "') MATCH (n) DETACH DELETE n //",
        "$run}) SET r.status = 'x' WITH r //",
        "Ünïcode 雪 🐘 \u200b",
        "x" * 7_000,
    ],
)
def test_hostile_names_go_in_and_come_out(store: Store, drawing: Drawing, name: str) -> None:
    base = drawing()
    bystander = drawing()
    ingest(bystander, store)
    before = snapshot(store, bystander)
    drawn = drawing(
        analysis=f"{base.analysis}/{name}",
        model_id=f"{base.model_id}/{name}",
        solvers=("exact",),
        task=name,
        parameters={name[:200]: name, "id": "not the run's", "nested": {"a": [1, name]}},
    )
    run = drawn.runs[0].id
    ingest(drawn, store)
    row = next(row for row in runs.listed(store).records() if row["run"] == run)
    assert (row["task"], row["model"], row["status"]) == (name, drawn.model_id, "complete")
    properties = dict(runs.shown(store, run).values)
    assert properties[name[:200]] == name
    assert properties["id"] == run
    assert json.loads(properties["nested"]) == {"a": [1, name]}
    query = statements.load("splits")
    assert [row["source"] for row in store.read(query.text, query.bind({"run": run})).records()] == [
        schema.coalition_id(run, 4, 0)
    ] * 2
    runs.delete(store, run)
    assert snapshot(store, drawn) == []
    assert snapshot(store, bystander) == before


def test_long_values_go_in_and_ids_too_long_for_a_key_are_refused(store: Store, drawing: Drawing) -> None:
    long = "x" * 10_000
    drawn = drawing(solvers=("exact",), task=long)
    ingest(drawn, store)
    assert dict(runs.shown(store, drawn.runs[0].id).values)["task"] == long
    other = drawing(model_id=long)
    with pytest.raises(UserError, match="has 10,000 bytes: an id may have 8,000 at most"):
        ingest(other, store)
    assert all(row["run"] != other.runs[0].id for row in runs.listed(store).records())


def test_a_batch_whose_answer_was_lost_is_there_once(
    store: Store, drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "batch", BATCH)
    drawn = drawing()
    ingest(drawn, store)
    undisturbed = snapshot(store, drawn)
    for run in drawn.runs:
        runs.delete(store, run.id)
    write = Store.write

    def twice(self: Store, statement: str, parameters: Any = None, check: Any = None) -> Any:
        if parameters is not None and "number" in parameters:
            write(self, statement, parameters, check)
        return write(self, statement, parameters, check)

    monkeypatch.setattr(Store, "write", twice)
    ingest(drawn, store)
    assert snapshot(store, drawn) == undisturbed
