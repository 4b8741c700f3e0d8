"""The schema as a page of the README: ``python -m hedonic_graph.graph.schema_page`` prints it."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from hedonic_graph.graph.schema import NODES, RELATIONSHIPS, Property


def page() -> str:
    """Return the tables of nodes and relationships in Markdown; types that hold the same share their rows."""
    lines = ["| node | property | type | meaning |", "|---|---|---|---|"]
    for node in NODES:
        lines += [f"| `{node.label}` | | | *{node.meaning}* |", *_rows(node.properties, node.key)]
    lines += ["", "| relationship | property | type | meaning |", "|---|---|---|---|"]
    for properties, alike in groupby(RELATIONSHIPS, lambda one: one.properties):
        lines += [f"| `{one.type}` | | | *`{one.source}` to `{one.target}`: {one.meaning}* |" for one in alike]
        lines += _rows(properties)
    return "\n".join(lines)


def _rows(properties: Sequence[Property], key: str | None = None) -> Iterator[str]:
    for one in properties:
        name = f"**`{one.name}`**" if one.name == key else f"`{one.name}`"
        yield f"| | {name} | `{one.type}`{' ?' if one.optional else ''} | {one.meaning} |"


if __name__ == "__main__":
    print(page())
