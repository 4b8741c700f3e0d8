"""``hedonic-graph ingest``: load an analysis into the graph."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hedonic_graph.cli.connection import away, connection, waiting

if TYPE_CHECKING:
    from hedonic_graph.graph.store import Address
    from hedonic_graph.results.protocol import Results

EXAMPLE = """\b
Example:
  hedonic-graph ingest cqtr
  hedonic-graph ingest cqtr --dry-run
  NEO4J_URI=neo4j://localhost NEO4J_USERNAME=neo4j NEO4J_PASSWORD=... hedonic-graph ingest cqtr --keep 5"""

OUTCOMES = {
    "refused": "would be refused",
    "loaded": "would be loaded",
    "continued": "would be continued, what is left of it",
    "replaced": "would be taken out, then loaded",
    "present": "is there already",
    "held": "would not be loaded either",
}


@click.command(epilog=EXAMPLE)
@click.argument("analysis", type=click.Path())
@click.option(
    "--keep", type=click.IntRange(min=0), default=20, show_default=True, help="Strongest edges kept of each coalition."
)
@click.option("--replace", is_flag=True, help="Take a run out first that is there with other content.")
@click.option(
    "--writers",
    type=click.IntRange(min=1),
    help="Connections that write at once to a server  [default: 2; the embedded store has one].",
)
@click.option("--dry-run", is_flag=True, help="Say what would be written, or why it is refused, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@connection
def ingest(
    analysis: str, keep: int, replace: bool, writers: int | None, dry_run: bool, as_json: bool, address: "Address"
) -> None:
    """Load every run of ANALYSIS into the graph.

    A run that is there already is left alone, one whose load was cut off continues. One that is there with other
    content is refused, and so is the whole ingest, before anything is written: the error names what changed.
    """
    from hedonic_graph.graph.loader import ingest as load
    from hedonic_graph.graph.store import connect
    from hedonic_graph.results import open_results

    results = open_results(analysis, check=True)
    if dry_run:
        _rehearse(results, address, keep, replace, as_json)
        return
    with connect(address) as store:
        report = load(
            results, store, keep=keep, replace=replace, writers=writers, on_wait=waiting, on_away=away(address)
        )
    if as_json:
        click.echo(json.dumps([asdict(run) for run in report.runs], indent=1))
        return
    for run in report.runs:
        click.echo(f"{run.run}: {run.outcome}" + (f", {run.rows:,} rows" if run.rows else ""))
    if report.rows:
        rate = report.rows / max(report.seconds, 1e-9)
        click.echo(f"{report.rows:,} rows into {address} in {report.seconds:.1f} s, {rate:,.0f} a second")


def _rehearse(results: "Results", address: "Address", keep: int, replace: bool, as_json: bool) -> None:
    from hedonic_graph.errors import UserError
    from hedonic_graph.graph import keeper
    from hedonic_graph.graph.rehearsal import rehearse
    from hedonic_graph.graph.store import connect

    if address.folder is not None and not keeper.is_store(address.folder):
        keeper.check(address.folder)
        found = rehearse(results, None, keep=keep, replace=replace)
    else:
        with connect(address, create=False) as store:
            found = rehearse(results, store, keep=keep, replace=replace)
    if as_json:
        click.echo(json.dumps([asdict(run) for run in found], indent=1))
    else:
        for run in found:
            click.echo(f"{run.run}: {OUTCOMES[run.outcome]}")
            for name, count in run.creates.items():
                click.echo(f"  {count:>11,}  {name}")
    if reason := next((run.reason for run in found if run.reason is not None), None):
        raise UserError(reason)
