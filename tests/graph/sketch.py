"""Hand-drawn runs for the queries: a layer is a word of letters, a letter a neuron, equal letters a coalition.

``"AAABBC"`` has neurons 0-2 in A, 3-4 in B and 5 alone in C; in the graph A is C0000, B C0001, and so on. A coalition
is named by its layer and letter, ``"3A"``, in edges and in tables.
"""

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from hedonic_graph.graph import runs, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Store
from hedonic_graph.results.protocol import ModelInfo, RunInfo

NAN = float("nan")
# The best of a coalition's edges is its fate, the best of those to it its origin (DESIGN §3.6).
BEST = ("persist", "split", "merge")


@dataclass(frozen=True)
class Edge:
    """A flow that was kept; ``event`` None where it is no event."""

    source: str
    target: str
    event: str | None = None
    z: float = 4.0
    flow: float = 1.0
    alpha: float = 0.0
    beta: float = 0.0
    lift: float = 2.0


@dataclass(frozen=True)
class Run:
    """One run: its layers in order, and what is between and behind its coalitions."""

    layers: Mapping[int, str]
    edges: tuple[Edge, ...] = ()
    synergy: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Pair and ratio."""
    features: tuple[tuple[str, str, float], ...] = ()
    """Coalition, feature, r2."""


@dataclass
class Sketch:
    """A small ``Results`` of drawn runs, each under its id in the analysis: ``pas.exact``, ``pas.pac.0``."""

    analysis: str
    base: str
    """Name of the base model."""
    drawn: Mapping[str, Run]
    task: str = "CQTR"
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        neurons = len(next(iter(next(iter(self.drawn.values())).layers.values())))
        adapter = f"adapters/{self.task}"
        self.model = ModelInfo(f"{self.base}+{self.task}", self.base, adapter, "LlamaForCausalLM", 8, neurons, 9)
        self.runs = [self._info(name, run) for name, run in self.drawn.items()]

    def _info(self, name: str, run: Run) -> RunInfo:
        valuation, solver, *seed = name.split(".")
        return RunInfo(
            id=f"{self.analysis}/{name}",
            analysis=self.analysis,
            task=self.task,
            valuation=valuation,
            solver=solver,
            seed=int(seed[0]) if seed else None,
            created="2026-01-02T03:04:05Z",
            layers=tuple(run.layers),
            parameters=dict(self.parameters),
            config='{"k": 3, "solver": ["exact", "pac"]}',
        )

    def _run(self, run: RunInfo) -> Run:
        return self.drawn[run.id.removeprefix(f"{self.analysis}/")]

    def _letters(self, run: RunInfo, layer: int) -> list[str]:
        return sorted(set(self._run(run).layers[layer]))

    def members(self, run: RunInfo, layer: int) -> pd.DataFrame:
        word = self._run(run).layers[layer]
        ranks = [_rank(letter) for letter in word]
        return pd.DataFrame({"neuron": range(len(word)), "coalition": ranks, "utility": np.linspace(1, 0, len(word))})

    def coalitions(self, run: RunInfo, layer: int) -> pd.DataFrame:
        drawn, letters = self._run(run), self._letters(run, layer)
        sizes = [drawn.layers[layer].count(letter) for letter in letters]
        assert sizes == sorted(sizes, reverse=True) and letters == [chr(65 + rank) for rank in range(len(letters))]
        names = [f"{layer}{letter}" for letter in letters]
        first, last = min(drawn.layers), max(drawn.layers)
        best = {row[0]: row for row in sorted(drawn.features, key=lambda row: row[2])}
        fates = [_best(drawn, "source", name, "vanish") if layer != last else None for name in names]
        origins = [_best(drawn, "target", name, "emerge") if layer != first else None for name in names]
        followed = [size > 1 for size in sizes]
        return pd.DataFrame(
            {
                "coalition": range(len(letters)),
                "size": sizes,
                "fate": pd.Series(
                    [one if kept else None for one, kept in zip(fates, followed, strict=True)], dtype=object
                ),
                "origin": pd.Series(
                    [one if kept else None for one, kept in zip(origins, followed, strict=True)], dtype=object
                ),
                "pair": [drawn.synergy.get(name, (NAN, NAN))[0] for name in names],
                "ratio": [drawn.synergy.get(name, (NAN, NAN))[1] for name in names],
                "feature": pd.Series([best[name][1] if name in best else None for name in names], dtype=object),
            }
        )

    def edges(self, run: RunInfo, layer: int, keep: int) -> pd.DataFrame:
        drawn = self._run(run)
        rows = []
        for edge in drawn.edges:
            if edge.source[:-1] == str(layer):
                ends = [drawn.layers[int(end[:-1])].count(end[-1]) for end in (edge.source, edge.target)]
                ranks = [_rank(end[-1]) for end in (edge.source, edge.target)]
                mass = edge.flow / ends[0] / ends[1]
                rest = (edge.flow, edge.alpha, edge.beta, edge.lift, edge.z, False, edge.event)
                rows.append((*ranks, mass, *rest))
        names = ["source", "target", "mass", "flow", "alpha", "beta", "lift", "z", "matched", "event"]
        return pd.DataFrame(rows, columns=names)

    def alignments(self, run: RunInfo, layer: int) -> pd.DataFrame:
        rows = [
            (_rank(name[-1]), feature, "terms", r2)
            for name, feature, r2 in self._run(run).features
            if name[:-1] == str(layer)
        ]
        return pd.DataFrame(rows, columns=["coalition", "feature", "family", "r2"])

    def preferences(self, valuation: str, layer: int) -> pd.DataFrame:
        columns = {"neuron": [0], "other": [1], "rank": [1], "phi": [0.5]}
        return pd.DataFrame(columns)

    def contents(self, run: RunInfo) -> dict[str, dict[int, str]]:
        return {}

    def fingerprint(self, run: RunInfo) -> str:
        return run.id

    def preferences_fingerprint(self, valuation: str, layer: int) -> str:
        return f"{self.analysis} {valuation} {layer}"


def _rank(letter: str) -> int:
    return ord(letter) - 65


def _best(drawn: Run, end: str, name: str, otherwise: str) -> str:
    events = [edge.event for edge in drawn.edges if getattr(edge, end) == name]
    return next((event for event in BEST if event in events), otherwise)


class Asked:
    """Ask by name about what is drawn; ids come back without the names that tell tests apart, so also here."""

    def __init__(self, store: Store, tag: str) -> None:
        self.store = store
        self.tag = tag

    def __call__(self, name: str, **given: Any) -> list[tuple[Any, ...]]:
        """Return the rows, those of runs of others left out."""
        statement = statements.load(name)
        rows = self.store.read(statement.text, statement.bind(self._long(given)))
        if rows.values:
            assert rows.columns == tuple(statement.columns)
        place = rows.columns.index("run") if "run" in rows.columns else None
        mine = [row for row in rows.values if place is None or row[place].startswith(f"{self.tag}/")]
        return [tuple(self._short(value) for value in row) for row in mine]

    def _long(self, given: dict[str, Any]) -> dict[str, Any]:
        named = {"run", "other", "coalition", "feature"}
        found = {key: f"{self.tag}/{value}" if key in named and value else value for key, value in given.items()}
        if "runs" in given:
            found["runs"] = [f"{self.tag}/{run}" for run in given["runs"]]
        return found

    def _short(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._short(one) for one in value]
        if isinstance(value, str):
            return value.removeprefix(f"{self.tag}/")
        return round(value, 6) if isinstance(value, float) else value


@contextlib.contextmanager
def sketched(store: Store, *analyses: tuple[str, str, Mapping[str, Run]]) -> Iterator[Asked]:
    """Draw analyses, each a name, a task and its runs, on one base model; they are gone afterwards."""
    tag = f"test-{uuid.uuid4().hex[:12]}"
    drawn = [
        Sketch(f"{tag}/{name}", f"{tag}/base", {run: _tagged(one, tag) for run, one in given.items()}, task)
        for name, task, given in analyses
    ]
    try:
        for one in drawn:
            ingest(one, store)
        yield Asked(store, tag)
    finally:
        present = {row["run"] for row in runs.listed(store).records()}
        for run in {run.id for one in drawn for run in one.runs} & present:
            runs.delete(store, run)


def _tagged(run: Run, tag: str) -> Run:
    features = tuple((name, f"{tag}/{feature}", r2) for name, feature, r2 in run.features)
    return Run(run.layers, run.edges, run.synergy, features)
