"""``hedonic-graph query``: ask the graph a question by name."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from hedonic_graph.cli.connection import connection
from hedonic_graph.errors import UserError

if TYPE_CHECKING:
    from hedonic_graph.graph.statements import Statement
    from hedonic_graph.graph.store import Address

TABLE_ROWS = 50
EXAMPLE = """\b
Example:
  hedonic-graph query
  hedonic-graph query splits
  hedonic-graph query descendants -p coalition=demo/pas.exact/L11/C0003 -p steps=2 --format csv"""


@click.command(epilog=EXAMPLE)
@click.argument("name", required=False)
@click.option("-p", "--parameter", "given", multiple=True, metavar="KEY=VALUE", help="A parameter; may be repeated.")
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True, help="Output."
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    help="Print so many rows at most, 0 for all  [default: 50 in a table, else all].",
)
@click.option("--show", is_flag=True, help="Print the statement instead of running it.")
@connection
def query(
    name: str | None, given: tuple[str, ...], form: str, limit: int | None, show: bool, address: "Address"
) -> None:
    """Run the query NAME; without it, list the queries.

    Values are JSON where they parse as JSON, else text. Only runs that were loaded whole are asked.
    """
    from hedonic_graph.graph import statements

    if name is None:
        _list(form)
        return
    statement = statements.query(name)
    if show:
        click.echo(statement.text.rstrip())
        return
    values = statement.bind(_values(statement, given))

    from hedonic_graph.graph.answers import why_empty
    from hedonic_graph.graph.store import connect

    with connect(address, create=False) as store:
        rows = store.read(statement.text, values)
        reason = "" if rows.values else why_empty(store, statement, values)
    _print(tuple(statement.columns), rows.values, form, limit)
    if reason:
        click.echo(f"no rows: {reason}", err=form != "table")


def _values(statement: "Statement", given: tuple[str, ...]) -> dict[str, object]:
    parameters = {parameter.name: parameter for parameter in statement.parameters}
    values = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserError(f"-p {text!r} is not KEY=VALUE, for example -p run=demo/pas.exact")
        # An unknown name stays as it is: bind says what the statement takes.
        values[key] = parameters[key].read(value) if key in parameters else value
    return values


def _list(form: str) -> None:
    from hedonic_graph.graph import statements

    library = [statements.load(name) for name in statements.names()]
    rows = [
        (one.name, " ".join(p.name if p.required else f"[{p.name}]" for p in one.parameters), one.answers)
        for one in library
    ]
    _print(("query", "parameters", "answers"), rows, form, None)


def _print(columns: tuple[str, ...], rows: Sequence[tuple[object, ...]], form: str, limit: int | None) -> None:
    from hedonic_graph import tables

    if limit is None and form == "table":
        limit = TABLE_ROWS
    shown = rows[:limit] if limit else rows
    if form == "csv":
        click.echo(tables.to_csv(columns, shown))
    elif form == "json":
        click.echo(tables.to_json(columns, shown))
    elif rows:
        click.echo(tables.render(columns, shown))
    if len(shown) < len(rows):
        click.echo(f"{len(shown):,} of {len(rows):,} rows (--limit 0 prints all)", err=form != "table")
