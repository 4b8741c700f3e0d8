"""``hedonic-graph analyze``."""

from pathlib import Path
from typing import Any

import click

from hedonic_graph.cli import options as shared
from hedonic_graph.cli.options import choice, number
from hedonic_graph.config import Config, parse_layers, read_toml
from hedonic_graph.errors import UserError

EXAMPLE = """\b
Example:
  hedonic-graph analyze --model meta-llama/Llama-3.1-8B --adapter ./cqtr-lora \\
      --text ./trec-dl-19 --run repllama --depth 10 --layers 7-14 \\
      --valuation pas --valuation oca --solver exact --solver pac --seed 0 --seed 1 -o my-analysis"""


@click.command(epilog=EXAMPLE)
@shared.model
@shared.text
@click.option("--layers", help="Layers to analyse: 7-14 or 7,8,9.")
@choice("valuation", "How neurons value each other; repeatable.")
@choice("solver", "How coalitions form; repeatable.")
@click.option("--seed", type=int, multiple=True, help="Seed of the solvers that draw; repeatable. [default: 0]")
@click.option("--readout", help="score (the task head) or 'token: yes - no', a difference of logits. [default: score]")
@choice("readout_norm", "Read the head through the model's final norm.")
@choice("reference", "What an ablated neuron goes back to.")
@choice("positions", "Tokens that OCA correlates over.")
@choice("phi_precision", "How pairs' values are kept: float16 takes half the disk.")
@choice("utility", "Utility of pac, and for the members of baselines.")
@choice("emit", "What a round of pac puts out.")
@choice("retain", "How pac orders or draws its reservoir.")
@choice("sampler", "The distribution pac draws coalitions from.")
@number("k", "Size of a choice set.")
@number("kmin", "Smallest sampled coalition.")
@number("kmax", "Largest sampled coalition.")
@number("samples", "Coalitions drawn at a time. [default: max(80000, 56 n)]")
@number("window", "Coalitions looked at in a round. [default: a tenth of samples]")
@number("resamples", "Resamples of the examples that consensus looks at.")
@number("resample_share", "Examples in each of them, as a share of the text's.", float)
@number("resolution", "Resolution of consensus: the larger, the more coalitions.", float)
@number(
    "halvings",
    "Ways to halve the text and hold a consensus of each half against the other; 0: none. "
    "Each costs about twice the resamples.",
)
@number(
    "growth",
    "Halve each half so often again, to show how agreement grows with the text. "
    "Each costs about 2 valuations, with consensus twice the resamples.",
)
@number("leiden_resolution", "Resolution of leiden: the larger, the more coalitions.", float)
@number("certificate_samples", "Fresh coalitions tried against each partition.")
@number("epsilon", "Blocking rate that the stability bound is held against.", float)
@number("delta", "One minus the confidence of that bound.", float)
@shared.lineage
@shared.passes
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="TOML file; options here override it.")
@shared.output
def analyze(output: Path, config_file: Path | None, device: str, as_json: bool, **options: Any) -> None:
    """Find coalitions in a model's MLP layers and follow them from layer to layer.

    Everything goes into one folder. Run the same command again to continue after an interruption; what has
    not changed is not computed again.
    """
    run(build_config(config_file, options), output, device, as_json)


def build_config(config_file: Path | None, options: dict[str, Any]) -> Config:
    """Join a TOML file and command-line options (which win) into a configuration."""
    values = read_toml(config_file) if config_file else {}
    given = shared.given(options)
    if isinstance(given.get("layers"), str):
        given["layers"] = parse_layers(given["layers"])
    values |= given
    for name in ("model", "text", "layers"):
        if name not in values:
            raise UserError(f"missing --{name} (or {name} in the --config file)")
    return Config(**values)


def run(config: Config, output: Path, device: str, as_json: bool) -> None:
    """Analyse with the user told of progress, and print what was found."""
    from hedonic_graph.pipeline.analyze import analyze as run_analysis

    def say(line: str) -> None:
        click.echo(line, err=True)

    done = run_analysis(config, output, device=device, report=say)
    say(f"{len(done)} pieces computed in {output}" if done else f"{output} is up to date: nothing to do")
    show(output, as_json)


def show(output: Path, as_json: bool) -> None:
    """Print an analysis's tables and what they let one say."""
    from hedonic_graph.reliability import reliability_tables
    from hedonic_graph.results import open_results
    from hedonic_graph.summary import layer_rows, model_lines, model_table, table, verdicts
    from hedonic_graph.tables import render

    results = open_results(output)
    if as_json:
        import json
        from dataclasses import asdict

        record = {run.id: {"layers": layer_rows(results, run), "honesty": run.honesty} for run in results.runs}
        tables = [asdict(one) for one in reliability_tables(results)]
        model = results.analysis.manifest["model"]
        click.echo(json.dumps({"model": model, "reliability": tables, **record}, indent=1))
        return
    for line in model_lines(results):
        click.echo(line)
    columns, cells = model_table(results)
    if cells:
        click.echo("How much that changed each weight, in per cent of the base's norm:")
        click.echo(render(columns, cells))
    for run_info in results.runs:
        click.echo(f"\n{run_info.id}")
        click.echo(render(*table(layer_rows(results, run_info))))
    if results.followed:
        click.echo("In brackets: the mean under shuffled membership of the next layer's coalitions, which is chance.")
    click.echo("\nHow far to trust it")
    for line in verdicts(results):
        click.echo(f"  {line}")
    for shown in reliability_tables(results):
        click.echo(f"\n{shown.title}")
        click.echo(render(shown.columns, shown.cells))
        for line in shown.notes:
            click.echo(line)
