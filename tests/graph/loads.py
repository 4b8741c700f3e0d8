"""Loads for tests: what a drawn analysis comes to, and loaders in processes of their own that can be killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

from graph.drawn import ALIGNMENTS, EDGES, LAYERS, NEURONS, SIZES, Drawn

import hedonic_graph
from hedonic_graph.graph.store import Address

COALITIONS = sum(map(len, SIZES.values()))
INTERACTIONS = sum(map(len, EDGES.values()))
EVENTS = sum(edge[-1] is not None for edges in EDGES.values() for edge in edges)
ALIGNED = sum(map(len, ALIGNMENTS.values()))
FEATURES = len({row[1] for rows in ALIGNMENTS.values() for row in rows})
OWN = COALITIONS + NEURONS * len(LAYERS) + INTERACTIONS + EVENTS + ALIGNED
"""Rows of one run alone."""
SHARED = NEURONS * len(LAYERS) * 3
"""Rows of neurons and preferences."""
PARTS = 2 * len(LAYERS)
"""Markers that stay when all is loaded: of neurons and of preferences."""
# In batches of three, one line each: 36 of neurons and preferences, 29 of each run.
BATCH = 3
LINES = 36 + 29 + 29


class Loader:
    """A loader of a drawn analysis in a process of its own; one line for each batch, with its rows."""

    def __init__(self, address: Address, drawn: Drawn, *, batch: int = BATCH, pause: float = 0.02) -> None:
        where = (
            {"store": str(address.folder)}
            if address.uri is None
            else {"uri": address.uri, "user": address.user, "password": address.password}
        )
        settings = {
            "address": where,
            "analysis": drawn.analysis,
            "model_id": drawn.model_id,
            "batch": batch,
            "pause": pause,
        }
        paths = [str(Path(hedonic_graph.__file__).parents[1]), str(Path(__file__).parents[1])]
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("loading.py")), json.dumps(settings)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        )

    def kill_after(self, lines: int) -> int:
        """Kill it after so many batches, and return how many rows it said it wrote."""
        assert self._process.stdout is not None
        with self._process.stdout as told:
            rows = sum(int(told.readline()) for _ in range(lines))
            self._process.kill()
            self._process.wait()
        return rows

    def finish(self) -> int:
        """Wait for its end, and return its exit code."""
        self._process.communicate(timeout=120)
        return self._process.returncode
