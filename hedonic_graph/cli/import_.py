"""``hedonic-graph import``."""

from pathlib import Path
from typing import Any

import click

from hedonic_graph.cli import options as shared

EXAMPLE = """\b
Example:
  hedonic-graph import L*.pkl --neurons 14336 -o coalitions
  hedonic-graph import seed0/L*.pkl --name seed0 --model meta-llama/Llama-3.1-8B --adapter ./cqtr-lora \\
      --text ./trec-dl-19 --run repllama --depth 10 -o published"""


@click.command("import", epilog=EXAMPLE)
@click.argument("partitions", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--layers", help="Layers of the files, in their order, 7-14 or 7,8,9  [else what the files say].")
@click.option("--neurons", type=int, help="Neurons of a layer  [else what the model says].")
@click.option("--name", help="What to call the run, where a folder takes several: ANALYSIS/imported.NAME.")
@click.option("--replace", is_flag=True, help="Let these take the place of other partitions of that name.")
@shared.model
@shared.text
@shared.lineage
@shared.passes
@shared.output
def import_(
    partitions: tuple[Path, ...],
    output: Path,
    layers: str | None,
    name: str | None,
    replace: bool,
    device: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Bring partitions that were computed elsewhere into an analysis folder.

    PARTITIONS are files of one layer each, or of several: a pickle or JSON file of lists of neurons
    ([[0, 3], [1, 2]], or {"7": [[0, 3], [1, 2]]}), or a CSV file with the columns neuron, coalition and, for
    several layers, layer. Else a file's layer is taken from its name, such as L07.pkl or layer_7.json. Pickles
    are read without running anything in them.

    With --model and --text the coalitions are followed from layer to layer, as analyze does.
    """
    from hedonic_graph.cli.analyze import show
    from hedonic_graph.config import ImportConfig, parse_layers
    from hedonic_graph.partitions.layers import gather

    placed, said = gather(partitions, parse_layers(layers) if layers else None)
    config = ImportConfig(layers=tuple(placed), **shared.given(options))

    from hedonic_graph.pipeline.importing import import_partitions

    def say(line: str) -> None:
        click.echo(line, err=True)

    for line in said:
        say(line)
    done = import_partitions(config, placed, output, name=name, replace=replace, device=device, report=say)
    say(f"{len(done)} pieces written to {output}" if done else f"{output} is up to date: nothing to do")
    show(output, as_json)
