"""``hedonic-graph bench``: how fast it is here, as ratios in one run."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hedonic_graph.cli.connection import connection

if TYPE_CHECKING:
    from hedonic_graph.graph.store import Address

EXAMPLE = """\b
Example:
  hedonic-graph bench graph --quick
  NEO4J_URI=bolt://localhost NEO4J_PASSWORD=... hedonic-graph bench graph --json measured.json"""


def _place(_: click.Context, __: click.Parameter, file: str | None) -> str | None:
    """Refuse a file that cannot be written before the work, not after it."""
    if file is not None and not Path(file).parent.is_dir():
        raise click.BadParameter(f"there is no folder {Path(file).parent}", param_hint="--json")
    if file is not None and Path(file).is_dir():
        raise click.BadParameter(f"{file} is a folder: name a file", param_hint="--json")
    return file


_json = click.option(
    "--json",
    "json_file",
    is_flag=False,
    flag_value="-",
    metavar="[FILE]",
    callback=_place,
    help="Print JSON in place of the tables; with FILE, write it there as well as printing them.",
)


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
@_json
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
    _tell(report, json_file)


@bench.command(epilog="Example: hedonic-graph bench compute --quick")
@click.option("--quick", is_flag=True, help="Small layers: a minute.")
@click.option(
    "--neurons",
    metavar="N[,N]...",
    help="Sizes of the layer  [default: 1024,2048,4096,8192,14336,16384, quick 512,1024,2048].",
)
@click.option("--examples", type=click.IntRange(min=4), help="[default: 1024, quick 256]")
@click.option("--width", type=click.IntRange(min=2), help="Of the residual stream  [default: 4096, quick 1024].")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, ...")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random inputs.")
@_json
def compute(quick: bool, neurons: str | None, json_file: str | None, **scale: Any) -> None:
    """Time valuations, games, baselines and lineage on random layers, beside what they cannot avoid.

    Valuations and lineage are held against the matrix products in them, the sampling game against the paper's
    algorithm in plain Python. Sizes up to 16,384 took 19 minutes on two threads. On another device than the CPU
    its valuations are held against the CPU's; where they differ by more than rounding, the exit code is 1.
    """
    from hedonic_graph.bench.compute import FULL, QUICK
    from hedonic_graph.bench.compute import bench as measure

    plan = QUICK if quick else FULL
    given = {name: value for name, value in scale.items() if value is not None}
    if neurons is not None:
        try:
            given["neurons"] = tuple(int(one) for one in neurons.split(","))
        except ValueError:
            raise click.BadParameter(
                f"{neurons!r} is no list of numbers such as 1024,2048", param_hint="--neurons"
            ) from None
    report = measure(replace(plan, **given))
    _tell(report, json_file)
    if not report.within:
        raise click.exceptions.Exit(1)


@bench.command(
    epilog="""\b
Example:
  hedonic-graph bench checkpoint ./llama-sized --like llama-3.1-8b --analyze 7-14
  hedonic-graph bench checkpoint ./small --like llama-3.1-8b --layers 3 --vocabulary 49152"""
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--like", default="llama-3.1-8b", show_default=True, help="Whose shapes to take.")
@click.option("--layers", type=click.IntRange(min=1), help="Only the first so many layers  [default: all].")
@click.option("--vocabulary", type=click.IntRange(min=1), help="Tokens of the embedding  [default: the model's].")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random weights.")
@click.option("--analyze", "analysed", metavar="LAYERS", help="Analyse these layers, 7-14 or 7,8,9, and measure it.")
@click.option("--pairs", type=click.IntRange(min=2), default=48, show_default=True, help="Examples to analyse.")
@click.option(
    "--limit",
    type=click.FloatRange(min=0, min_open=True),
    default=24.0,
    show_default=True,
    help="Memory that it must stay in, GB; above it the exit code is 1.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was measured as JSON.")
def checkpoint(folder: Path, analysed: str | None, pairs: int, limit: float, as_json: bool, **scale: Any) -> None:
    """Write a random checkpoint of a real model's size, and measure how much memory analyze takes on it.

    FOLDER/model holds bfloat16 shards, FOLDER/adapter a LoRA on every MLP. A folder that holds them already is taken
    as it is. All of LLaMA-3.1-8B takes 16 GB of disk; its analysis, which is removed afterwards, 1 GB a layer more.
    """
    from hedonic_graph.bench.checkpoint import Scale, write_checkpoint
    from hedonic_graph.bench.memory import measure
    from hedonic_graph.config import parse_layers

    layers = parse_layers(analysed) if analysed else None
    model, adapter = write_checkpoint(folder, Scale(**scale), report=lambda name: click.echo(f"wrote {name}", err=True))
    if layers is None:
        click.echo(f"hedonic-graph analyze --model {model} --adapter {adapter} --text ... --layers ... -o ...")
        return
    report = measure(model, adapter, layers, pairs=pairs, limit=limit * 1e9, folder=folder)
    click.echo(json.dumps(report.record(), indent=1) if as_json else report.text())
    if not report.within:
        raise click.exceptions.Exit(1)


def _tell(report: Any, json_file: str | None) -> None:
    record = json.dumps(report.record(), indent=1)
    if json_file not in (None, "-"):
        Path(str(json_file)).write_text(record + "\n", encoding="utf-8")
    click.echo(record if json_file == "-" else report.text())
