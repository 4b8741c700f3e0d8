"""What a run consists of in the graph: its parts, each one table of one layer (DESIGN §6).

A part's node says how far its table is loaded. Each batch is one transaction that also moves the part's ``step``, and
does nothing where that is not at the number before its own. So a batch is in the graph once or not at all, whoever
sends it how often, a killed load continues with the next one, and rows can be created without looking whether they
exist.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from hedonic_graph.graph import rows, schema
from hedonic_graph.graph.calls import Calls
from hedonic_graph.graph.rows import Table
from hedonic_graph.results.protocol import Results, RunInfo


@dataclass(frozen=True, eq=False)
class Part:
    """One table of one layer."""

    id: str
    kind: str
    layer: int
    fingerprint: str
    own: bool
    """Whether it belongs to one run alone."""
    table: Callable[[], Table]
    """Reads and checks the table."""


@dataclass(frozen=True)
class State:
    """What the graph says of a part; see ``schema``."""

    status: str
    fingerprint: str
    step: int | None
    batch: int | None
    rows: int | None


def states(calls: Calls, parts: Iterable[str]) -> dict[str, State]:
    """Return what the graph says of those of the parts that it has."""
    return {row["part"]: state(row) for row in calls.ask("load/parts", parts=list(parts))}


def state(row: Mapping[str, object]) -> State:
    """Return a part's state from a row of ``load/parts`` or ``load/run``."""
    return State(**{name: row[name] for name in State.__dataclass_fields__})  # type: ignore[arg-type]


@dataclass
class RunParts:
    """The parts of one run, with those that it shares with others.

    ``coalitions`` gets the number of coalitions of each layer before the tables of edges are read: their indices are
    checked against it.
    """

    results: Results
    run: RunInfo
    keep: int
    coalitions: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fingerprint = self.results.fingerprint(self.run)
        self.nodes = {layer: [self._neurons(layer), self._coalitions(layer)] for layer in self.run.layers}
        self.edges = {
            layer: [*self._preferences(layer), self._members(layer), self._interactions(layer), self._alignments(layer)]
            for layer in self.run.layers
        }

    def all(self) -> list[Part]:
        """Return every part, nodes first."""
        return [part for tables in (self.nodes, self.edges) for parts in tables.values() for part in parts]

    def _neurons(self, layer: int) -> Part:
        model = self.results.model
        id = schema.neurons_part(model.id, layer)
        return Part(id, "neurons", layer, str(model.d_ff), False, lambda: rows.neurons(self.results, layer))

    def _preferences(self, layer: int) -> list[Part]:
        analysis, valuation = self.run.analysis, self.run.valuation
        if valuation is None:
            return []
        id = schema.preferences_part(analysis, valuation, layer)
        fingerprint = self.results.preferences_fingerprint(valuation, layer)
        table = lambda: rows.preferences(self.results, analysis, valuation, layer)  # noqa: E731
        return [Part(id, "preferences", layer, fingerprint, False, table)]

    def _coalitions(self, layer: int) -> Part:
        return self._own("coalitions", layer, lambda: rows.coalitions(self.results, self.run, layer))

    def _members(self, layer: int) -> Part:
        return self._own("members", layer, lambda: rows.members(self.results, self.run, layer, self.coalitions[layer]))

    def _interactions(self, layer: int) -> Part:
        next = dict(zip(self.run.layers, self.run.layers[1:], strict=False)).get(layer)

        def table() -> Table:
            targets = 0 if next is None else self.coalitions[next]
            return rows.interactions(self.results, self.run, layer, self.keep, next, self.coalitions[layer], targets)

        return self._own("interactions", layer, table)

    def _alignments(self, layer: int) -> Part:
        return self._own(
            "alignments", layer, lambda: rows.alignments(self.results, self.run, layer, self.coalitions[layer])
        )

    def _own(self, kind: str, layer: int, table: Callable[[], Table]) -> Part:
        id = schema.place(self.run.id, layer) + kind
        return Part(id, kind, layer, f"{self.fingerprint} keep {self.keep}", True, table)
