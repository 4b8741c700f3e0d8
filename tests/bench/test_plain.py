"""The plain loader leaves in the graph what ours does, on both stores."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from hedonic_graph.bench import plain
from hedonic_graph.bench.graph import clear
from hedonic_graph.bench.synthetic import Scale, Synthetic
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Store
from hedonic_graph.progress import bar

TINY = Scale(layers=3, neurons=64, coalitions=24, edges=90)
LABELS = {"Model", "Run", "Neuron", "Coalition", "Feature"}


@pytest.fixture
def name(store: Store) -> Iterator[str]:
    """A name whose runs are gone after the test."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    clear(store, name, bar)
    assert content(store, name) == ({}, {})


def content(store: Store, name: str) -> tuple[dict[str, dict[str, Any]], dict[Any, dict[str, Any]]]:
    """Every node by its key, every edge by its ends and type, with their properties; the name is left out."""

    def plain_of(value: Any) -> Any:
        return value.replace(name, "NAME") if isinstance(value, str) else value

    def properties(row: dict[str, Any]) -> dict[str, Any]:
        return {key: plain_of(value) for key, value in row["properties"].items()}

    nodes = store.read(
        "MATCH (n) WHERE coalesce(n.id, n.name) STARTS WITH $name "
        "RETURN labels(n) AS labels, coalesce(n.id, n.name) AS key, properties(n) AS properties",
        {"name": name},
    ).records()
    edges = store.read(
        "MATCH (a)-[e]->(b) WHERE a.id STARTS WITH $name RETURN a.id AS source, type(e) AS type, e.rank AS rank, "
        "labels(a) AS from, labels(b) AS to, coalesce(b.id, b.name) AS target, properties(e) AS properties",
        {"name": name},
    ).records()
    found = {
        (plain_of(row["source"]), row["type"], plain_of(row["target"]), row["rank"]): properties(row)
        for row in edges
        if set(row["from"] + row["to"]) <= LABELS
    }
    assert len(found) == sum(set(row["from"] + row["to"]) <= LABELS for row in edges)
    return {plain_of(row["key"]): properties(row) for row in nodes if set(row["labels"]) <= LABELS}, found


def test_it_leaves_the_same_graph_as_ours(store: Store, name: str) -> None:
    mine = Synthetic(TINY, name=f"{name}/plain")
    rows = plain.load(mine, mine.runs[0], store, bar("Loading"))
    report = ingest(Synthetic(TINY, name=f"{name}/ours"), store)
    nodes, edges = content(store, f"{name}/plain")
    our_nodes, our_edges = content(store, f"{name}/ours")
    assert nodes.keys() == our_nodes.keys()
    assert len(nodes) > 3 * 64 + 24
    run = nodes.pop("NAME/pas.pac.0")
    ours = our_nodes.pop("NAME/pas.pac.0")
    # The run's own bookkeeping is our loader's alone.
    assert run == {key: ours[key] for key in run}
    assert run["status"] == "complete"
    assert nodes == our_nodes
    assert edges == our_edges
    assert sum(type == "INTERACTS" for _, type, _, _ in edges) == 90
    assert {type for _, type, _, _ in edges} >= {"PREFERS", "MEMBER_OF", "ALIGNS_WITH", "FOUND_IN", "ANALYSES"}
    assert rows == report.rows
