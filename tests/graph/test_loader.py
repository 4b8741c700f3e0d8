"""Loading: everything goes in, once is as often as you like, and what changed is refused."""

import json
import re
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from graph.conftest import Drawing, snapshot
from graph.drawn import LAYERS, NEURONS, Drawn
from graph.loads import ALIGNED, BATCH, COALITIONS, EVENTS, FEATURES, INTERACTIONS, OWN, PARTS, SHARED

from hedonic_graph.errors import UserError
from hedonic_graph.graph import rows, runs, schema, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Store


def listed(store: Store, drawn: Drawn) -> dict[str, dict[str, Any]]:
    return {row["run"]: row for row in runs.listed(store).records() if row["run"].startswith(drawn.analysis)}


def test_everything_that_was_drawn_is_in_the_graph(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    report = ingest(drawn, store)
    assert [(run.outcome, run.rows) for run in report.runs] == [("loaded", OWN + SHARED), ("loaded", OWN)]
    lines = snapshot(store, drawn)
    # Two runs of 12 coalitions, 36 neurons, 3 features, 2 runs, 1 model; each coalition is found in its run.
    nodes = 2 * COALITIONS + NEURONS * len(LAYERS) + FEATURES + 2 + 1 + PARTS
    edges = 2 * (OWN - COALITIONS) + 2 * COALITIONS + 2 + NEURONS * len(LAYERS) * 2
    assert len(lines) == nodes + edges
    found = listed(store, drawn)
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
    coalition = "MATCH (c:Coalition {id: $id}) RETURN properties(c) AS p"
    values = {"id": schema.coalition_id(run, 3, 3)}
    assert store.read(coalition, values).values[0][0] == {
        "id": values["id"], "run": run, "layer": 3, "rank": 3, "size": 1, "drop": 0.002,
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


def test_batches_and_writers_make_no_difference(
    store: Store, drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = drawing()
    ingest(drawn, store, writers=1)
    alone = snapshot(store, drawn)
    for run in drawn.runs:
        runs.delete(store, run.id)
    monkeypatch.setattr(store, "batch", BATCH)
    ingest(drawn, store, writers=3)
    assert snapshot(store, drawn) == alone


def test_a_changed_run_is_refused_before_anything_is_written(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    ingest(drawn, store)
    before = snapshot(store, drawn)
    with pytest.raises(UserError) as refused:
        ingest(drawn.changed(), store)
    assert str(refused.value) == (
        f"{drawn.runs[0].id} is in the graph already, with other members in layers 3, 4 and 6: "
        "add --replace to take it out and load this one"
    )
    with pytest.raises(UserError, match=r"with --keep 20, not 1: add --replace"):
        ingest(drawn, store, keep=1)
    assert snapshot(store, drawn) == before


def test_a_changed_option_is_named_with_both_values(store: Store, drawing: Drawing) -> None:
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store)
    before = snapshot(store, drawn)
    names = {"analysis": drawn.analysis, "model_id": drawn.model_id, "solvers": ("exact",)}
    later = drawing(**names, task="RM", config='{"k": 5}', salt="other", layers=(4, 6))
    line = "with task CQTR, not RM, layers [3, 4, 6], not [4, 6], k 3, not 5; other members in layers 4 and 6: add"
    with pytest.raises(UserError, match=re.escape(line)):
        ingest(later, store)
    assert snapshot(store, drawn) == before
    assert ingest(later, store, replace=True).runs[0].outcome == "replaced"
    after = snapshot(store, later)
    runs.delete(store, later.runs[0].id)
    ingest(later, store)
    assert snapshot(store, later) == after != before


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
    assert listed(store, drawn)[drawn.runs[0].id]["interactions"] == INTERACTIONS - 2


def test_preferences_from_an_earlier_state_are_refused_or_replaced(
    store: Store, drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store)
    before = snapshot(store, drawn)
    later = drawing(analysis=drawn.analysis, model_id=drawn.model_id, solvers=("pac",))
    monkeypatch.setattr(Drawn, "preferences_fingerprint", lambda self, valuation, layer: "another")
    with pytest.raises(UserError, match=r"preferences \(pas, layer 3\) from an earlier state.*--replace"):
        ingest(later, store)
    assert snapshot(store, drawn) == before
    ingest(later, store, replace=True)
    count = "MATCH (:Neuron {model: $model})-[p:PREFERS]->() RETURN count(p)"
    assert store.read(count, {"model": drawn.model_id}).values == [(NEURONS * len(LAYERS) * 2,)]
    assert {row["status"] for row in listed(store, drawn).values()} == {"complete"}


def test_a_model_of_another_size_is_refused(store: Store, drawing: Drawing) -> None:
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store)
    other = drawing(model_id=drawn.model_id)
    other.model = type(drawn.model)(**{**vars(drawn.model), "d_ff": 13})
    with pytest.raises(UserError, match="has 12 neurons a layer in the graph, and 13 here"):
        ingest(other, store)
    assert listed(store, other) == {}


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
    row = listed(store, drawn)[run]
    assert (row["task"], row["model"], row["status"]) == (name, drawn.model_id, "complete")
    properties = dict(runs.shown(store, run).values)
    assert properties[name[:200]] == name
    assert properties["id"] == run
    assert json.loads(properties["nested"]) == {"a": [1, name]}
    query = statements.load("splits")
    assert [row["source"] for row in store.read(query.text, query.bind({"run": run})).records()] == [
        schema.coalition_id(run, 4, 0)
    ] * 2
    aligned = "MATCH (c:Coalition {id: $id})-[:ALIGNS_WITH]->(f:Feature) RETURN f.name, c.feature ORDER BY f.name"
    best = drawn.feature("overlap")
    assert store.read(aligned, {"id": schema.coalition_id(run, 3, 0)}).values == [
        (drawn.feature("length"), best),
        (best, best),
    ]
    runs.delete(store, run)
    assert snapshot(store, drawn) == []
    assert snapshot(store, bystander) == before


def test_long_values_go_in_and_keys_too_long_for_an_index_are_refused(store: Store, drawing: Drawing) -> None:
    long = "x" * 10_000
    drawn = drawing(solvers=("exact",), task=long, parameters={long: long})
    ingest(drawn, store)
    shown = dict(runs.shown(store, drawn.runs[0].id).values)
    assert shown["task"] == shown[long] == long
    for other, what in ((drawing(model_id=long), "model id"), (drawing(analysis=long), "run id")):
        with pytest.raises(UserError, match=rf"the {what} 'x+'\.\.\. has 10,0\d\d bytes: it may have 1 to 8,000"):
            ingest(other, store)
        assert listed(store, other) == {}
    other = drawing(solvers=("exact",), features=long)
    with pytest.raises(UserError, match=r"the feature 'x+'\.\.\. has 10,0\d\d bytes"):
        ingest(other, store)
    assert ALIGNED and store.read("MATCH (f:Feature) WHERE size(f.name) > 9000 RETURN f").values == []


def test_many_long_names_are_sent_in_small_messages(store: Store, drawing: Drawing) -> None:
    # All rows of a table in one message would be 12 * 7,000 bytes a column; the limit is what one row comes to.
    drawn = drawing(solvers=("exact",), features="y" * 7_900)
    ingest(drawn, store)
    names = (
        "MATCH (:Coalition {run: $run})-[:ALIGNS_WITH]->(f:Feature) RETURN DISTINCT size(f.name) ORDER BY size(f.name)"
    )
    assert store.read(names, {"run": drawn.runs[0].id}).values == [(7_907,), (7_908,)]


def test_no_more_tables_are_held_than_there_are_writers(
    store: Store, drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[weakref.ref[rows.Table]] = []
    held = [0]

    def watched(whole: Callable[..., rows.Table]) -> Callable[..., rows.Table]:
        def table(*arguments: Any) -> rows.Table:
            found = whole(*arguments)
            read.append(weakref.ref(found))
            held.append(sum(one() is not None for one in read))
            return found

        return table

    for kind in (*schema.NODE_TABLES, *schema.EDGE_TABLES):
        monkeypatch.setattr(rows, kind, watched(getattr(rows, kind)))
    ingest(drawing(), store, writers=2)
    assert len(read) == 2 * len(LAYERS) * len(schema.OWN_TABLES) + 2 * len(LAYERS)
    assert max(held) <= (1 if store.embedded else 2)
