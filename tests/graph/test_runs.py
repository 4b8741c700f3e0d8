"""Taking one run out, and nothing else."""

import pytest
from graph.conftest import Drawing, snapshot

from hedonic_graph.errors import UserError
from hedonic_graph.graph import runs, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Store


def test_deleting_a_run_leaves_exactly_the_others(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    alone = drawing(analysis=drawn.analysis, model_id=drawn.model_id, solvers=("exact",))
    ingest(alone, store)
    before = snapshot(store, drawn)
    ingest(drawn, store)
    assert len(snapshot(store, drawn)) > len(before)
    runs.delete(store, drawn.runs[1].id)
    assert snapshot(store, drawn) == before


def test_the_last_run_takes_preferences_neurons_and_model_with_it(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    ingest(drawn, store)
    for run in drawn.runs:
        runs.delete(store, run.id)
    assert snapshot(store, drawn) == []


def test_neurons_that_another_analysis_uses_stay(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    other = drawing(model_id=drawn.model_id)
    ingest(other, store)
    before = snapshot(store, other)
    ingest(drawn, store)
    for run in drawn.runs:
        runs.delete(store, run.id)
    assert snapshot(store, other) == before


def test_a_cut_off_delete_goes_on(store: Store, drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "COALITIONS", 5)
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store)
    run = drawn.runs[0].id
    store.write(statements.load("delete/begin").text, {"run": run})
    store.write(statements.load("delete/coalitions").text, {"run": run, "limit": 5})
    query = statements.load("sizes")
    assert store.read(query.text, query.bind({"run": run})).values == []
    runs.delete(store, run)
    assert snapshot(store, drawn) == []


def test_loading_after_a_cut_off_delete_gives_the_whole_run(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    ingest(drawn, store)
    before = snapshot(store, drawn)
    run = drawn.runs[0].id
    store.write(statements.load("delete/begin").text, {"run": run})
    store.write(statements.load("delete/coalitions").text, {"run": run, "limit": 5})
    ingest(drawn, store)
    assert snapshot(store, drawn) == before


def test_a_run_that_is_not_there(store: Store, drawing: Drawing) -> None:
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store)
    wrong = drawn.runs[0].id[:-1]
    for ask in (runs.delete, runs.shown):
        with pytest.raises(UserError, match=rf"no run '{wrong}' \(nearest: {drawn.runs[0].id}\)"):
            ask(store, wrong)
