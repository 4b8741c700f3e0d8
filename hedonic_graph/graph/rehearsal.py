"""What a load would write, without writing it: every table is read and checked as for a load."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hedonic_graph.graph import comparison
from hedonic_graph.graph.calls import Calls
from hedonic_graph.graph.parts import Part, RunParts, State, states
from hedonic_graph.graph.rows import Table
from hedonic_graph.graph.store import Store
from hedonic_graph.results.protocol import Results


@dataclass(frozen=True)
class Rehearsal:
    """What would become of one run."""

    run: str
    outcome: str
    """``loaded``, ``continued``, ``replaced``, ``present``, ``refused``, or ``held``, as another one is refused."""
    reason: str | None = None
    """Why it would be refused."""
    creates: dict[str, int] = field(default_factory=dict)
    """Nodes by label and relationships by type that would be written."""


def rehearse(results: Results, store: Store | None, *, keep: int = 20, replace: bool = False) -> list[Rehearsal]:
    """Say what ``ingest`` would do; ``store`` is None where there is none yet.

    Raises UserError where ``ingest`` would for what a table or a property holds.
    """
    graph = _Graph(None) if store is None else _Graph(Calls(store))
    there = graph.present(results, keep)
    whole = {run for run, found in there.items() if found.whole}
    every = {run.id: RunParts(results, run, keep) for run in results.runs}
    refused = {run: found.refusal(run) for run, found in there.items()}
    if replace or not any(refused.values()):
        new = [run for run in every if run not in whole]
        refused = {run: comparison.other_preferences(every[run], graph.known(every[run])) for run in new}
    if replace or not any(refused.values()):
        return [_run(graph, there.get(run), parts) for run, parts in every.items()]
    return [_not_loaded(run, refused.get(run), run in whole) for run in every]


class _Graph:
    """The graph as it would be by then: without the runs that go first, with those that were rehearsed."""

    def __init__(self, calls: Calls | None) -> None:
        self._calls = calls
        self._going: list[dict[str, Any]] = []
        self._staying = [] if calls is None else calls.ask("check/runs")
        self._written: set[tuple[str, str]] = set()

    def present(self, results: Results, keep: int) -> dict[str, comparison.Present]:
        """Return those of the runs that the graph has; the ones to be deleted count as gone from here on."""
        if self._calls is None:
            comparison.check(results, keep)
            return {}
        found = comparison.present(results, self._calls, keep)
        first = {run for run, there in found.items() if there.goes_first}
        self._going = [row for row in self._staying if row["run"] in first]
        self._staying = [row for row in self._staying if row["run"] not in first]
        return found

    def known(self, parts: RunParts) -> dict[str, State]:
        """Return what the graph has of a run's parts."""
        if self._calls is None:
            return {}
        stays = [part.id for part in parts.all() if self._stays(part, parts)]
        return states(self._calls, stays)

    def first(self, kind: str, key: str) -> bool:
        """Say whether this is rehearsed for the first time now; from here on it is not."""
        new = (kind, key) not in self._written
        self._written.add((kind, key))
        return new

    def has_model(self, model: str) -> bool:
        """Say whether the graph has a model."""
        return any(row["model"] == model for row in self._staying)

    def new_features(self, table: Table) -> int:
        """Count the features of some alignments that are in the graph for the first time."""
        names = {
            name for load in table.loads for name in load.columns["feature"].tolist() if self.first("Feature", name)
        }
        if self._calls is None or not names:
            return len(names)
        going = [row["run"] for row in self._going]
        return len(names) - int(self._calls.ask("check/features", features=sorted(names), going=going)[0]["present"])

    def _stays(self, part: Part, parts: RunParts) -> bool:
        """Say whether a part is not deleted with the runs that go."""
        if part.own:
            return all(row["run"] != parts.run.id for row in self._going)
        alive = any(row["status"] != "deleting" and _uses(row, part, parts) for row in self._staying)
        return alive or not any(_uses(row, part, parts) for row in self._going)


def _uses(row: Mapping[str, Any], part: Part, parts: RunParts) -> bool:
    """Say whether a run in the graph has a part that runs share."""
    if part.layer not in row["layers"]:
        return False
    if part.kind == "neurons":
        return bool(row["model"] == parts.results.model.id)
    return bool((row["analysis"], row["valuation"]) == (parts.run.analysis, parts.run.valuation))


def _not_loaded(run: str, reason: str | None, whole: bool) -> Rehearsal:
    return Rehearsal(run, "present" if whole else "held" if reason is None else "refused", reason)


def _run(graph: _Graph, there: comparison.Present | None, parts: RunParts) -> Rehearsal:
    outcome = comparison.outcome(there)
    if outcome == "present":
        return Rehearsal(parts.run.id, outcome)
    model = parts.results.model.id
    creates = Counter[str]()
    if outcome != "continued":
        creates.update(Run=1, ANALYSES=1, Model=int(graph.first("Model", model) and not graph.has_model(model)))
    known = graph.known(parts)
    for part in parts.all():
        found = known.get(part.id)
        if found is not None and (found.status == "deleting" or found.fingerprint != part.fingerprint):
            found = None
        if found is not None and found.rows is not None:
            parts.coalitions |= {part.layer: found.rows} if part.kind == "coalitions" else {}
            continue
        if not graph.first("Part", part.id):
            continue
        table = part.table()
        if part.kind == "coalitions":
            parts.coalitions[part.layer] = table.counts["rows"]
        if part.kind == "alignments":
            creates["Feature"] += graph.new_features(table)
        creates += _left(table, found)
    return Rehearsal(parts.run.id, outcome, creates={name: count for name, count in creates.items() if count})


def _left(table: Table, found: State | None) -> Counter[str]:
    """Count what the batches of a table write that the graph does not have."""
    left = Counter[str]()
    size, done = (max(map(len, table.loads)), 0) if found is None else (found.batch or 1, found.step or 0)
    for load, first, last in list(table.batches(size))[done:]:
        left.update(dict.fromkeys(load.creates, last - first))
    return left
