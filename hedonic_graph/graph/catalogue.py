"""The queries that a user may run, in the order and words of a list (DESIGN §9)."""

import json

from hedonic_graph.graph import statements
from hedonic_graph.graph.statements import Parameter, Statement

GROUPS = (
    "runs",
    "coalitions",
    "lineage",
    "one coalition's lineage",
    "flow",
    "between runs",
    "drawings for Neo4j Browser",
)
HINT = (
    "Parameters in brackets may be left out; -p limit=10 gives one.\n"
    "`hedonic-graph query NAME --help` says what they and the columns mean."
)


def library() -> list[Statement]:
    """Return every query, group by group, by name within a group."""
    every = [statements.load(name) for name in statements.names()]
    return sorted(every, key=lambda one: GROUPS.index(one.group))


def usage(query: Statement) -> str:
    """Return its parameters' names, those that may be left out in brackets."""
    required = [one.name for one in query.parameters if one.required]
    optional = [one.name for one in query.parameters if not one.required]
    return " ".join(required + [f"[{' '.join(optional)}]"] * bool(optional))


def listing() -> str:
    """Return the list for people: under each group its queries, what they answer and their parameters."""
    queries = library()
    name = max(len(one.name) for one in queries)
    answers = max(len(one.answers) for one in queries)
    lines = []
    for group in GROUPS:
        lines.append(group)
        lines += [
            f"  {one.name:{name}}  {one.answers:{answers}}  {usage(one)}".rstrip()
            for one in queries
            if one.group == group
        ]
        lines.append("")
    return "\n".join([*lines, HINT])


def explanation(query: Statement) -> str:
    """Return what one query answers, what it takes and what its columns mean."""
    sections = [
        query.title,
        query.answers,
        f"  hedonic-graph query {query.name}{''.join(map(_example, query.parameters))}",
    ]
    if query.parameters:
        sections.append("Parameters:\n" + _definitions({one.name: _takes(one) for one in query.parameters}))
    meanings = {
        name: f"{text} (in csv and json only)" if name in query.wide else text for name, text in query.columns.items()
    }
    sections += ["Columns:\n" + _definitions(meanings), f"Where there are no rows: {query.empty}."]
    return "\n\n".join(sections)


def _example(parameter: Parameter) -> str:
    return f" -p {parameter.name}={_text(parameter.value)}" if parameter.required else ""


def _takes(parameter: Parameter) -> str:
    default = "required" if parameter.required else f"default {json.dumps(parameter.value, ensure_ascii=False)}"
    least = "" if parameter.least is None else f" from {parameter.least}"
    return f"{parameter.meaning.removesuffix('.')} ({parameter.type}{least}, {default})"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _definitions(meanings: dict[str, str]) -> str:
    width = max(map(len, meanings))
    return "\n".join(f"  {name:{width}}  {text}" for name, text in meanings.items())
