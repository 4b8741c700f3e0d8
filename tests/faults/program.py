"""The program on a drawn analysis in place of a folder; each row of its progress bars is said on standard output.

``python program.py '{"name": ..., "scale": {...}, ...}' ingest ...``, with the names of ``drawn`` and, if need be, a
``Kill`` as ``kill`` and the rows of a ``batch``.
"""

import hashlib
import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hedonic_graph import progress, results
from hedonic_graph.bench.synthetic import Scale, Synthetic
from hedonic_graph.cli import main
from hedonic_graph.graph import store
from hedonic_graph.results.protocol import RunInfo


@dataclass(frozen=True)
class Kill:
    """A SIGKILL that comes when so many rows are there and then so many batches' time has passed."""

    rows: int
    batches: float = 0.0
    pid: int | None = None
    """Whom it hits; this program itself where that is not said."""
    last: int | None = None
    """Whose end it waits for, between two batches, before it goes on; then ``batches`` means nothing."""


class Steps:
    """A progress bar that says ``rows N`` after each step, and ``rows 0`` before the first.

    It sees every row that was written before the loader goes on, so the kill comes when it should, however busy the
    machine is.
    """

    kill: Kill | None = None

    def __init__(self, *_: Any, unit: str = "it", **__: Any) -> None:
        self.unit = unit
        self.rows = self.steps = 0
        self.began = time.monotonic()
        self._step(0)

    def update(self, steps: float = 1) -> None:
        self.steps += 1
        self._step(int(steps))

    def set_postfix_str(self, remark: str) -> None:
        pass

    def close(self) -> None:
        pass

    def _step(self, rows: int) -> None:
        if self.unit != "row":
            return
        print(f"rows {rows}", flush=True)
        self.rows += rows
        kill = Steps.kill
        if kill is not None and self.rows >= kill.rows:
            Steps.kill = None
            hit = partial(os.kill, kill.pid or os.getpid(), signal.SIGKILL)
            if kill.last is None:
                batch = (time.monotonic() - self.began) / max(self.steps, 1)
                threading.Timer(kill.batches * batch, hit).start()
            else:
                hit()
                while not ended(kill.last):
                    time.sleep(0.01)


def ended(pid: int) -> bool:
    """Say whether a process is no more, or waits only for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Drawn(Synthetic):
    """One whose fingerprint, like all else that it holds, is the same whatever its name."""

    def fingerprint(self, run: RunInfo) -> str:
        return hashlib.sha256(repr((self.scale, run.seed)).encode()).hexdigest()


def drawn(name: str, scale: dict[str, int], model: str | None = None) -> Drawn:
    """Return the analysis of that name; ``model`` makes it one of several of the same model."""
    analysis = Drawn(Scale(**scale), name=name)
    if model is not None:
        analysis.model = replace(analysis.model, id=model, name="shared")
    return analysis


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    if "batch" in settings:
        # Before a command connects.
        store.NEO4J_BATCH = store.EMBEDDED_BATCH = settings.pop("batch")
    if "kill" in settings:
        Steps.kill = Kill(**settings.pop("kill"))
    analysis = drawn(**settings)
    # Before the loader takes it for its default.
    progress.bar = Steps
    results.open_results = lambda *_, **__: analysis  # type: ignore[assignment,return-value]
    main(sys.argv[2:], prog_name="hedonic-graph")
