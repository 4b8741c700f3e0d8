"""The tables of an analysis as columns to load, each for one layer, and the values a property can hold."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hedonic_graph.graph import checks, schema
from hedonic_graph.graph.schema import Property
from hedonic_graph.results.protocol import Results, RunInfo

# A Bolt message of over 16 MB hangs a client of the embedded store (DESIGN §6.1).
MESSAGE = 8_000_000
SMALL = 100
"""Bytes of a row without long texts."""


@dataclass(frozen=True, eq=False)
class Load:
    """Rows for one statement of ``cypher/load``, column by column."""

    statement: str
    creates: tuple[str, ...]
    """Label and relationship types of which each row makes one."""
    shared: dict[str, Any]
    """Parameters that are the same for all rows."""
    columns: dict[str, np.ndarray]
    """Parameters that are lists, one value a row."""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def values(self, first: int, last: int) -> dict[str, Any]:
        """Return the parameters for some of the rows."""
        return self.shared | {name: column[first:last].tolist() for name, column in self.columns.items()}


@dataclass(frozen=True, eq=False)
class Table:
    """One table of one layer: the loads that write it, in order, and what its Part says of it when it is whole."""

    loads: tuple[Load, ...]
    counts: dict[str, int]
    widest: int = 0
    """Bytes of the longest text in a row."""

    def batches(self, size: int) -> Iterator[tuple[Load, int, int]]:
        """Yield each batch as a load with its first row and the one after its last; the same ones every time."""
        size = max(1, min(size, MESSAGE // (SMALL + self.widest)))
        for load in self.loads:
            for first in range(0, len(load), size):
                yield load, first, min(first + size, len(load))


def neurons(results: Results, layer: int) -> Table:
    """Every neuron of a layer of the model."""
    model, count = results.model.id, results.model.d_ff
    shared = {"model": model, "layer": layer, "prefix": schema.place(model, layer)}
    columns = {"neuron": _keys(schema.neuron_key, count), "index": np.arange(count)}
    return Table((Load("neurons", ("Neuron",), shared, columns),), {"rows": count})


def preferences(results: Results, analysis: str, valuation: str, layer: int) -> Table:
    """The strongest valuations of each neuron of a layer."""
    count = results.model.d_ff
    ends = (Property("neuron", "INTEGER", ""), Property("other", "INTEGER", ""))
    found = checks.columns(
        results.preferences(valuation, layer).sort_values(["neuron", "rank"]),
        f"preferences of {analysis}/{valuation}, layer {layer}",
        [*ends, *_properties("PREFERS", "rank", "phi")],
        bounds={"neuron": count, "other": count},
        unique=("neuron", "other"),
    )
    keys = _keys(schema.neuron_key, count)
    found |= {end.name: _of(keys, found[end.name]) for end in ends}
    shared = {"analysis": analysis, "valuation": valuation, "prefix": schema.place(results.model.id, layer)}
    return Table((Load("preferences", ("PREFERS",), shared, found),), {"rows": len(found["neuron"])})


def coalitions(results: Results, run: RunInfo, layer: int) -> Table:
    """The coalitions of a layer, largest first."""
    own = [one for one in schema.node("Coalition").properties if one.name not in ("id", "run", "layer", "rank")]
    frame = results.coalitions(run, layer).sort_values("coalition")
    found = checks.columns(
        frame,
        f"coalitions of {run.id}, layer {layer}",
        [Property("coalition", "INTEGER", ""), *own],
        bounds={"coalition": len(frame)},
        unique=("coalition",),
    )
    columns = {"rank": found["coalition"]} | found
    columns["coalition"] = _of(_keys(schema.coalition_key, len(frame)), found["coalition"])
    shared = {"run": run.id, "layer": layer, "prefix": schema.place(run.id, layer)}
    load = Load("coalitions", ("Coalition", "FOUND_IN"), shared, columns)
    return Table((load,), {"rows": len(frame)}, _widest(found["feature"]))


def members(results: Results, run: RunInfo, layer: int, coalitions: int) -> Table:
    """The coalition of each neuron of a layer that has so many coalitions."""
    found = checks.columns(
        results.members(run, layer).sort_values(["coalition", "neuron"]),
        f"members of {run.id}, layer {layer}",
        [
            Property("neuron", "INTEGER", ""),
            Property("coalition", "INTEGER", ""),
            *_properties("MEMBER_OF", "utility"),
        ],
        bounds={"neuron": results.model.d_ff, "coalition": coalitions},
        unique=("neuron",),
    )
    found["neuron"] = _of(_keys(schema.neuron_key, results.model.d_ff), found["neuron"])
    found["coalition"] = _of(_keys(schema.coalition_key, coalitions), found["coalition"])
    shared = {"neurons": schema.place(results.model.id, layer), "coalitions": schema.place(run.id, layer)}
    return Table((Load("members", ("MEMBER_OF",), shared, found),), {"rows": len(found["neuron"])})


def interactions(
    results: Results, run: RunInfo, layer: int, keep: int, next: int | None, sources: int, targets: int
) -> Table:
    """The kept edges to the ``next`` layer that was analysed, and the events among them."""
    frame = results.edges(run, layer, keep).sort_values(["source", "target"])
    found = checks.columns(
        frame,
        f"edges of {run.id}, layer {layer}",
        [
            Property("source", "INTEGER", ""),
            Property("target", "INTEGER", ""),
            Property("event", "STRING", "", optional=True),
            *schema.relationship("INTERACTS").properties,
        ],
        bounds={"source": sources, "target": targets},
        unique=("source", "target"),
    )
    event = found.pop("event")
    found["source"] = _of(_keys(schema.coalition_key, sources), found["source"])
    found["target"] = _of(_keys(schema.coalition_key, targets), found["target"])
    shared = {"sources": schema.place(run.id, layer), "targets": "" if next is None else schema.place(run.id, next)}
    loads = [Load("interactions", ("INTERACTS",), shared, found)]
    for name, type in schema.EVENTS.items():
        here = np.flatnonzero(event == name)
        wanted = ("source", "target", *(one.name for one in schema.relationship(type).properties))
        loads.append(Load(name, (type,), shared, {one: found[one][here] for one in wanted}))
    return Table(tuple(loads), {"rows": len(event), "events": sum(map(len, loads[1:]))})


def alignments(results: Results, run: RunInfo, layer: int, coalitions: int) -> Table:
    """How the coalitions of a layer align with features."""
    found = checks.columns(
        results.alignments(run, layer).sort_values(["coalition", "feature"]),
        f"alignments of {run.id}, layer {layer}",
        [
            Property("coalition", "INTEGER", ""),
            Property("feature", "STRING", ""),
            *(one for one in schema.node("Feature").properties if one.name == "family"),
            *_properties("ALIGNS_WITH", "r2"),
        ],
        bounds={"coalition": coalitions},
        unique=("coalition", "feature"),
    )
    for feature in set(found["feature"].tolist()):
        checks.key(feature, "feature")
    found["coalition"] = _of(_keys(schema.coalition_key, coalitions), found["coalition"])
    load = Load("alignments", ("ALIGNS_WITH",), {"coalitions": schema.place(run.id, layer)}, found)
    return Table((load,), {"rows": len(load)}, _widest(found["feature"]) + _widest(found["family"]))


def scalar(value: Any) -> Any:
    """Return a value that a property can hold: NaN is none, lists of floats stay, the rest is JSON."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list) and all(isinstance(one, float) for one in value):
        return value
    return json.dumps(value, default=str)


def _properties(type: str, *names: str) -> list[Property]:
    return [one for one in schema.relationship(type).properties if one.name in names]


def _keys(key: Any, count: int) -> np.ndarray:
    return np.array([key(index) for index in range(count)], dtype=object)


def _of(keys: np.ndarray, index: np.ndarray) -> np.ndarray:
    return keys[index.astype(np.intp)]


def _widest(texts: Sequence[Any] | np.ndarray) -> int:
    return max((len(text.encode(errors="replace")) for text in texts if text is not None), default=0)
