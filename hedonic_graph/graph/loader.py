"""Load an analysis into the graph (DESIGN §6): run after run, the nodes of its parts first, then their edges."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hedonic_graph.errors import UserError
from hedonic_graph.graph import about, comparison, deletion, statements
from hedonic_graph.graph.calls import Calls
from hedonic_graph.graph.parts import RunParts, State, state, states
from hedonic_graph.graph.store import Store
from hedonic_graph.graph.writing import Changed, Counter, PartWriter, write_all
from hedonic_graph.progress import Progress, bar
from hedonic_graph.results.protocol import Results, RunInfo

WRITERS = 2
"""Threads that write to a Neo4j at once; two cores that client and server share are busy with that."""
# How often a load begins anew where another one changes what they share.
ROUNDS = 5


@dataclass(frozen=True)
class RunLoad:
    """What became of one run."""

    run: str
    outcome: str
    """``loaded``, ``continued``, ``replaced``, or ``present`` (it was there, whole and the same)."""
    rows: int
    """Nodes and relationships sent now."""
    seconds: float


@dataclass(frozen=True)
class LoadReport:
    """What ``ingest`` did."""

    runs: tuple[RunLoad, ...]

    @property
    def rows(self) -> int:
        """Nodes and relationships sent."""
        return sum(run.rows for run in self.runs)

    @property
    def seconds(self) -> float:
        """Time it took."""
        return sum(run.seconds for run in self.runs)


def ingest(
    results: Results,
    store: Store,
    *,
    keep: int = 20,
    replace: bool = False,
    writers: int | None = None,
    progress: Callable[..., Progress] = bar,
    on_wait: Callable[[], None] | None = None,
    on_away: Callable[[], None] | None = None,
) -> LoadReport:
    """Load every run of ``results`` that the graph does not have yet, schema first.

    ``keep`` edges at least of each source and target go in (DESIGN §3.6). A run that is there, whole and equal, is
    left alone; one whose load was cut off continues. One that is there with other content is refused before anything
    is written, or deleted and loaded anew with ``replace``. ``writers`` threads write at once (2 to a Neo4j, always one
    to the embedded store); tables are read by one of them at a time, of one layer each. ``on_wait`` is called where
    another loader is at work, ``on_away`` where the server went away and is waited for. Raises UserError for that,
    and where a table does not hold what the schema says.
    """
    calls = Calls(store, on_away)
    with store.writer(on_wait):
        for name in statements.names("schema"):
            store.write(statements.load(f"schema/{name}").text)
        found = comparison.present(results, calls, keep)
        for run, there in found.items():
            if (refusal := there.refusal(run)) is not None and not replace:
                raise UserError(refusal)
        for run, there in found.items():
            if there.goes_first:
                deletion.delete_run(calls, run, progress)
        for one in results.runs:
            if one.id in found and found[one.id].whole:
                continue
            parts = RunParts(results, one, keep)
            known = states(calls, [part.id for part in parts.all() if not part.own])
            if (other := comparison.other_preferences(parts, known)) is not None and not replace:
                raise UserError(other)
        loader = _Loader(results, calls, keep, replace, 1 if store.embedded else writers or WRITERS)
        return LoadReport(tuple(loader.run(one, found.get(one.id), progress) for one in results.runs))


class _Loader:
    """One pass over the runs of an analysis."""

    def __init__(self, results: Results, calls: Calls, keep: int, replace: bool, writers: int):
        self.results = results
        self.calls = calls
        self.keep = keep
        self.replace = replace
        self.writers = writers

    def run(self, run: RunInfo, before: comparison.Present | None, progress: Callable[..., Progress]) -> RunLoad:
        """Load one run; ``before`` is what the graph had of it."""
        began = time.perf_counter()
        if self._status(run) == "complete":
            return RunLoad(run.id, "present", 0, 0.0)
        outcome = comparison.outcome(before)
        parts = RunParts(self.results, run, self.keep)
        bar = progress(f"Loading {run.id}", unit="row")
        counter = Counter(bar)
        try:
            self._load(run, parts, counter, progress)
        finally:
            bar.close()
        return RunLoad(run.id, outcome, counter.rows, time.perf_counter() - began)

    def _load(self, run: RunInfo, parts: RunParts, counter: Counter, progress: Callable[..., Progress]) -> None:
        known = self._begin(run, parts, progress)
        if known is None:
            return
        writer = PartWriter(self.calls, counter)
        try:
            written = write_all(writer, parts.nodes, known, self.writers)
            parts.coalitions |= {
                part.layer: written[part.id] for tables in parts.nodes.values() for part in tables if part.own
            }
            write_all(writer, parts.edges, known, self.writers)
            own = [part.id for part in parts.all() if part.own]
            shared = [part.id for part in parts.all() if not part.own]
            values = {"run": run.id, "analysis": run.analysis, "fingerprint": parts.fingerprint}
            if self.calls.write("load/complete", values | {"own": own, "shared": shared})[0]["written"]:
                return
        except Changed:
            pass
        if self._status(run) != "complete":
            raise UserError(f"{run.id} was deleted or replaced while it was loading: run the same command again")

    def _begin(self, run: RunInfo, parts: RunParts, progress: Callable[..., Progress]) -> dict[str, State] | None:
        """Write the run with its parts where they are not there, and return them; None where it became whole."""
        values = self._values(run, parts)
        for _ in range(ROUNDS):
            rows = self.calls.write("load/run", values)
            if not rows:
                if self._status(run) == "complete":
                    return None
                break
            known = {row["part"]: state(row) for row in rows if row["part"] is not None}
            if len(known) < len(rows):
                # One that was deleted just then.
                continue
            stale = [part for part in parts.all() if known[part.id].fingerprint != part.fingerprint]
            if not stale and all(one.status != "deleting" for one in known.values()):
                return known
            for part in parts.all():
                if part in stale and part.kind == "preferences" and self.replace:
                    self.calls.write("delete/other_preferences", {"part": part.id, "fingerprint": part.fingerprint})
                elif part in stale or known[part.id].status != "deleting":
                    continue
                deletion.finish(self.calls, part.id, self._where(run, part.kind, part.layer), progress)
        raise UserError(f"{run.id} is being loaded or deleted by another command: run the same command again")

    def _where(self, run: RunInfo, kind: str, layer: int) -> deletion.Where:
        model = self.results.model
        valuation = run.valuation if kind == "preferences" else None
        return deletion.Where(model.id, model.d_ff, layer, run.analysis, valuation)

    def _values(self, run: RunInfo, parts: RunParts) -> dict[str, Any]:
        return {
            "model": self.results.model.id,
            "about": about.model(self.results),
            "run": run.id,
            "analysis": run.analysis,
            "properties": about.run(self.results, run, self.keep),
            "batch": self.calls.batch,
            "parts": [
                {"id": part.id, "kind": part.kind, "fingerprint": part.fingerprint}
                for part in sorted(parts.all(), key=lambda part: part.id)
            ],
        }

    def _status(self, run: RunInfo) -> str | None:
        found = self.calls.ask("load/state", run=run.id)
        return found[0]["status"] if found else None
