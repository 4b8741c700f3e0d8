"""``hedonic-graph analyze``."""

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from hedonic_graph.config import CHOICES, Config, parse_layers, read_toml
from hedonic_graph.errors import UserError

EXAMPLE = """\b
Example:
  hedonic-graph analyze --model meta-llama/Llama-3.1-8B --adapter ./cqtr-lora \\
      --text ./trec-dl-19 --run repllama --depth 10 --layers 7-14 \\
      --valuation pas --valuation oca --solver exact --solver pac --seed 0 --seed 1 -o my-analysis"""

_DEFAULTS = {field.name: field.default for field in fields(Config) if field.default is not MISSING}


def _choice(name: str, text: str, *, flag: str | None = None) -> Any:
    """An option whose values and default stand in the configuration."""
    default = _DEFAULTS[name]
    several = isinstance(default, tuple)
    shown = ", ".join(map(str, default)) if several else default
    return click.option(
        f"--{flag or name.replace('_', '-')}",
        name,
        type=click.Choice(CHOICES[name]),
        multiple=several,
        help=f"{text} [default: {shown}]",
    )


def _number(name: str, text: str, kind: Any = int, *, flag: str | None = None) -> Any:
    default = _DEFAULTS[name]
    suffix = "" if default is None else f" [default: {default}]"
    return click.option(f"--{flag or name.replace('_', '-')}", name, type=kind, help=f"{text}{suffix}")


@click.command(epilog=EXAMPLE)
@click.option("--model", help="Base model: a folder, a hub name, a GGUF file or smollm2 (packaged).")
@click.option("--adapter", help="LoRA adapter in PEFT's form: a folder or a hub name.")
@click.option("--text", help="JSON-lines file of query and passage, or a folder of TREC files.")
@click.option("--run", help="Which run.NAME.txt of the folder gives the passages of each query.")
@_number("depth", "Take the first so many passages of each query.")
@_number("sample", "Draw so many passages of each query ...")
@_number("first", "... among its first so many.", flag="from")
@_number("text_seed", "Seed of that draw.")
@click.option("--task", help="What the adapter was tuned for; a label kept with every run.")
@click.option("--layers", help="Layers to analyse: 7-14 or 7,8,9.")
@_choice("valuation", "How neurons value each other; repeatable.")
@_choice("solver", "How coalitions form; repeatable.")
@click.option("--seed", type=int, multiple=True, help="Seed of the solvers that draw; repeatable. [default: 0]")
@_choice("readout_norm", "Read the head through the model's final norm.")
@_choice("reference", "What an ablated neuron goes back to.")
@_choice("positions", "Tokens that OCA correlates over.")
@_choice("mass", "Interaction mass between layers.")
@_choice("shares", "What an event's shares are shares of.")
@_choice("events", "Which edges can be events.")
@_choice("utility", "Utility of pac.")
@_choice("emit", "What a round of pac puts out.")
@_choice("retain", "How pac orders or draws its reservoir.")
@_choice("sampler", "The distribution pac draws coalitions from.")
@_number("k", "Size of a choice set.")
@_number("kmin", "Smallest sampled coalition.")
@_number("kmax", "Largest sampled coalition.")
@_number("samples", "Coalitions drawn at a time. [default: max(80000, 56 n)]")
@_number("window", "Coalitions looked at in a round. [default: a tenth of samples]")
@_number("certificate_samples", "Fresh coalitions tried against each partition.")
@_number("epsilon", "Blocking rate that the stability bound is held against.", float)
@_number("delta", "One minus the confidence of that bound.", float)
@_number("min_size", "Smaller coalitions have no lineage.")
@_number("shuffles", "Shuffles of membership that every count stands beside.")
@_number("batch_size", "Prompts in one forward pass.")
@_number("max_tokens", "Longer prompts lose their end.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="TOML file; options here override it.")
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda, cuda:1, mps.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The analysis folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def analyze(output: Path, config_file: Path | None, device: str, as_json: bool, **options: Any) -> None:
    """Find coalitions in a model's MLP layers and follow them from layer to layer.

    Everything goes into one folder. Run the same command again to continue after an interruption; what has
    not changed is not computed again.
    """
    run(build_config(config_file, options), output, device, as_json)


def build_config(config_file: Path | None, options: dict[str, Any]) -> Config:
    """Join a TOML file and command-line options (which win) into a configuration."""
    values = read_toml(config_file) if config_file else {}
    given = {name: value for name, value in options.items() if value is not None and value != ()}
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
    from hedonic_graph.results import open_results
    from hedonic_graph.summary import layer_rows, table, verdicts
    from hedonic_graph.tables import render

    results = open_results(output)
    if as_json:
        import json

        record = {run.id: {"layers": layer_rows(results, run), "honesty": run.honesty} for run in results.runs}
        click.echo(json.dumps(record, indent=1))
        return
    for run_info in results.runs:
        click.echo(f"\n{run_info.id}")
        click.echo(render(*table(layer_rows(results, run_info))))
    click.echo("In brackets: the mean under shuffled membership of the next layer's coalitions, which is chance.")
    click.echo("\nHow far to trust it")
    for line in verdicts(results):
        click.echo(f"  {line}")
