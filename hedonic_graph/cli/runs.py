"""``hedonic-graph runs``: what is in the graph, and take one run out."""

from typing import TYPE_CHECKING

import click

from hedonic_graph.cli.connection import away, connection, waiting

if TYPE_CHECKING:
    from hedonic_graph.graph.store import Address, Rows

EXAMPLE = """\b
Example:
  hedonic-graph runs list
  hedonic-graph runs show demo/pas.exact
  hedonic-graph runs delete demo/pas.exact
  hedonic-graph runs delete demo"""


@click.group(epilog=EXAMPLE)
def runs() -> None:
    """List, show and delete the runs in the graph."""


@runs.command("list", epilog="Example: hedonic-graph runs list --json")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@connection
def list_(as_json: bool, address: "Address") -> None:
    """List the runs."""
    from hedonic_graph.graph.runs import listed
    from hedonic_graph.graph.store import connect

    with connect(address, create=False) as store:
        rows = listed(store)
    if not rows.values and not as_json:
        click.echo("nothing ingested yet: run `hedonic-graph ingest ANALYSIS`")
        return
    _print(rows, as_json)


@runs.command("show", epilog="Example: hedonic-graph runs show demo/pas.exact")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@connection
def show(run: str, as_json: bool, address: "Address") -> None:
    """Show what made RUN, and the figures that say how far to trust it."""
    from hedonic_graph.graph.runs import shown
    from hedonic_graph.graph.store import connect

    with connect(address, create=False) as store:
        rows = shown(store, run)
    _print(rows, as_json)


@runs.command("delete", epilog="Example: hedonic-graph runs delete demo/pas.exact")
@click.argument("name", metavar="RUN|ANALYSIS")
@click.option("--as", "kind", type=click.Choice(["run", "analysis"]), help="Which of the two it is, where it is both.")
@connection
def delete(name: str, kind: str | None, address: "Address") -> None:
    """Take a run out, or every run of an analysis, and nothing else.

    Neurons stay while another run uses them, preferences while another run of the same analysis and valuation does.
    """
    from hedonic_graph.graph.runs import delete as delete_runs
    from hedonic_graph.graph.store import connect

    with connect(address, create=False) as store, store.writer(waiting):
        gone = delete_runs(store, name, kind, on_away=away(address))
    for run in gone:
        click.echo(f"{run}: deleted")


def _print(rows: "Rows", as_json: bool) -> None:
    from hedonic_graph import tables

    click.echo((tables.to_json if as_json else tables.render)(rows.columns, rows.values))
