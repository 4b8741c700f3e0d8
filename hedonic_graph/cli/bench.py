"""``hedonic-graph bench``: how fast it is here, as ratios in one run."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hedonic_graph.cli.connection import connection

if TYPE_CHECKING:
    from hedonic_graph.graph.store import Address

EXAMPLE = """\b
Example:
  hedonic-graph bench graph --quick
  NEO4J_URI=bolt://localhost NEO4J_PASSWORD=... hedonic-graph bench graph --json measured.json"""


@click.group(epilog=EXAMPLE)
def bench() -> None:
    """Measure speed on this machine, beside a plain reference in the same run."""


@bench.command(epilog=EXAMPLE)
@click.option("--quick", is_flag=True, help="A smaller run and fewer calls: a minute or two.")
@click.option("--layers", type=click.IntRange(min=1), help="Layers of the run  [default: 8].")
@click.option("--neurons", type=click.IntRange(min=1), help="Neurons in a layer  [default: 14336, quick 1536].")
@click.option("--coalitions", type=click.IntRange(min=1), help="In all layers  [default: 5000, quick 800].")
@click.option("--edges", type=click.IntRange(min=1), help="INTERACTS edges in all  [default: 500000, quick 30000].")
@click.option("--seed", type=click.IntRange(min=0), help="Of the drawn run  [default: 0].")
@click.option(
    "--plain/--no-plain",
    default=None,
    help="Load with the plain loader as well  [default: on a server, not in an embedded store].",
)
@click.option("--repeat", type=click.IntRange(min=1), default=1, show_default=True, help="Rounds of loading.")
@click.option(
    "--json",
    "json_file",
    is_flag=False,
    flag_value="-",
    metavar="[FILE]",
    help="Print JSON in place of the tables; with FILE, write it there as well as printing them.",
)
@connection
def graph(
    quick: bool,
    plain: bool | None,
    repeat: int,
    json_file: str | None,
    address: "Address",
    **scale: int | None,
) -> None:
    """Load a drawn run beside a plain loader, ask every query, and say how long it took.

    The run has the shapes of a real one. It is loaded under a name of its own and taken out afterwards; what else the
    graph holds stays. Each load is a process of its own, the server warmed by smaller ones before.
    """
    from hedonic_graph.bench.graph import FULL, QUICK
    from hedonic_graph.bench.graph import bench as measure

    if json_file is not None and not Path(json_file).parent.is_dir():
        raise click.BadParameter(f"there is no folder {Path(json_file).parent}", param_hint="--json")
    plan = QUICK if quick else FULL
    given = {name: value for name, value in scale.items() if value is not None}
    plan = replace(
        plan,
        scale=replace(plan.scale, **given),
        plain=address.folder is None if plain is None else plain,
        repeat=repeat,
    )

    def left(name: str) -> None:
        click.echo(f"left in the graph: runs that begin with {name}/ (`hedonic-graph runs delete`)", err=True)

    try:
        report = measure(address, plan, left=left)
    except KeyboardInterrupt:
        # There is nothing to continue.
        click.echo("\nInterrupted.", err=True)
        raise click.exceptions.Exit(130) from None
    record = json.dumps(report.record(), indent=1)
    if json_file not in (None, "-"):
        Path(str(json_file)).write_text(record + "\n", encoding="utf-8")
    click.echo(record if json_file == "-" else report.text())
