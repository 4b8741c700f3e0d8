"""``hedonic-graph query``: ask the graph a question by name, or in the user's own Cypher."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from hedonic_graph.cli.connection import connection
from hedonic_graph.errors import UserError

if TYPE_CHECKING:
    from hedonic_graph.graph.own import OwnStatement
    from hedonic_graph.graph.reading import Reading
    from hedonic_graph.graph.statements import Statement
    from hedonic_graph.graph.store import Address, Store

TABLE_ROWS = 50
# Rows beyond those printed are counted so far; an answer may have millions.
COUNTED = 10_000
# Parameters of the queries that bound the rows of an answer.
BOUNDS = ("limit", "paths", "members")
EXAMPLE = """\b
Example:
  hedonic-graph query
  hedonic-graph query splits --help
  hedonic-graph query splits
  hedonic-graph query descendants -p coalition=demo/pas.exact/L11/C0003 -p steps=2 --format csv
  hedonic-graph query --file mine.cypher -p layers='[11, 12]'
  echo 'MATCH (r:Run) RETURN r.id' | hedonic-graph query -"""


class _Asking(click.Command):
    """A command whose ``--help`` after a query's name is about that query."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the name: ``--help`` ends the command before it would be read."""
        ctx.obj = self.make_parser(ctx).parse_args(list(args))[0].get("name")
        return super().parse_args(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what a query answers, takes and returns; without a name, what the command does."""
        from hedonic_graph.graph import catalogue, own, statements

        if isinstance(ctx.obj, str) and ctx.obj != own.STANDARD_INPUT:
            formatter.write(catalogue.explanation(statements.query(ctx.obj)) + "\n")
        else:
            super().format_help(ctx, formatter)


@click.command(cls=_Asking, epilog=EXAMPLE)
@click.argument("name", required=False)
@click.option(
    "--file", "source", metavar="FILE", help="Run your own statement in FILE (- is standard input), read-only."
)
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
    name: str | None,
    source: str | None,
    given: tuple[str, ...],
    form: str,
    limit: int | None,
    show: bool,
    address: "Address",
) -> None:
    """Run the query NAME, or your own Cypher; without either, list the queries. NAME --help explains one of them.

    Values are JSON where they parse as JSON, else text. The queries ask only runs that were loaded whole. Your own
    statement sees all that is in the graph, and can only read; a table writes a node by its key, JSON gives all of it.
    """
    from hedonic_graph.graph import own, statements

    if name == own.STANDARD_INPUT:
        name, source = None, source or own.STANDARD_INPUT
    if name is not None and source is not None:
        raise UserError(f"{name} is a query by name and --file a statement of your own: give one of them")
    if name is None and source is None:
        _list(form)
        return
    statement = own.load(source) if source is not None else statements.query(str(name))
    if show:
        click.echo(statement.text.rstrip())
        return
    _ask(statement, statement.bind(statement.read(_texts(given))), form, limit, address)


def _texts(given: tuple[str, ...]) -> dict[str, str]:
    texts = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserError(f"-p {text!r} is not KEY=VALUE, for example -p run=demo/pas.exact")
        texts[key] = value
    return texts


def _list(form: str) -> None:
    from hedonic_graph.graph import catalogue

    if form == "table":
        click.echo(catalogue.listing())
        return
    rows = [(one.group, one.name, catalogue.usage(one), one.answers) for one in catalogue.library()]
    _print(("group", "query", "parameters", "answers"), rows, form, 0)


def _ask(
    statement: "Statement | OwnStatement", values: Mapping[str, Any], form: str, limit: int | None, address: "Address"
) -> None:
    from hedonic_graph.graph.own import OwnStatement
    from hedonic_graph.graph.statements import Statement
    from hedonic_graph.graph.store import connect

    with connect(address, create=False) as store:
        if isinstance(statement, OwnStatement):
            store.require_guard()
        with store.reading(statement.text, values, statement.name) as answer:
            first = next(answer.rows, None)
            if first is not None:
                wide = statement.wide if isinstance(statement, Statement) and form == "table" else frozenset()
                count = _print(answer.columns, itertools.chain([first], answer.rows), form, limit, wide)
                for bound in BOUNDS if isinstance(statement, Statement) else ():
                    if count == values.get(bound):
                        click.echo(f"-p {bound}={count} is reached: there may be more", err=form != "table")
            told = answer.end()
        # Known before anything is printed: it may be that what was asked for does not exist.
        columns, reason = (answer.columns, "") if first else _nothing(store, statement, values, answer)
    if reason and (form == "json" or (form == "csv" and columns)):
        _print(columns, [], form, limit)
    if reason or told.plan:
        click.echo(told.plan or f"no rows: {reason}", err=form != "table")


def _nothing(
    store: "Store", statement: "Statement | OwnStatement", values: Mapping[str, Any], answer: "Reading"
) -> tuple[tuple[str, ...], str]:
    """Return the columns of an answer without rows, and why it has none."""
    from hedonic_graph.graph.answers import why_empty
    from hedonic_graph.graph.statements import Statement

    if isinstance(statement, Statement):
        return tuple(statement.columns), why_empty(store, statement, values)
    return answer.columns, " ".join(answer.end().remarks) or "nothing in the graph matches"


def _print(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    form: str,
    limit: int | None,
    wide: frozenset[str] = frozenset(),
) -> int:
    """Print rows, without the columns that are too ``wide``; return how many rows there were, as far as counted."""
    from hedonic_graph import tables
    from hedonic_graph.graph.values import plain, shown

    if limit is None:
        limit = TABLE_ROWS if form == "table" else 0
    rest = iter(rows)
    taken = _Counted(itertools.islice(rest, limit) if limit else rest)
    if form == "table":
        places = [place for place, name in enumerate(columns) if name not in wide]
        cells = [[shown(row[place]) for place in places] for row in taken]
        click.echo(tables.render([columns[place] for place in places], cells))
    else:
        lines = (tables.csv_lines if form == "csv" else tables.json_lines)(
            columns, ([plain(value) for value in row] for row in taken)
        )
        while chunk := list(itertools.islice(lines, 1_000)):
            click.echo("\n".join(chunk))
    more = sum(1 for _ in itertools.islice(rest, COUNTED))
    if more:
        whole = f"{taken.count + more:,}" if more < COUNTED else f"more than {taken.count + more:,}"
        click.echo(f"{taken.count:,} of {whole} rows (--limit 0 prints all)", err=form != "table")
    return taken.count + more


class _Counted:
    """Rows, counted as they pass."""

    def __init__(self, rows: Iterable[Sequence[Any]]):
        self.count = 0
        self._rows = rows

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for row in self._rows:
            self.count += 1
            yield row
