"""A dry run says what a load then writes, and writes nothing."""

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from graph.conftest import Drawing, snapshot
from graph.drawn import Drawn
from graph.loads import ALIGNED, BATCH, COALITIONS, EVENTS, FEATURES, INTERACTIONS

from hedonic_graph import results
from hedonic_graph.cli import main
from hedonic_graph.errors import UserError
from hedonic_graph.graph import keeper, runs
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.rehearsal import Rehearsal, rehearse
from hedonic_graph.graph.store import Address, Store, connect

OWN = {
    "Run": 1,
    "ANALYSES": 1,
    "Coalition": COALITIONS,
    "FOUND_IN": COALITIONS,
    "MEMBER_OF": 36,
    "INTERACTS": INTERACTIONS,
    "PERSISTS_AS": 2,
    "SPLITS_INTO": 2,
    "MERGES_INTO": 2,
    "ALIGNS_WITH": ALIGNED,
}
SHARED = {"Model": 1, "Neuron": 36, "PREFERS": 72, "Feature": FEATURES}


class Killed(BaseException):
    """So a test ends a load after some of its writes."""


def held(store: Store, *drawn: Drawn) -> Counter[str]:
    """Nodes by label and relationships by type in the graph; markers of loading aside."""
    names = {"prefixes": sorted({name for one in drawn for name in (one.analysis, one.model_id)})}
    nodes = store.read(
        "MATCH (n) WHERE NOT n:Part AND any(one IN $prefixes WHERE coalesce(n.id, n.name) STARTS WITH one) "
        "RETURN labels(n)[0] AS name, count(*) AS count",
        names,
    )
    edges = store.read(
        "MATCH (n)-[e]->() WHERE any(one IN $prefixes WHERE n.id STARTS WITH one) "
        "RETURN type(e) AS name, count(*) AS count",
        names,
    )
    return Counter({row["name"]: row["count"] for row in nodes.records() + edges.records()})


def total(found: list[Rehearsal]) -> Counter[str]:
    return sum((Counter(run.creates) for run in found), Counter())


def outcomes(found: list[Rehearsal]) -> list[str]:
    return [run.outcome for run in found]


def dry(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["ingest", "anything", "--dry-run", *arguments])


def test_with_no_store_everything_would_be_loaded() -> None:
    first, second = rehearse(Drawn(), None)
    assert (first.outcome, first.creates) == ("loaded", OWN | SHARED)
    assert (second.outcome, second.creates) == ("loaded", OWN)
    assert sum(OWN[name] for name in ("PERSISTS_AS", "SPLITS_INTO", "MERGES_INTO")) == EVENTS


def test_nothing_is_written_and_what_it_said_is(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    said = rehearse(drawn, store)
    assert snapshot(store, drawn) == []
    ingest(drawn, store)
    assert held(store, drawn) == total(said) == Counter(OWN) + Counter(OWN) + Counter(SHARED)
    assert [(run.outcome, run.creates) for run in rehearse(drawn, store)] == [("present", {})] * 2


def test_what_another_analysis_brought_is_not_counted(store: Store, drawing: Drawing) -> None:
    one = drawing(solvers=("exact",), layers=(4, 6))
    other = drawing(model_id=one.model_id, features=one.analysis, solvers=("exact",))
    ingest(one, store)
    before = held(store, one, other)
    said = total(rehearse(other, store))
    # One layer is new, and a feature that only coalitions of that layer align with.
    assert (said["Neuron"], said["PREFERS"], said["Model"], said["Feature"]) == (12, 72, 0, 1)
    ingest(other, store)
    assert held(store, one, other) == before + said


def test_another_content_is_refused_and_nothing_else_loaded(store: Store, drawing: Drawing) -> None:
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store)
    before = snapshot(store, drawn)
    more = drawing(analysis=drawn.analysis, model_id=drawn.model_id, salt="other")
    refused = rehearse(more, store)
    assert [(run.outcome, run.creates) for run in refused] == [("refused", {}), ("held", {})]
    with pytest.raises(UserError) as error:
        ingest(more, store)
    assert str(error.value) == refused[0].reason
    assert snapshot(store, drawn) == before


def test_what_is_replaced_goes_first_with_all_that_is_its_own(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    ingest(drawn, store)
    before = snapshot(store, drawn)
    said = rehearse(drawn.changed(), store, replace=True)
    assert snapshot(store, drawn) == before
    assert outcomes(said) == ["replaced", "replaced"]
    report = ingest(drawn.changed(), store, replace=True)
    assert [run.outcome for run in report.runs] == outcomes(said)
    assert held(store, drawn) == total(said)


def test_what_is_replaced_leaves_what_another_run_uses(store: Store, drawing: Drawing) -> None:
    both = drawing()
    first = drawing(analysis=both.analysis, model_id=both.model_id, solvers=("exact",), salt="other")
    ingest(both, store)
    (said,) = rehearse(first, store, replace=True)
    assert (said.outcome, said.creates) == ("replaced", OWN)
    other = drawing(model_id=both.model_id, solvers=("exact",), features=both.analysis)
    assert rehearse(other, store)[0].creates == OWN | {"PREFERS": 72}


def test_preferences_from_an_earlier_state(store: Store, drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawing(solvers=("exact",))
    ingest(drawn, store)
    before = held(store, drawn)
    later = drawing(analysis=drawn.analysis, model_id=drawn.model_id)
    monkeypatch.setattr(Drawn, "preferences_fingerprint", lambda self, valuation, layer: f"another {layer}")
    refused = rehearse(later, store)
    assert outcomes(refused) == ["present", "refused"]
    assert refused[1].reason is not None and "preferences (pas, layer 3) from an earlier state" in refused[1].reason
    with pytest.raises(UserError) as error:
        ingest(later, store)
    assert str(error.value) == refused[1].reason
    # What is there and whole is not written, and needs none.
    assert outcomes(rehearse(drawn, store)) == ["present"]
    assert [run.outcome for run in ingest(drawn, store).runs] == ["present"]
    said = rehearse(later, store, replace=True)
    assert said[1].creates == OWN | {"PREFERS": 72}
    assert held(store, drawn) == before
    ingest(later, store, replace=True)
    # The new preferences stand in place of the old ones.
    assert held(store, drawn) == before + Counter(OWN)


# The run has begun; in the middle of neurons; of edges, after the first events; the same in the second run.
@pytest.mark.parametrize("writes", [9, 28, 50, 111])
def test_what_is_left_of_a_load_that_was_cut_off(
    store: Store, drawing: Drawing, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    drawn = drawing()
    write = Store.write
    count = itertools.count(1)

    def killed(self: Store, *rest: Any, **named: Any) -> Any:
        answer = write(self, *rest, **named)
        if next(count) == writes:
            raise Killed
        return answer

    with monkeypatch.context() as cut:
        cut.setattr(Store, "write", killed)
        cut.setattr(store, "batch", BATCH)
        with pytest.raises(Killed):
            ingest(drawn, store, writers=1)
    there = held(store, drawn)
    before = snapshot(store, drawn)
    left = rehearse(drawn, store)
    assert outcomes(left) == (["continued", "loaded"] if writes < 90 else ["present", "continued"])
    assert snapshot(store, drawn) == before
    changed = rehearse(drawn.changed(), store)
    ingest(drawn, store)
    assert held(store, drawn) == there + total(left)
    if outcomes(left)[0] == "continued":
        # What never was whole makes room without being asked for.
        assert (outcomes(changed), total(changed)) == (["loaded", "loaded"], held(store, drawn))
    else:
        assert outcomes(changed)[0] == "refused"


def test_what_a_table_may_not_hold_is_said(store: Store, drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawing()
    whole = Drawn.edges

    def wrong(self: Drawn, *rest: Any) -> pd.DataFrame:
        return whole(self, *rest).replace({"mass": 0.1}, float("nan"))

    monkeypatch.setattr(Drawn, "edges", wrong)
    line = f"edges of {drawn.runs[0].id}, layer 3, row 4: mass is nan: it must be a finite number"
    for where in (store, None):
        with pytest.raises(UserError, match=line):
            rehearse(drawn, where)
    assert snapshot(store, drawn) == []
    with pytest.raises(UserError, match=r"has 10,0\d\d bytes"):
        rehearse(drawing(analysis="x" * 10_000), None)


def test_the_command(store: Store, arguments: list[str], drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawing(solvers=("exact",))
    run = drawn.runs[0].id
    monkeypatch.setattr(results, "open_results", lambda path, check: drawn)
    result = dry(*arguments)
    assert result.exit_code == 0, result.output
    assert "           36  Neuron" in result.stdout.splitlines()
    assert all(row["run"] != run for row in runs.listed(store).records())
    ingest(drawn, store)
    assert dry(*arguments).stdout == f"{run}: is there already\n"
    monkeypatch.setattr(results, "open_results", lambda path, check: drawn.changed())
    result = dry(*arguments)
    assert (result.exit_code, result.stdout) == (2, f"{run}: would be refused\n")
    assert result.stderr.startswith(f"Error: {run} is in the graph already, with other members in layers 3, 4 and 6: ")
    assert dry("--replace", *arguments).stdout.startswith(f"{run}: would be taken out, then loaded\n")
    told = json.loads(dry("--replace", "--json", *arguments).stdout)
    assert [(one["run"], one["outcome"], one["creates"]["Neuron"]) for one in told] == [(run, "replaced", 36)]


def test_the_command_makes_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "open_results", lambda path, check: Drawn())
    result = dry("--store", str(tmp_path / "none"))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[:2] == ["drawn/pas.exact: would be loaded", "            1  Run"]
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "strange").write_text("no store")
    assert "is not a store: it holds strange" in dry("--store", str(tmp_path)).stderr
    assert "is a file: a store is a folder" in dry("--store", str(tmp_path / "strange")).stderr


def test_an_empty_store_gets_no_schema(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    try:
        with connect(Address(folder=folder)) as store:
            assert outcomes(rehearse(Drawn(), store)) == ["loaded", "loaded"]
            assert store.read("SHOW INDEXES").values == []
            ingest(Drawn(), store)
            assert store.read("SHOW INDEXES").values != []
    finally:
        keeper.stop(folder)
