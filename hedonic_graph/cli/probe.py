"""``hedonic-graph probe``."""

from pathlib import Path
from typing import Any

import click

from hedonic_graph.cli import options as shared
from hedonic_graph.config import parse_layers
from hedonic_graph.errors import UserError
from hedonic_graph.pipeline.probe_config import ProbeConfig

EXAMPLE = """\b
Example:
  hedonic-graph probe --model smollm2 --adapter ./cqtr-lora \\
      --text ./trec-dl-19 --run repllama --sample 10 --from 200 -o my-probe"""


@click.command(epilog=EXAMPLE)
@shared.model
@shared.text
@click.option("--layers", help="Layers to look at: 7-14 or 7,8,9. [default: all]")
@click.option("--feature", multiple=True, help="Feature to read, by its name in the table; repeatable. [default: all]")
@click.option(
    "--folds", type=int, help=f"Parts of the queries, each foretold by the others. [default: {ProbeConfig.folds}]"
)
@click.option("--seed", type=int, help=f"Seed of that split. [default: {ProbeConfig.seed}]")
@shared.passes
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda, cuda:1, mps.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for tables and figure.")
@click.option("--json", "as_json", is_flag=True, help="Print all of both tables as JSON.")
def probe(output: Path, device: str, as_json: bool, **options: Any) -> None:
    """Say which features of the text can be read in each layer's state.

    For each feature and layer: the R^2 of a linear map from the residual stream at the scored position, fitted on
    other queries, for the base and for the tuned model. The folder gets base.csv, tuned.csv, figure.png and
    figure.svg. Run the same command again to continue after an interruption.
    """
    given = shared.given(options)
    for name in ("model", "text"):
        if name not in given:
            raise UserError(f"missing --{name}")
    if "layers" in given:
        given["layers"] = parse_layers(given["layers"])
    config = ProbeConfig(**given)
    from hedonic_graph.pipeline.probing import probe_layers

    def say(line: str) -> None:
        click.echo(line, err=True)

    done = probe_layers(config, output, device=device, report=say)
    say(f"{len(done)} pieces computed in {output}" if done else f"{output} is up to date: nothing to do")
    _show(output, as_json)


def _show(output: Path, as_json: bool) -> None:
    """Print where each feature is read best."""
    import json

    from hedonic_graph.analysis import Analysis
    from hedonic_graph.evaluation.probing import best_layers
    from hedonic_graph.pipeline.probing import read_probe
    from hedonic_graph.tables import render

    tables = read_probe(output)
    if as_json:
        click.echo(json.dumps({name: json.loads(table.to_json(orient="index")) for name, table in tables.items()}))
        return
    columns = ["feature", *(part for name in tables for part in (f"{name} R^2", "at layer"))]
    rows = [[name] for name in next(iter(tables.values()))]
    for table in tables.values():
        for row, found in zip(rows, best_layers(table), strict=True):
            row += found
    click.echo(render(columns, rows))
    manifest = Analysis.open(output).manifest
    prompts, folds = manifest["prompts"], manifest["config"]["folds"]
    of = f"{prompts['count']} pairs of {prompts['queries']} queries"
    click.echo(f"\nThe largest R^2 of all layers, over {of} in {folds} folds, each foretold by the others.")
    click.echo("0 is what the mean gives. Empty: the feature is the same for every pair.")
    if cut := prompts["cut"]:
        most = prompts["max_tokens"]
        click.echo(f"{cut} prompts have more than {most} tokens and were read without their end; features look at all.")
