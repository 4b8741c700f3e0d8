"""One load in a process of its own, so that its memory is that of loading alone.

``python -m hedonic_graph.bench.loading`` reads its settings as JSON from standard input, where no other user of the
machine sees the password, and writes what it measured as JSON to standard output.
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hedonic_graph.bench.machine import fast_driver, peak
from hedonic_graph.bench.synthetic import Scale, Synthetic
from hedonic_graph.errors import UserError
from hedonic_graph.graph.store import Address, connect

LOADERS = ("plain", "ours")


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


def load(address: Address, loader: str, scale: Scale, name: str, runs: int = 1) -> Load:
    """Load a drawn run of that name, by ``ours`` or ``plain``, in a process of its own.

    Raises UserError where the process says what is wrong, and ends it where this one is interrupted.
    """
    where = asdict(address) | {"folder": None if address.folder is None else str(address.folder)}
    settings = {"address": where, "loader": loader, "scale": asdict(scale), "name": name, "runs": runs}
    command = [sys.executable, "-m", "hedonic_graph.bench.loading"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            output, _ = process.communicate(json.dumps(settings))
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise RuntimeError(f"the process that loads ended with {process.returncode}")
    found = json.loads(output)
    if "error" in found:
        raise UserError(found["error"])
    return Load(**found)


def run(settings: dict[str, Any]) -> Load:
    """Load in this process."""
    folder = settings["address"]["folder"]
    address = Address(**{**settings["address"], "folder": None if folder is None else Path(folder)})
    results = Synthetic(Scale(**settings["scale"]), name=settings["name"], runs=settings["runs"], hold=None)
    results.draw()
    with connect(address) as store:
        before, began = peak(), time.perf_counter()
        if settings["loader"] == "plain":
            from hedonic_graph.bench import plain
            from hedonic_graph.progress import bar

            progress = bar(f"Loading {results.name}", unit="row")
            with store.writer():
                rows = sum(plain.load(results, run, store, progress) for run in results.runs)
            progress.close()
        else:
            from hedonic_graph.graph.loader import ingest

            rows = ingest(results, store).rows
        seconds = time.perf_counter() - began
    return Load(settings["loader"], rows, seconds, peak(), before, fast_driver())


def main() -> None:
    """Answer on standard output."""
    try:
        answer = asdict(run(json.load(sys.stdin)))
    except UserError as error:
        answer = {"error": str(error)}
    except KeyboardInterrupt:
        # The process that started this one was interrupted as well, and says so.
        sys.exit(130)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
