"""What a store holds, in a form that two stores, or two names in one store, can be compared by."""

import hashlib
from dataclasses import dataclass
from typing import Any

from hedonic_graph.graph.store import Store


@dataclass(frozen=True)
class Contents:
    """How many nodes and relationships there are, and a checksum over every property of each in any order."""

    nodes: int
    relationships: int
    checksum: str


def contents(store: Store, name: str) -> Contents:
    """Read everything whose id begins with ``name``; the name itself does not enter the checksum.

    Features have no id and belong to everybody: they come in where a relationship ends at one.
    """
    nodes = store.read(
        "MATCH (n) WHERE n.id STARTS WITH $name RETURN labels(n) AS labels, properties(n) AS properties", {"name": name}
    )
    relationships = store.read(
        "MATCH (a)-[e]->(b) WHERE a.id STARTS WITH $name "
        "RETURN a.id AS source, type(e) AS type, coalesce(b.id, properties(b)) AS target, properties(e) AS properties",
        {"name": name},
    )
    total = 0
    for row in nodes.values + relationships.values:
        digest = hashlib.sha256(repr([_plain(value, name.rstrip("/")) for value in row]).encode())
        total += int.from_bytes(digest.digest(), "big")
    return Contents(len(nodes.values), len(relationships.values), f"{total:x}")


def counts(store: Store) -> tuple[int, int]:
    """Return how many nodes, but for features, and relationships there are in the whole store."""
    nodes = store.read("MATCH (n) WHERE n.id IS NOT NULL RETURN count(n)").values[0][0]
    relationships = store.read("MATCH ()-[e]->() RETURN count(e)").values[0][0]
    return nodes, relationships


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return value.replace(name, "NAME")
    if isinstance(value, dict):
        return sorted((key, _plain(one, name)) for key, one in value.items())
    return [_plain(one, name) for one in value] if isinstance(value, list) else value
