"""Taking one run out, and nothing else; killed in the middle, and beside a loader."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from graph.conftest import Drawing, snapshot
from graph.drawn import NEURONS, Drawn

from hedonic_graph.errors import UserError
from hedonic_graph.graph import runs, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Store

Disturbance = Callable[[int, Callable[[], Any]], Any]


class Killed(BaseException):
    """So a test ends a command after some of its writes."""


@pytest.fixture
def disturb(monkeypatch: pytest.MonkeyPatch) -> Disturbance:
    """Do something after so many writes of a delete, in the middle of it; writes of what is done are not counted."""
    write = Store.write

    def after(writes: int, work: Callable[[], Any]) -> Any:
        count = itertools.count(1)

        def counted(self: Store, *rest: Any, **named: Any) -> Any:
            answer = write(self, *rest, **named)
            if next(count) == writes:
                monkeypatch.setattr(Store, "write", write)
                work()
            return answer

        monkeypatch.setattr(Store, "write", counted)

    return after


@pytest.fixture
def small_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "batch", 8)


def kill() -> None:
    raise Killed


def delete_all(store: Store, drawn: Drawn) -> None:
    for run in drawn.runs:
        runs.delete(store, run.id)


def test_deleting_a_run_leaves_exactly_the_others(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    alone = drawing(analysis=drawn.analysis, model_id=drawn.model_id, solvers=("exact",))
    ingest(alone, store)
    before = snapshot(store, drawn)
    ingest(drawn, store)
    assert len(snapshot(store, drawn)) > len(before)
    runs.delete(store, drawn.runs[1].id)
    assert snapshot(store, drawn) == before


def test_the_last_run_takes_what_it_shared_with_it(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    ingest(drawn, store)
    delete_all(store, drawn)
    assert snapshot(store, drawn) == []


def test_what_another_analysis_uses_stays(store: Store, drawing: Drawing) -> None:
    other = drawing()
    drawn = drawing(model_id=other.model_id, features=other.analysis)
    ingest(other, store)
    before = snapshot(store, other)
    ingest(drawn, store)
    delete_all(store, drawn)
    assert snapshot(store, other) == before


def test_layers_that_no_other_run_has_go(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    narrow = drawing(model_id=drawn.model_id, layers=(4, 6))
    ingest(narrow, store)
    before = snapshot(store, narrow)
    ingest(drawn, store)
    layers = "MATCH (n:Neuron {model: $model}) RETURN n.layer AS layer, count(*) ORDER BY layer"
    assert store.read(layers, {"model": drawn.model_id}).values == [(layer, NEURONS) for layer in (3, 4, 6)]
    delete_all(store, drawn)
    assert snapshot(store, narrow) == before
    ingest(drawn, store)
    delete_all(store, narrow)
    assert store.read(layers, {"model": drawn.model_id}).values == [(layer, NEURONS) for layer in (3, 4, 6)]
    delete_all(store, drawn)
    assert snapshot(store, drawn) == []


def test_a_coalition_with_more_edges_than_a_batch_goes(
    store: Store, drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = drawing()
    ingest(drawn, store)
    monkeypatch.setattr(store, "batch", 3)
    delete_all(store, drawn)
    assert snapshot(store, drawn) == []


@pytest.mark.parametrize("writes", [1, 2, 3, 5, 8, 12, 16, 20])
@pytest.mark.usefixtures("small_batches")
def test_a_delete_that_was_cut_off_goes_on(store: Store, drawing: Drawing, disturb: Disturbance, writes: int) -> None:
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store)
    run = drawn.runs[0].id
    disturb(writes, kill)
    with pytest.raises(Killed):
        runs.delete(store, run)
    query = statements.load("sizes")
    assert store.read(query.text, query.bind({"run": run})).values == []
    assert snapshot(store, drawn) != []
    runs.delete(store, run)
    assert snapshot(store, drawn) == []


@pytest.mark.parametrize("writes", [1, 5, 12, 20])
@pytest.mark.usefixtures("small_batches")
def test_loading_after_a_delete_that_was_cut_off_gives_the_whole_run(
    store: Store, drawing: Drawing, disturb: Disturbance, writes: int
) -> None:
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store)
    before = snapshot(store, drawn)
    disturb(writes, kill)
    with pytest.raises(Killed):
        runs.delete(store, drawn.runs[0].id)
    ingest(drawn, store)
    assert snapshot(store, drawn) == before


def test_a_run_that_is_not_there(store: Store, drawing: Drawing) -> None:
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store)
    wrong = drawn.runs[0].id[:-1]
    for ask in (runs.delete, runs.shown):
        with pytest.raises(UserError, match=rf"no run '{wrong}' \(nearest: {drawn.runs[0].id}\)"):
            ask(store, wrong)
