"""The tables of a run as rows to load, and the values a property can hold."""

import json
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

from hedonic_graph.graph import schema
from hedonic_graph.results import Results, RunInfo

EDGE = ("mass", "flow", "alpha", "beta", "lift", "z", "matched")


class RunRows:
    """A run's own tables, as rows in the order in which they are loaded."""

    def __init__(self, results: Results, run: RunInfo, keep: int):
        self.run = run
        self.members = {layer: results.members(run, layer) for layer in run.layers}
        self.coalitions = {layer: results.coalitions(run, layer) for layer in run.layers}
        self.edges = {layer: results.edges(run, layer, keep) for layer in run.layers}
        self.next = dict(zip(run.layers, run.layers[1:], strict=False))
        self.model = results.model.id
        self.counts = {
            "coalitions": sum(map(len, self.coalitions.values())),
            "interactions": sum(map(len, self.edges.values())),
            "events": sum(int(frame["event"].notna().sum()) for frame in self.edges.values()),
        }
        self.rows = sum(self.counts.values()) + sum(map(len, self.members.values()))

    def batches(self, size: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield each batch with the statement that writes it; the same ones in the same order every time."""
        for layer in self.run.layers:
            yield from self._named("load/coalitions", self._coalitions(layer), size)
        for layer in self.run.layers:
            yield from self._named("load/members", self._members(layer), size)
        for layer in self.next:
            yield from self._named("load/interactions", self._edges(layer, EDGE, None), size)
        for event in schema.EVENTS:
            for layer in self.next:
                properties = ("mass", "alpha", "beta", "lift", "z")
                yield from self._named(f"load/{event}", self._edges(layer, properties, event), size)

    @staticmethod
    def _named(name: str, rows: Iterator[dict[str, Any]], size: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        return ((name, batch) for batch in batches(rows, size))

    def _coalitions(self, layer: int) -> Iterator[dict[str, Any]]:
        frame = self.coalitions[layer].sort_values("coalition")
        columns = (frame[name].tolist() for name in ("coalition", "size", "fate", "origin"))
        for rank, size, fate, origin in zip(*columns, strict=True):
            yield {
                "id": schema.coalition_id(self.run.id, layer, rank),
                "properties": {
                    "run": self.run.id,
                    "layer": layer,
                    "rank": rank,
                    "size": size,
                    "fate": scalar(fate),
                    "origin": scalar(origin),
                },
            }

    def _members(self, layer: int) -> Iterator[dict[str, Any]]:
        frame = self.members[layer].sort_values(["coalition", "neuron"])
        columns = (frame[name].tolist() for name in ("neuron", "coalition", "utility"))
        for neuron, coalition, utility in zip(*columns, strict=True):
            yield {
                "neuron": schema.neuron_id(self.model, layer, neuron),
                "coalition": schema.coalition_id(self.run.id, layer, coalition),
                "utility": scalar(utility),
            }

    def _edges(self, layer: int, properties: tuple[str, ...], event: str | None) -> Iterator[dict[str, Any]]:
        frame = self.edges[layer].sort_values(["source", "target"])
        if event is not None:
            frame = frame[frame["event"] == event]
        for source, target, *values in zip(
            *(frame[name].tolist() for name in ("source", "target", *properties)), strict=True
        ):
            yield {
                "source": schema.coalition_id(self.run.id, layer, source),
                "target": schema.coalition_id(self.run.id, self.next[layer], target),
                **{name: scalar(value) for name, value in zip(properties, values, strict=True)},
            }


def batches(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Cut rows into lists of ``size``; the last may be shorter."""
    while batch := list(islice(rows, size)):
        yield batch


def scalar(value: Any) -> Any:
    """Return a value that a property can hold: NaN is none, lists of floats stay, the rest is JSON."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list) and all(isinstance(one, float) for one in value):
        return value
    return json.dumps(value, default=str)
