"""The query library as favourites of Neo4j Browser: a zip of one file each, its folders their folders.

A favourite is the library's file as it is. Browser shows a result only where a favourite is one statement, so the
parameters are set by a favourite of their own, which is run first.
"""

import io
import json
import zipfile
from typing import Any

from hedonic_graph.graph import statements
from hedonic_graph.graph.statements import Statement

SET_PARAMETERS = "hedonic-graph: parameters"
DRAWINGS, TABLES = "hedonic-graph drawings", "hedonic-graph tables"
FROM_THE_GRAPH = "browser/parameters"

# The same library gives the same bytes, and what is unpacked can be read.
_DATE, _MODE = (1980, 1, 1, 0, 0, 0), 0o644 << 16


def archive() -> bytes:
    """Return the zip that Browser imports when it is dropped onto its window."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, text in favourites().items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = _MODE
            file.writestr(entry, text)
    return out.getvalue()


def favourites() -> dict[str, str]:
    """Return the text of every favourite by its path in the zip; Browser shows its first line as its title."""
    library = [statements.load(name) for name in statements.names()]
    found = {"parameters.cypher": parameters(library)}
    for one in library:
        folder = DRAWINGS if one.name.startswith("draw_") else TABLES
        found[f"{folder}/{one.name}.cypher"] = one.text
    return found


def parameters(library: list[Statement]) -> str:
    """Return the command that gives every parameter of the library a value.

    Those that name something in the graph come from the graph, the others are their defaults.
    """
    begin = statements.load(FROM_THE_GRAPH)
    values = {one.name: one.value for statement in library for one in statement.parameters}
    rest = {name: value for name, value in values.items() if name not in begin.columns}
    statement = "\n".join(line for line in begin.text.splitlines() if not line.startswith("//"))
    for name, value in sorted(rest.items()):
        statement += f",\n       {_literal(value)} AS {name}"
    return (
        f"// {SET_PARAMETERS}\n"
        "// A run, coalition, layer and neuron of the newest analysis, and the queries' defaults.\n"
        "// Another one, afterwards, in a line of its own: :param coalition => 'demo/pas.exact/L11/C0003'\n"
        f":param [{{{', '.join([*begin.columns, *sorted(rest)])}}}] => {{\n{statement}\n}}\n"
    )


def _literal(value: Any) -> str:
    """Return a value as Cypher writes it; JSON does, but for maps, which no parameter is."""
    return json.dumps(value, ensure_ascii=False)
