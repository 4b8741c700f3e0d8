"""Every query's rows on the hand-drawn graph."""

import json
from typing import Any

import pytest
from graph.conftest import Drawing
from graph.drawn import Drawn

from hedonic_graph.errors import UserError
from hedonic_graph.graph import statements
from hedonic_graph.graph.answers import why_empty
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Store


@pytest.fixture
def drawn(store: Store, drawing: Drawing) -> Drawn:
    drawn = drawing()
    ingest(drawn, store)
    return drawn


class Asked:
    """Ask about one run; ids come back without the run's."""

    def __init__(self, store: Store, run: str) -> None:
        self.store = store
        self.run = run

    def __call__(self, name: str, **given: Any) -> list[tuple[Any, ...]]:
        statement = statements.load(name)
        if "coalition" in given:
            given["coalition"] = f"{self.run}/{given['coalition']}"
        elif "run" in [parameter.name for parameter in statement.parameters]:
            given["run"] = self.run
        rows = self.store.read(statement.text, statement.bind(given))
        if rows.values:
            assert rows.columns == tuple(statement.columns)
        return [
            tuple(self._short(value) for value in row)
            for row in rows.values
            if "run" not in rows.columns or self._mine(rows.columns, row)
        ]

    def _mine(self, columns: tuple[str, ...], row: tuple[Any, ...]) -> bool:
        return bool(row[columns.index("run")] == self.run)

    def _short(self, value: Any) -> Any:
        if isinstance(value, str):
            return "RUN" if value == self.run else value.removeprefix(f"{self.run}/")
        if isinstance(value, list):
            return [self._short(one) for one in value]
        return round(value, 6) if isinstance(value, float) else value


@pytest.fixture
def ask(store: Store, drawn: Drawn) -> Asked:
    return Asked(store, drawn.runs[0].id)


def test_splits(ask: Asked) -> None:
    assert ask("splits") == [
        ("RUN", 4, "L04/C0000", 5, "L06/C0000", 4, 0.55, 0.95, 9.0, 0.6, "split"),
        ("RUN", 4, "L04/C0000", 5, "L06/C0001", 4, 0.45, 0.90, 8.0, 0.5, "split"),
    ]


def test_merges(ask: Asked) -> None:
    assert ask("merges") == [
        ("RUN", 3, "L03/C0001", 3, "L04/C0001", 4, 0.95, 0.5, 6.0, 0.4, "merge"),
        ("RUN", 3, "L03/C0002", 3, "L04/C0001", 4, 0.90, 0.5, 4.5, 0.3, "merge"),
    ]


def test_persistence(ask: Asked) -> None:
    assert ask("persistence") == [
        ("RUN", 3, "L03/C0000", 5, "L04/C0000", 5, 0.8, 0.9, 7.5, 0.5, "persist"),
        ("RUN", 4, "L04/C0001", 4, "L06/C0002", 2, 1.0, 1.0, 5.0, 0.4, "persist"),
    ]


def test_significant(ask: Asked) -> None:
    rows = ask("significant")
    assert [(row[1], row[2], row[4], row[6], row[11]) for row in rows] == [
        (3, "L03/C0000", "L04/C0000", 7.5, "persist"),
        (3, "L03/C0001", "L04/C0001", 6.0, "merge"),
        (3, "L03/C0002", "L04/C0001", 4.5, "merge"),
        (3, "L03/C0000", "L04/C0002", 3.25, None),
        (4, "L04/C0000", "L06/C0000", 9.0, "split"),
        (4, "L04/C0000", "L06/C0001", 8.0, "split"),
        (4, "L04/C0001", "L06/C0002", 5.0, "persist"),
    ]
    assert rows[3] == ("RUN", 3, "L03/C0000", 5, "L04/C0002", 2, 3.25, 1.5, 0.2, 0.6, 0.2, None)
    assert [row[6] for row in ask("significant", z=8)] == [9.0, 8.0]


def test_descendants(ask: Asked) -> None:
    way = ["L03/C0000", "L04/C0000"]
    one = (1, 4, "L04/C0000", 5, "split", "persist", "L3/C0 > L4/C0", 0.8, 0.9, 7.5, 0.5, way)
    told = "persist > split"
    two = [
        (2, 6, "L06/C0000", 4, None, told, "L3/C0 > L4/C0 > L6/C0", 0.55, 0.95, 9.0, 0.6, [*way, "L06/C0000"]),
        (2, 6, "L06/C0001", 4, None, told, "L3/C0 > L4/C0 > L6/C1", 0.45, 0.90, 8.0, 0.5, [*way, "L06/C0001"]),
    ]
    assert ask("descendants", coalition="L03/C0000") == [one, *two]
    assert ask("descendants", coalition="L03/C0000", steps=1) == [one]
    assert ask("descendants", coalition="L04/C0002") == []


def test_ancestors(ask: Asked) -> None:
    way = ["L04/C0001", "L06/C0002"]
    told = "merge > persist"
    assert ask("ancestors", coalition="L06/C0002") == [
        (1, 4, "L04/C0001", 4, "persist", "persist", "L4/C1 > L6/C2", 1.0, 1.0, 5.0, 0.4, way),
        (2, 3, "L03/C0001", 3, "merge", told, "L3/C1 > L4/C1 > L6/C2", 0.95, 0.5, 6.0, 0.4, ["L03/C0001", *way]),
        (2, 3, "L03/C0002", 3, "merge", told, "L3/C2 > L4/C1 > L6/C2", 0.90, 0.5, 4.5, 0.3, ["L03/C0002", *way]),
    ]
    assert len(ask("ancestors", coalition="L06/C0002", steps=1)) == 1
    assert ask("ancestors", coalition="L06/C0003") == []


def test_fates_add_up_to_a_hundred(ask: Asked) -> None:
    third = round(100 / 3, 6)
    rows = ask("fates")
    assert rows == [
        ("RUN", 3, 4, 3, third, round(200 / 3, 6), 0.0, 0.0, 10.0, 20.0, 30.0, 40.0),
        ("RUN", 4, 6, 3, third, 0.0, third, third, 1.0, 2.0, 3.0, 94.0),
    ]
    assert all(abs(sum(row[4:8]) - 100) < 1e-4 for row in rows)


def test_coalition(ask: Asked) -> None:
    assert ask("coalition", coalition="L03/C0000") == [
        ("L03/C0000", 5, None, "persist", 0, 1.0, 1, 1.0),
        ("L03/C0000", 5, None, "persist", 1, 0.5, 2, 0.5),
        ("L03/C0000", 5, None, "persist", 2, 0.333333, 3, 0.333333),
        ("L03/C0000", 5, None, "persist", 3, 0.25, 4, 0.25),
        ("L03/C0000", 5, None, "persist", 4, 0.2, None, None),
    ]


def test_neuron_in_every_run(store: Store, drawn: Drawn, ask: Asked) -> None:
    expected = (drawn.model_id, "RUN", "L04/C0001", 4, 1, round(1 / 7, 6), "merge", "persist")
    assert ask("neuron", layer=4, index=6) == [expected]
    assert Asked(store, drawn.runs[1].id)("neuron", layer=4, index=6) == [expected]


def test_sizes(ask: Asked) -> None:
    assert ask("sizes") == [
        ("RUN", 3, 4, 1, 3.0, 3.0, 4.4, 5, round(500 / 12, 6)),
        ("RUN", 4, 4, 1, 3.0, 3.0, 4.7, 5, round(500 / 12, 6)),
        ("RUN", 6, 4, 0, 3.0, 3.0, 4.0, 4, round(400 / 12, 6)),
    ]


def test_runs(drawn: Drawn, ask: Asked) -> None:
    assert ask("runs") == [
        ("RUN", "complete", drawn.model_id, "CQTR", "pas", "exact", None, [3, 4, 6], 12, 9, 6, "2026-01-02T03:04:05Z")
    ]


def test_provenance_is_every_parameter_and_figure(drawn: Drawn, ask: Asked) -> None:
    told = dict(ask("provenance"))
    own = {key: told.pop(key) for key in [key for key in told if not key.startswith("model.")]}
    assert own.pop("fingerprint") == drawn.fingerprint(drawn.runs[0])
    assert json.loads(own.pop("contents")).keys() == {"members", "lineage"}
    assert own == {
        "analysis": drawn.analysis,
        "coalitions": 12,
        "config": '{"k": 3}',
        "created": "2026-01-02T03:04:05Z",
        "events": 6,
        "id": "RUN",
        "interactions": 9,
        "k": 3,
        "keep": 20,
        "layers": [3, 4, 6],
        "merge_shuffled": [20.0, 2.0],
        "persist_shuffled": [10.0, 1.0],
        "solver": "exact",
        "split_shuffled": [30.0, 3.0],
        "stability_bound": 0.01,
        "status": "complete",
        "task": "CQTR",
        "utility": "sum",
        "valuation": "pas",
        "vanish_shuffled": [40.0, 94.0],
    }
    assert told == {
        "model.adapter": "adapters/cqtr",
        "model.architecture": "LlamaForSequenceClassification",
        "model.d_ff": 12,
        "model.d_model": 8,
        "model.id": drawn.model_id,
        "model.layers": 8,
        "model.name": "tiny",
    }


@pytest.mark.parametrize("name", ["splits", "merges", "persistence", "significant", "fates", "sizes"])
def test_without_a_run_all_of_them_are_asked(store: Store, drawn: Drawn, name: str) -> None:
    statement = statements.load(name)
    seen = {row["run"] for row in store.read(statement.text, statement.bind({})).records()}
    assert {run.id for run in drawn.runs} <= seen


def test_no_rows_are_explained(store: Store, drawn: Drawn) -> None:
    run = drawn.runs[0].id

    def why(name: str, **given: Any) -> str:
        statement = statements.load(name)
        return why_empty(store, statement, statement.bind(given))

    assert why("splits", run=run) == "no edge of the runs loaded is a split"
    assert why("descendants", coalition=f"{run}/L04/C0002").startswith("it has no descendants")
    with pytest.raises(UserError, match=rf"no run '{run}x' \(nearest: {run}\)"):
        why("splits", run=run + "x")
    with pytest.raises(UserError, match="has no coalition"):
        why("descendants", coalition=f"{run}/L04/C0099")
    with pytest.raises(UserError, match="no run has a coalition 'nonsense'"):
        why("descendants", coalition="nonsense")


def test_runs_that_are_not_whole_are_in_no_answer(store: Store, drawn: Drawn, ask: Asked) -> None:
    store.write("MATCH (r:Run {id: $run}) SET r.status = 'loading'", {"run": ask.run})
    for name in ("splits", "merges", "persistence", "significant", "fates", "sizes"):
        assert ask(name) == []
    for name in ("descendants", "coalition"):
        assert ask(name, coalition="L03/C0000") == []
    assert ask("ancestors", coalition="L06/C0002") == []
    assert ask("neuron", layer=4, index=6) == []
    statement = statements.load("splits")
    assert "is not whole (loading)" in why_empty(store, statement, statement.bind({"run": ask.run}))
