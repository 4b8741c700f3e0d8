"""Load an analysis into the graph (DESIGN §6).

A run's own nodes and edges go in by numbered batches. Each batch is one transaction that also moves the run's
``load_step``, and does nothing where that is not at the number before its own. So a batch is in the graph once or
not at all, a killed load continues with the next one, and rows can be created without looking whether they exist.
Neurons and preferences belong to several runs and are merged.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hedonic_graph.errors import UserError
from hedonic_graph.graph import schema, statements
from hedonic_graph.graph.rows import RunRows, batches, scalar
from hedonic_graph.graph.runs import delete
from hedonic_graph.graph.store import Rows, Store
from hedonic_graph.progress import Progress, bar
from hedonic_graph.results import Results, RunInfo

if TYPE_CHECKING:
    import pandas as pd

# Neo4j indexes at most 8,167 bytes of a key; a neuron's id is its model's and 11 bytes more.
ID_LIMIT = 8_000


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


@dataclass
class _Counter:
    """Rows sent of one run, and its progress bar."""

    progress: Progress
    rows: int = 0

    def add(self, rows: int) -> None:
        self.rows += rows
        self.progress.update(rows)


class _NotThisBatch(Exception):
    """The run is not where this batch begins: another loader wrote it, or an answer was lost on its way."""


def ingest(
    results: Results,
    store: Store,
    *,
    keep: int = 20,
    replace: bool = False,
    progress: Callable[..., Progress] = bar,
    on_wait: Callable[[], None] | None = None,
) -> LoadReport:
    """Load every run of ``results`` that the graph does not have yet, schema first.

    ``keep`` edges at least of each source and target go in (DESIGN §3.6). A run that is there, whole and equal, is
    left alone; one whose load was cut off continues. One that is there with other content is refused before anything
    is written, or deleted and loaded anew with ``replace``. ``on_wait`` is called where another loader is at work.
    Raises UserError for that, and where rows name neurons or coalitions that do not exist.
    """
    with store.writer(on_wait):
        for name in statements.names("schema"):
            store.write(statements.load(f"schema/{name}").text)
        _check_ids(results)
        changed = _changed(results, store, keep, replace)
        for run in changed:
            delete(store, run, progress=progress)
        loader = _Loader(results, store, keep, replace)
        return LoadReport(tuple(loader.run(run, changed.get(run.id), progress) for run in results.runs))


def _state(store: Store, run: str) -> dict[str, Any] | None:
    rows = store.read(statements.load("load/state").text, {"run": run}).records()
    return rows[0] if rows else None


def _check_ids(results: Results) -> None:
    for id in [results.model.id, *(run.id for run in results.runs)]:
        if not id or len(id.encode()) > ID_LIMIT:
            raise UserError(f"{id[:40]!r}... has {len(id.encode()):,} bytes: an id may have {ID_LIMIT:,} at most")


def _changed(results: Results, store: Store, keep: int, replace: bool) -> dict[str, str]:
    """Return the runs that must go before they are loaded, and their status; refuse to take a whole one out unasked."""
    changed = {}
    for run in results.runs:
        state = _state(store, run.id)
        if state is None:
            continue
        same = state["fingerprint"] == results.fingerprint(run) and state["keep"] == keep
        if same and state["status"] != "deleting":
            continue
        if state["status"] == "complete" and not replace:
            what = "with other content" if state["keep"] == keep else f"with --keep {state['keep']}, not {keep}"
            raise UserError(f"{run.id} is in the graph already, {what}: add --replace to take it out and load this one")
        changed[run.id] = state["status"]
    return changed


class _Loader:
    """One pass over the runs of an analysis; remembers what they share and is written already."""

    def __init__(self, results: Results, store: Store, keep: int, replace: bool):
        self.results = results
        self.store = store
        self.keep = keep
        self.replace = replace
        self.neurons: set[int] = set()
        self.preferences: dict[str | None, dict[int, pd.DataFrame]] = {}
        self.preferred: set[str | None] = set()

    def run(self, run: RunInfo, before: str | None, progress: Callable[..., Progress]) -> RunLoad:
        """Load one run; ``before`` is the status of what was deleted to make room for it."""
        began = time.perf_counter()
        state = _state(self.store, run.id)
        if state is not None and state["status"] == "complete":
            return RunLoad(run.id, "present", 0, 0.0)
        outcome = "continued" if state is not None else "replaced" if before == "complete" else "loaded"
        brought = self._brought(run)
        tables = RunRows(self.results, run, self.keep)
        size, done = self._begin(run)
        shared = self._shared(run, tables, brought, progress) if done == 0 else 0
        counter = _Counter(progress(f"Loading {run.id}", total=tables.rows, unit="row"), shared)
        try:
            last = 0
            for number, (name, batch) in enumerate(tables.batches(size), start=1):
                last = number
                if number > done:
                    done = self._batch(run, name, number, size, batch, counter)
                else:
                    counter.progress.update(len(batch))
            self._complete(run, last, tables.counts)
        finally:
            counter.progress.close()
        return RunLoad(run.id, outcome, counter.rows, time.perf_counter() - began)

    def _begin(self, run: RunInfo) -> tuple[int, int]:
        """Write the model and the run if they are not there; return the size of a batch and how many are there."""
        model = self.results.model
        self.store.write(
            statements.load("load/model").text,
            {
                "id": model.id,
                "properties": {
                    "name": model.name,
                    "adapter": model.adapter,
                    "architecture": model.architecture,
                    "d_model": model.d_model,
                    "d_ff": model.d_ff,
                    "layers": model.layers,
                },
            },
        )
        properties = {name: scalar(value) for name, value in {**run.parameters, **run.honesty}.items()}
        properties |= {
            "analysis": run.analysis,
            "task": run.task,
            "valuation": run.valuation,
            "solver": run.solver,
            "seed": run.seed,
            "layers": list(run.layers),
            "created": run.created,
            "config": run.config,
            "status": "loading",
            "keep": self.keep,
            "fingerprint": self.results.fingerprint(run),
            "preferences": self._preferences_digest(run),
            "load_step": 0,
            "load_rows": self.store.batch,
        }
        properties.pop("id", None)
        self.store.write(
            statements.load("load/run").text, {"id": run.id, "model": model.id, "properties": properties}, _expect(1)
        )
        # Another loader may have begun the same run a moment ago: go on from where it is.
        state = _state(self.store, run.id)
        if state is None or state["fingerprint"] != properties["fingerprint"] or state["keep"] != self.keep:
            raise UserError(f"{run.id} is being loaded or deleted by another command: run the same command again")
        return state["load_rows"], state["load_step"]

    def _brought(self, run: RunInfo) -> bool:
        """Say whether there is nothing to bring: another run has this one's valuation, or it has none."""
        if run.valuation is None:
            return True
        shared = {"analysis": run.analysis, "valuation": run.valuation}
        present = self.store.read(statements.load("load/preferences_present").text, shared).records()
        if not present:
            return False
        if any(row["fingerprint"] == self._preferences_digest(run) for row in present):
            return True
        # Runs that this analysis still has are refused or gone before this; this one it has no more.
        if not self.replace:
            raise UserError(
                f"{present[0]['run']} in the graph is from an earlier state of {run.analysis}: take it out with "
                f"`hedonic-graph runs delete`, or add --replace to let it stand beside new preferences"
            )
        statement = statements.load("delete/preferences").text
        values = shared | {"model": self.results.model.id, "limit": self.store.batch}
        while self.store.write(statement, values).values[0][0]:
            pass
        return False

    def _shared(self, run: RunInfo, tables: RunRows, brought: bool, progress: Callable[..., Progress]) -> int:
        """Write the neurons and preferences that are not there yet; return how many rows were sent."""
        model = self.results.model.id
        sent = 0
        neurons = [
            {"id": schema.neuron_id(model, layer, index), "layer": layer, "index": index}
            for layer in run.layers
            if layer not in self.neurons
            for index in sorted(tables.members[layer]["neuron"].tolist())
        ]
        sent += self._merge("load/neurons", {"model": model}, neurons, progress, f"Loading neurons of {model}")
        self.neurons.update(run.layers)
        if run.valuation not in self.preferred and not brought:
            shared = {"analysis": run.analysis, "valuation": run.valuation}
            label = f"Loading preferences of {run.valuation}"
            sent += self._merge("load/preferences", shared, list(self._preference_rows(run)), progress, label)
        self.preferred.add(run.valuation)
        return sent

    def _preference_rows(self, run: RunInfo) -> Iterator[dict[str, Any]]:
        model = self.results.model.id
        for layer, frame in self._preferences(run).items():
            ordered = frame.sort_values(["neuron", "rank"])
            columns = (ordered[name].tolist() for name in ("neuron", "other", "rank", "phi"))
            for neuron, other, rank, phi in zip(*columns, strict=True):
                yield {
                    "source": schema.neuron_id(model, layer, neuron),
                    "target": schema.neuron_id(model, layer, other),
                    "rank": rank,
                    "phi": phi,
                }

    def _merge(
        self,
        name: str,
        shared: dict[str, Any],
        rows: list[dict[str, Any]],
        progress: Callable[..., Progress],
        label: str,
    ) -> int:
        counter = progress(label, total=len(rows), unit="row")
        try:
            for batch in batches(iter(rows), self.store.batch):
                self.store.write(statements.load(name).text, {**shared, "rows": batch}, _expect(len(batch)))
                counter.update(len(batch))
        finally:
            counter.close()
        return len(rows)

    def _batch(
        self, run: RunInfo, name: str, number: int, size: int, rows: list[dict[str, Any]], counter: _Counter
    ) -> int:
        """Write one batch of the run's own; return how many batches are there now."""
        values = {"run": run.id, "number": number, "batch": size, "rows": rows}
        try:
            self.store.write(statements.load(name).text, values, _expect(len(rows), guarded=True))
        except _NotThisBatch:
            state = _state(self.store, run.id)
            if state is None or state["status"] == "deleting":
                raise UserError(f"{run.id} was deleted while it was loading: run the same command again") from None
            if state["load_step"] < number:
                raise UserError(
                    f"{run.id}: a batch of {name} names neurons or coalitions that the analysis does not have"
                ) from None
            return int(state["load_step"])
        counter.add(len(rows))
        return number

    def _complete(self, run: RunInfo, last: int, counts: dict[str, int]) -> None:
        values = {"run": run.id, "number": last, "properties": counts}
        written = self.store.write(statements.load("load/complete").text, values).values[0][0]
        state = _state(self.store, run.id)
        if not written and (state is None or state["status"] != "complete"):
            raise UserError(f"{run.id} changed while it was loading: run the same command again")

    def _preferences(self, run: RunInfo) -> "dict[int, pd.DataFrame]":
        if run.valuation is None:
            return {}
        if run.valuation not in self.preferences:
            self.preferences[run.valuation] = {
                layer: self.results.preferences(run.valuation, layer) for layer in run.layers
            }
        return self.preferences[run.valuation]

    def _preferences_digest(self, run: RunInfo) -> str:
        digest = hashlib.sha256()
        for layer, frame in self._preferences(run).items():
            digest.update(str(layer).encode())
            for name in ("neuron", "other", "rank", "phi"):
                digest.update(frame[name].to_numpy().tobytes())
        return digest.hexdigest()


def _expect(count: int, guarded: bool = False) -> Callable[[Rows], None]:
    """Return a check that the server wrote as many rows as were sent; where it did not, nothing is committed."""

    def check(rows: Rows) -> None:
        written = rows.values[0][0] if rows.values else 0
        if written == count:
            return
        if guarded and written == 0:
            raise _NotThisBatch
        raise UserError(
            f"{count - written} of {count} rows name a neuron or coalition that the analysis does not have: "
            "nothing of them was written"
        )

    return check
