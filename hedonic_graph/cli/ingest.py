"""``hedonic-graph ingest``: load an analysis into the graph."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hedonic_graph.cli.connection import connection

if TYPE_CHECKING:
    from hedonic_graph.graph.store import Address

EXAMPLE = """\b
Example:
  hedonic-graph ingest cqtr
  NEO4J_URI=neo4j://localhost NEO4J_USERNAME=neo4j NEO4J_PASSWORD=... hedonic-graph ingest cqtr --keep 5"""


@click.command(epilog=EXAMPLE)
@click.argument("analysis", type=click.Path())
@click.option(
    "--keep", type=click.IntRange(min=0), default=20, show_default=True, help="Strongest edges kept of each coalition."
)
@click.option("--replace", is_flag=True, help="Take a run out first that is there with other content.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@connection
def ingest(analysis: str, keep: int, replace: bool, as_json: bool, address: "Address") -> None:
    """Load every run of ANALYSIS into the graph.

    A run that is there already is left alone, one whose load was cut off continues.
    """
    from hedonic_graph.graph.loader import ingest as load
    from hedonic_graph.graph.store import connect
    from hedonic_graph.results import open_results

    def waiting() -> None:
        click.echo("Another command is writing to this store: waiting for it.", err=True)

    results = open_results(analysis, check=True)
    with connect(address) as store:
        report = load(results, store, keep=keep, replace=replace, on_wait=waiting)
    if as_json:
        click.echo(json.dumps([asdict(run) for run in report.runs], indent=1))
        return
    for run in report.runs:
        click.echo(f"{run.run}: {run.outcome}" + (f", {run.rows:,} rows" if run.rows else ""))
    if report.rows:
        rate = report.rows / max(report.seconds, 1e-9)
        click.echo(f"{report.rows:,} rows into {address} in {report.seconds:.1f} s, {rate:,.0f} a second")
