"""What a Cypher answer can hold, as plain values for programs and as text for people.

Nodes, relationships, paths, moments, points and bytes come from the driver as objects of its own; they are told by
what they have, so that the driver need not be imported to print a number.
"""

import math
from collections.abc import Iterable
from typing import Any

KEYS = ("id", "name")
"""The property that names a node, the first that it has."""


def plain(value: Any) -> Any:
    """Return ``value`` made of what JSON has: a node with its labels and properties, a moment in ISO 8601, bytes as
    hexadecimal digits, a number that is none as null.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    match _kind(value):
        case "path":
            return {"nodes": [plain(one) for one in value.nodes], "relationships": [plain(one) for one in value]}
        case "node":
            return {"element_id": value.element_id, "labels": sorted(value.labels), "properties": _map(value)}
        case "relationship":
            ends = {"start": value.start_node.element_id, "end": value.end_node.element_id}
            return {"element_id": value.element_id, "type": value.type, **ends, "properties": _map(value)}
        case "point":
            return {"srid": value.srid, **dict(zip("xyz", map(float, value), strict=False))}
        case "map":
            return _map(value)
        case "list":
            return [plain(part) for part in value]
        case _:
            return _written(value)


def shown(value: Any) -> Any:
    """Return ``value`` as a cell of a table holds it: nodes, relationships and paths as Cypher writes them, a node by
    its key alone where it has one; numbers, texts, lists and maps as they are.
    """
    match _kind(value):
        case "path":
            return _path(value)
        case "node":
            return _node(value)
        case "relationship":
            return f"[:{value.type}{_properties(value)}]"
        case "point":
            return f"point({{srid: {value.srid}, {_pairs(zip('xyz', map(float, value), strict=False))}}})"
        case "map":
            return {name: shown(part) for name, part in value.items()}
        case "list":
            return [shown(part) for part in value]
        case "scalar":
            return value
        case _:
            return _written(value)


def _kind(value: Any) -> str:
    if value is None or isinstance(value, str | bool | int | float):
        return "scalar"
    # Before lists and maps: a duration and a point are tuples, and a node has items.
    for kind, sign in (("path", "relationships"), ("node", "labels"), ("relationship", "start_node")):
        if hasattr(value, sign):
            return kind
    if hasattr(value, "srid"):
        return "point"
    if hasattr(value, "iso_format") or isinstance(value, bytes | bytearray):
        return "written"
    if isinstance(value, dict):
        return "map"
    return "list" if isinstance(value, list | tuple) else "written"


def _written(value: Any) -> str:
    if hasattr(value, "iso_format"):
        return str(value.iso_format())
    return f"0x{value.hex()}" if isinstance(value, bytes | bytearray) else str(value)


def _map(value: Any) -> dict[str, Any]:
    return {str(name): plain(part) for name, part in value.items()}


def _path(path: Any) -> str:
    text = _node(path.nodes[0])
    for start, edge, end in zip(path.nodes, path.relationships, path.nodes[1:], strict=False):
        forward = edge.start_node == start
        text += ("-" if forward else "<-") + f"[:{edge.type}]" + ("->" if forward else "-") + _node(end)
    return text


def _node(node: Any) -> str:
    key = next((name for name in KEYS if name in node), None)
    named = f" {{{_pairs([(key, node[key])])}}}" if key else _properties(node)
    return f"({''.join(f':{label}' for label in sorted(node.labels))}{named})".replace("( ", "(")


def _properties(entity: Any) -> str:
    return f" {{{_pairs(entity.items())}}}" if len(entity) else ""


def _pairs(items: Iterable[tuple[str, Any]]) -> str:
    return ", ".join(f"{name}: {_literal(value)}" for name, value in items)


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, float):
        return format(value, ".4g")
    match _kind(value):
        case "list":
            return f"[{', '.join(map(_literal, value))}]"
        case "map":
            return f"{{{_pairs(value.items())}}}"
        case _:
            return str(shown(value))
