"""Loads that are killed, repeated, or meet each other and deletes: the graph is that of an undisturbed load."""

from collections.abc import Callable
from typing import Any

import pytest
from graph.conftest import Drawing, snapshot
from graph.drawn import Drawn
from graph.loads import BATCH, LINES, OWN, SHARED, Loader

from hedonic_graph.graph import runs, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Address, Store

Undisturbed = Callable[..., list[str]]


@pytest.fixture(autouse=True)
def small_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "batch", BATCH)


@pytest.fixture
def undisturbed(store: Store) -> Undisturbed:
    """Say what the graph holds after undisturbed loads of these analyses; it holds nothing of them afterwards."""

    def load(*drawn: Drawn) -> list[str]:
        for one in drawn:
            ingest(one, store)
        found = snapshot(store, *drawn)
        for one in drawn:
            for run in one.runs:
                runs.delete(store, run.id)
        assert snapshot(store, *drawn) == []
        return found

    return load


def statuses(store: Store, drawn: Drawn) -> dict[str, str]:
    found = {row["run"]: row["status"] for row in runs.listed(store).records()}
    return {run.id: found[run.id] for run in drawn.runs if run.id in found}


@pytest.mark.parametrize("lines", [2, 20, 50, 64, 80])
def test_a_killed_load_goes_on(
    store: Store, address: Address, drawing: Drawing, undisturbed: Undisturbed, lines: int
) -> None:
    drawn = drawing()
    expected = undisturbed(drawn)
    assert lines < LINES
    sent = Loader(address, drawn).kill_after(lines)
    found = statuses(store, drawn)
    # One of the two runs, at least, is not there or not whole; what is not whole is in no query.
    assert [found.get(run.id) for run in drawn.runs] != ["complete", "complete"]
    partial = [run for run, status in found.items() if status == "loading"]
    for run in partial:
        sizes = statements.load("sizes")
        assert store.read(sizes.text, sizes.bind({"run": run})).values == []

    report = ingest(drawn, store)
    assert {run.run for run in report.runs if run.outcome == "continued"} == set(partial)
    assert snapshot(store, drawn) == expected
    # What was written is not sent again.
    assert report.rows <= 2 * OWN + SHARED - sent


def test_a_cut_off_load_of_another_content_begins_again(
    store: Store, address: Address, drawing: Drawing, undisturbed: Undisturbed
) -> None:
    drawn = drawing()
    expected = undisturbed(drawn.changed())
    Loader(address, drawn).kill_after(50)
    ingest(drawn.changed(), store)
    assert snapshot(store, drawn) == expected


def test_two_loaders_at_once(store: Store, address: Address, drawing: Drawing, undisturbed: Undisturbed) -> None:
    one = drawing()
    other = drawing(model_id=one.model_id)
    expected = undisturbed(one, other)
    loaders = [Loader(address, drawn, batch=5, pause=0.0) for drawn in (one, other, one)]
    assert [loader.finish() for loader in loaders] == [0, 0, 0]
    assert snapshot(store, one, other) == expected


def test_a_batch_whose_answer_was_lost_is_there_once(
    store: Store, drawing: Drawing, undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = drawing()
    expected = undisturbed(drawn)
    write = Store.write

    def twice(self: Store, statement: str, parameters: Any = None, check: Any = None, **rest: Any) -> Any:
        if parameters is not None and "number" in parameters:
            write(self, statement, parameters, check, **rest)
        return write(self, statement, parameters, check, **rest)

    monkeypatch.setattr(Store, "write", twice)
    ingest(drawn, store)
    assert snapshot(store, drawn) == expected
