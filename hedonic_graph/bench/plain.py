"""The plain loader: what a user who knows the driver well writes in a page, to measure ours against.

Maps, UNWIND and MERGE, in the order of the tables, one batch after the other on one thread. Driver, constraints,
indexes and batch size are those of ours (``graph.loader``); so is what it leaves in the graph, except for the run's
own bookkeeping. It does not check, continue or replace anything.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hedonic_graph.graph import schema, statements
from hedonic_graph.graph.rows import scalar
from hedonic_graph.graph.store import Store
from hedonic_graph.progress import Progress
from hedonic_graph.results.protocol import Results, RunInfo

if TYPE_CHECKING:
    import pandas as pd

Id = Callable[[Any], str]


def load(results: Results, run: RunInfo, store: Store, progress: Progress) -> int:
    """Load one run, schema first; return the number of rows sent."""
    for name in statements.names("schema"):
        store.write(statements.load(f"schema/{name}").text)
    model = asdict(results.model)
    store.write(statements.load("bench/model").text, {"id": model.pop("id"), "properties": model})
    known = ("analysis", "task", "valuation", "solver", "seed", "created", "config")
    properties = {name: getattr(run, name) for name in known} | {"layers": list(run.layers), "status": "loading"}
    properties |= {name: scalar(value) for name, value in {**run.parameters, **run.honesty}.items()}
    store.write(statements.load("bench/run").text, {"id": run.id, "model": results.model.id, "properties": properties})
    rows = 0

    def send(name: str, table: list[dict[str, Any]], **shared: Any) -> None:
        nonlocal rows
        for start in range(0, len(table), store.batch):
            batch = table[start : start + store.batch]
            store.write(statements.load(f"bench/{name}").text, {**shared, "rows": batch})
            progress.update(len(batch))
        rows += len(table)

    neuron, coalition = partial(schema.neuron_id, results.model.id), partial(schema.coalition_id, run.id)
    counts = {"coalitions": 0, "interactions": 0, "events": 0}
    for layer in run.layers:
        here, inside = partial(neuron, layer), partial(coalition, layer)
        members, found = results.members(run, layer), results.coalitions(run, layer)
        send("neurons", _nodes(members[["neuron"]], here, "index", model=results.model.id, layer=layer))
        send("coalitions", _nodes(found, inside, "rank", run=run.id, layer=layer), run=run.id)
        send("members", _links(members, here, inside))
        send("alignments", _links(results.alignments(run, layer), inside, str))
        if run.valuation is not None:
            preferred = results.preferences(run.valuation, layer)
            send("preferences", _links(preferred, here, here), analysis=run.analysis, valuation=run.valuation)
        counts["coalitions"] += len(found)
    for layer, following in pairwise(run.layers):
        edges = results.edges(run, layer, 20)
        ends = partial(coalition, layer), partial(coalition, following)
        send("interactions", _links(edges.drop(columns="event"), *ends))
        counts["interactions"] += len(edges)
        for event in schema.EVENTS:
            part = edges[edges["event"] == event].drop(columns=["event", "flow", "matched"])
            send(event, _links(part, *ends))
            counts["events"] += len(part)
    store.write(statements.load("bench/complete").text, {"run": run.id, "properties": counts})
    return rows


def _nodes(frame: "pd.DataFrame", id: Id, key: str, **shared: Any) -> list[dict[str, Any]]:
    """Rows of a table whose first column is the node's number, a property of name ``key`` as well."""
    return [
        {"id": id(number), "properties": {**shared, key: number, **rest}}
        for number, rest in zip(frame.iloc[:, 0].tolist(), _records(frame.iloc[:, 1:]), strict=True)
    ]


def _links(frame: "pd.DataFrame", source: Id, target: Id) -> list[dict[str, Any]]:
    """Rows of a table whose first two columns are the ends."""
    sources, targets = (frame.iloc[:, place].tolist() for place in (0, 1))
    return [
        {"source": source(one), "target": target(other), "properties": rest}
        for one, other, rest in zip(sources, targets, _records(frame.iloc[:, 2:]), strict=True)
    ]


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return one dict for each row; NaN becomes null."""
    names = [str(name) for name in frame]
    columns = [frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)] if names else [{}] * len(frame)
