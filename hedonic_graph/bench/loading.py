"""One load in a process of its own, so that its memory is that of loading alone.

``python -m hedonic_graph.bench.loading`` reads its settings as JSON from standard input, where no other user of the
machine sees the password, and writes what it measured as JSON to standard output.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from hedonic_graph.bench.machine import fast_driver, peak
from hedonic_graph.bench.process import answer, ask
from hedonic_graph.bench.synthetic import Scale, Synthetic
from hedonic_graph.graph.store import Address, Store, connect
from hedonic_graph.progress import bar


@dataclass(frozen=True)
class Load:
    """One load, measured."""

    loader: str
    rows: int
    """Rows of the tables: nodes and relationships, apart from FOUND_IN and ANALYSES, which come with their nodes."""
    seconds: float
    peak: int
    """Bytes held at most, by the whole process."""
    before: int
    """Bytes held at most before the load began: the interpreter, its libraries and the drawn run."""
    fast_driver: str | None

    @property
    def rate(self) -> float:
        """Rows in a second."""
        return self.rows / self.seconds


@dataclass(frozen=True)
class Task:
    """What to load, where, and by which loader."""

    address: Address
    loader: str
    """``ours`` or ``plain``."""
    scale: Scale
    name: str
    runs: int = 1

    def to_json(self) -> str:
        """Return it for ``from_json``."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """Return what ``to_json`` wrote."""
        values = json.loads(text)
        folder = values["address"].pop("folder")
        address = Address(**values["address"], folder=None if folder is None else Path(folder))
        return cls(**{**values, "address": address, "scale": Scale(**values["scale"])})


def load(task: Task) -> Load:
    """Load in a process of its own.

    Raises UserError where the process says what is wrong, and ends it where this one is interrupted.
    """
    return Load(**ask("hedonic_graph.bench.loading", task.to_json()))


def run(task: Task) -> Load:
    """Load in this process."""
    results = Synthetic(task.scale, name=task.name, runs=task.runs, hold=None)
    results.draw()
    with connect(task.address) as store:
        before, began = peak(), time.perf_counter()
        rows = (_plain if task.loader == "plain" else _ours)(results, store)
        seconds = time.perf_counter() - began
    return Load(task.loader, rows, seconds, peak(), before, fast_driver())


def _plain(results: Synthetic, store: Store) -> int:
    from hedonic_graph.bench import plain

    progress = bar(f"Loading {results.name}", unit="row")
    try:
        with store.writer():
            return sum(plain.load(results, run, store, progress) for run in results.runs)
    finally:
        progress.close()


def _ours(results: Synthetic, store: Store) -> int:
    from hedonic_graph.graph.loader import ingest

    return ingest(results, store).rows


if __name__ == "__main__":
    answer(lambda question: asdict(run(Task.from_json(question))))
