"""Taking one run out, and nothing else; killed in the middle, and beside a loader."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from graph.conftest import Drawing, snapshot
from graph.drawn import NEURONS, Drawn

from hedonic_graph.errors import UserError
from hedonic_graph.graph import runs, schema, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.rehearsal import rehearse
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


@pytest.mark.parametrize("writes", [4, 14])
@pytest.mark.parametrize("same", [True, False], ids=["same run", "other analysis"])
@pytest.mark.usefixtures("small_batches")
def test_a_load_in_the_middle_of_a_delete_is_whole(
    store: Store, drawing: Drawing, disturb: Disturbance, same: bool, writes: int
) -> None:
    drawn = drawing(solvers=("exact",))
    other = drawn if same else drawing(model_id=drawn.model_id, features=drawn.analysis, solvers=("exact",))
    ingest(other, store)
    expected = snapshot(store, drawn, other)
    if not same:
        runs.delete(store, other.analysis)
        ingest(drawn, store)
    disturb(writes, lambda: ingest(other, store))
    assert runs.delete(store, drawn.analysis) == [drawn.runs[0].id]
    assert snapshot(store, drawn, other) == expected


def test_what_a_load_that_was_cut_off_uses_stays(store: Store, drawing: Drawing, disturb: Disturbance) -> None:
    drawn = drawing(solvers=("exact",))
    other = drawing(model_id=drawn.model_id, solvers=("exact",))
    ingest(drawn, store)
    disturb(12, kill)
    with pytest.raises(Killed):
        ingest(other, store, writers=1)
    runs.delete(store, drawn.analysis)
    neurons = "MATCH (n:Neuron {model: $model}) RETURN count(n)"
    assert store.read(neurons, {"model": drawn.model_id}).values == [(3 * NEURONS,)]
    assert [run.outcome for run in ingest(other, store).runs] == ["continued"]
    runs.delete(store, other.analysis)
    assert snapshot(store, drawn, other) == []


@pytest.mark.usefixtures("small_batches")
def test_two_deletes_at_once(store: Store, drawing: Drawing, disturb: Disturbance) -> None:
    drawn = drawing()
    ingest(drawn, store)
    disturb(10, lambda: runs.delete(store, drawn.analysis))
    assert runs.delete(store, drawn.analysis) == [run.id for run in drawn.runs]
    assert snapshot(store, drawn) == []


def test_a_run_that_is_not_there(store: Store, drawing: Drawing) -> None:
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store)
    wrong = drawn.runs[0].id[:-1]
    for ask, what in ((runs.delete, "run or analysis"), (runs.shown, "run")):
        with pytest.raises(UserError, match=rf"no {what} '{wrong}' \(nearest: {drawn.runs[0].id}\)"):
            ask(store, wrong)


def test_an_analysis_goes_with_all_its_runs_and_nothing_else(
    store: Store, drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = drawing()
    drawn = drawing(model_id=other.model_id, features=other.analysis)
    ingest(other, store)
    before = snapshot(store, other)
    ingest(drawn, store)
    monkeypatch.setattr(store, "batch", 8)
    assert runs.delete(store, drawn.analysis) == [run.id for run in drawn.runs]
    assert snapshot(store, drawn, other) == before


def test_a_name_of_nothing_is_answered_with_the_nearest(store: Store, drawing: Drawing) -> None:
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store)
    for name, kind, what in (
        (drawn.analysis + "x", None, rf"no run or analysis '{drawn.analysis}x' \(nearest: {drawn.analysis}\)"),
        (drawn.analysis, "run", rf"no run '{drawn.analysis}' \(nearest: {drawn.runs[0].id}\)"),
        (drawn.runs[0].id, "analysis", rf"no analysis '{drawn.runs[0].id}' \(nearest: {drawn.analysis}\)"),
    ):
        with pytest.raises(UserError, match=what):
            runs.delete(store, name, kind)


def test_a_name_of_both_a_run_and_an_analysis_is_asked_for(store: Store, drawing: Drawing) -> None:
    drawn = drawing(solvers=("exact",))
    name = drawn.runs[0].id
    inner = drawing(analysis=name, model_id=drawn.model_id)
    for one in (drawn, inner):
        ingest(one, store)
    before = snapshot(store, drawn)
    with pytest.raises(UserError, match=f"'{name}' is a run, and an analysis of 2 runs: add --as run or --as analysis"):
        runs.delete(store, name)
    assert snapshot(store, drawn) == before
    assert runs.delete(store, name, "run") == [name]
    assert runs.delete(store, name) == [run.id for run in inner.runs]
    assert snapshot(store, drawn) == []


@pytest.fixture
def others(store: Store) -> Iterator[None]:
    """Nodes of ours by their labels alone, as other people's are."""
    tag = {"tag": uuid.uuid4().hex}
    labels = [node.label for node in schema.NODES]
    store.write("".join(f"CREATE (:{label} {{somebody: $tag}})\n" for label in labels), tag)
    yield
    assert store.read("MATCH (n {somebody: $tag}) RETURN count(n)", tag).values == [(len(labels),)]
    store.write("MATCH (n {somebody: $tag}) DETACH DELETE n", tag)


def test_nodes_of_other_people_with_our_labels_are_left_alone(store: Store, drawing: Drawing, others: None) -> None:
    drawn = drawing()
    assert rehearse(drawn, store)
    ingest(drawn, store)
    assert None not in [row["run"] for row in runs.listed(store).records()]
    for name in statements.names():
        statement = statements.load(name)
        given = {one.name: one.value for one in statement.parameters if one.required}
        given |= {"run": drawn.runs[0].id} if "run" in [one.name for one in statement.parameters] else {}
        store.read(statement.text, statement.bind(given))
    with pytest.raises(UserError, match="the graph has no run or analysis 'nothing'"):
        runs.delete(store, "nothing")
    runs.delete(store, drawn.analysis)
    assert snapshot(store, drawn) == []
