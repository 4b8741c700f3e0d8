"""What ``bench graph`` measured: for programs, and for people."""

import statistics
from dataclasses import asdict, dataclass
from typing import Any

from hedonic_graph import tables
from hedonic_graph.bench.loading import Load
from hedonic_graph.bench.machine import described
from hedonic_graph.bench.questions import Timing
from hedonic_graph.bench.synthetic import Scale

GOAL = 0.05
"""Seconds within which a query that starts at one coalition should answer, 95 times in 100."""
MEGABYTE = 1e6


@dataclass(frozen=True)
class Report:
    """What was measured."""

    machine: dict[str, Any]
    """As it was before (``machine``)."""
    server: str
    """As it calls itself."""
    address: str
    batch: int
    """Rows that both loaders put into one statement."""
    scale: Scale
    warmed: Scale
    """Loaded by each loader first, without the clock."""
    loads: list[Load]
    """In the order in which they were made."""
    timings: list[Timing]

    def rate(self, loader: str) -> float | None:
        """Median rows a second of a loader; None where it did not load."""
        rates = [load.rate for load in self.loads if load.loader == loader]
        return statistics.median(rates) if rates else None

    @property
    def ratio(self) -> float | None:
        """How many times as many rows a second ours loads as the plain loader."""
        ours, plain = self.rate("ours"), self.rate("plain")
        return ours / plain if ours and plain else None

    def record(self) -> dict[str, Any]:
        """Return all of it for JSON; memory in bytes, times in seconds."""
        return {
            "bench": "graph",
            "machine": self.machine,
            "server": self.server,
            "address": self.address,
            "batch": self.batch,
            "scale": asdict(self.scale),
            "warmed": asdict(self.warmed),
            "loads": [asdict(load) | {"rows_per_second": load.rate} for load in self.loads],
            "ratio": self.ratio,
            "queries": [asdict(timing) for timing in self.timings],
        }

    def text(self) -> str:
        """Return all of it as tables and the lines that they need."""
        return "\n\n".join([self._head(), self._loading(), self._asking()])

    def _head(self) -> str:
        fast = self.loads[0].fast_driver
        scale = self.scale
        hardware, software = described(self.machine)
        return "\n".join(
            (
                f"{self.server} at {self.address}",
                hardware,
                f"{software}, {f'neo4j-rust-ext {fast}' if fast else 'no neo4j-rust-ext'}",
                f"a drawn run: {scale.layers} layers of {scale.neurons:,} neurons, {scale.coalitions:,} coalitions, "
                f"{scale.edges:,} edges, seed {scale.seed}",
            )
        )

    def _loading(self) -> str:
        columns = ("loader", "rows", "seconds", "rows/s", "peak MB", "before MB")
        rows = [
            (
                load.loader,
                load.rows,
                load.seconds,
                round(load.rate),
                round(load.peak / MEGABYTE),
                round(load.before / MEGABYTE),
            )
            for load in self.loads
        ]
        lines = [
            tables.render(columns, rows),
            f"In this order, {self.batch:,} rows in a batch; before, each loader loaded {self.warmed.edges:,} edges "
            "without the clock.",
            "A row is a node or relationship; FOUND_IN and ANALYSES come with their nodes. Peak is the most memory of "
            "the loading process, before what it held of that before the first row.",
        ]
        if self.ratio is not None:
            lines.append(f"Ours loads {self.ratio:.2f} times as many rows a second as the plain loader.")
        return "\n".join(lines)

    def _asking(self) -> str:
        columns = ("query", "starts at one coalition", "calls", "most rows", "p50 ms", "p95 ms")
        rows = [
            (
                timing.query,
                timing.from_coalition,
                timing.calls,
                timing.rows,
                1000 * timing.p50,
                1000 * timing.p95,
            )
            for timing in self.timings
        ]
        slow = [timing.query for timing in self.timings if timing.from_coalition and timing.p95 > GOAL]
        said = f"above {1000 * GOAL:.0f} ms: {', '.join(slow)}" if slow else f"all below {1000 * GOAL:.0f} ms"
        return f"{tables.render(columns, rows)}\np95 of those that start at one coalition: {said}."
