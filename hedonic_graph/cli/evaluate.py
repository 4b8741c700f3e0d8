"""``hedonic-graph evaluate``."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from hedonic_graph.cli import options as shared
from hedonic_graph.config import parse_layers
from hedonic_graph.pipeline.evaluation.options import WHAT, EvaluationOptions
from hedonic_graph.tuning.config import TASKS

EXAMPLE = """\b
Example:
  hedonic-graph evaluate my-analysis --train-text pairs.jsonl.gz
  hedonic-graph evaluate my-analysis --what drop --layers 9 --drop-pairs 100 --per-class 5"""

_DEFAULTS = {one.name: one.default for one in fields(EvaluationOptions)}


def _number(name: str, text: str) -> shared.Option:
    default = _DEFAULTS[name]
    suffix = "" if default is None else f" [default: {default}]"
    return click.option(f"--{name.replace('_', '-')}", name, type=int, help=f"{text}{suffix}")


@click.command(epilog=EXAMPLE)
@click.argument("analysis", type=click.Path(path_type=Path))
@click.option(
    "--what",
    type=click.Choice(WHAT),
    multiple=True,
    help="What to evaluate; repeatable. [default: synergy, alignment and, with --train-text, predictivity]",
)
@click.option("--task", type=click.Choice(TASKS), help="What the adapter was tuned for. [default: as analysed]")
@click.option("--run", "runs", multiple=True, help="Only this run, such as pas.exact; repeatable.")
@click.option("--layers", help="Only these layers: 7-14 or 7,8,9.")
@click.option("--train-text", help="Predictivity: JSON lines (.gz) of qid, query and positive, as for finetune.")
@_number("train_examples", "Predictivity: examples drawn from it.")
@_number("features", "Predictivity: macro-features of each run. [default: as many as every run has]")
@click.option("--qrels", help="Judgements for rm. [default: qrels.txt of the analysis's text]")
@_number("per_class", "Synergy, drop: coalitions of each size class (2, 3-4, 5-8, ...).")
@_number("min_size", "Smaller coalitions are not evaluated.")
@_number("groups", "Synergy: random groups of each size.")
@_number("permutations", "Alignment: permutations of the queries.")
@_number("drop_pairs", "Drop: pairs it is measured on. [default: all]")
@_number("random_groups", "Drop: random groups of each size class.")
@_number("seed", "Seed of all that is drawn.")
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda, cuda:1, mps.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def evaluate(analysis: Path, device: str, as_json: bool, layers: str | None, **options: Any) -> None:
    """Evaluate the coalitions of a finished ANALYSIS, chance beside each figure.

    synergy: what members do together (Pair, Ratio) beside random groups of their size. alignment: the feature of the
    text that a coalition follows. predictivity: how well coalition means foretell the task's label, fitted on
    another text. drop: what the metric loses when a coalition goes back to the base in the full model; it takes long,
    and says how long before it begins.

    Results go into the analysis's folder; ingest brings them into the graph. Run the same command again to continue
    after an interruption; what has not changed is not computed again.
    """
    given = shared.given(options)
    if layers is not None:
        given["layers"] = parse_layers(layers)
    config = EvaluationOptions(**given)
    from hedonic_graph.pipeline.evaluation.evaluate import evaluate as run_evaluation

    def say(line: str) -> None:
        click.echo(line, err=True)

    done = run_evaluation(config, analysis, device=device, report=say)
    say(f"{len(done)} pieces computed in {analysis}" if done else f"{analysis} is up to date: nothing to do")
    show(analysis, as_json)


def show(folder: Path, as_json: bool) -> None:
    """Print the tables of an evaluation and what they let one say."""
    from hedonic_graph.evaluation_summary import (
        evaluation_rows,
        evaluation_table,
        evaluation_verdicts,
        predictivity_table,
    )
    from hedonic_graph.results import open_results
    from hedonic_graph.tables import render, to_json

    results = open_results(folder)
    columns, cells = predictivity_table(results)
    if as_json:
        import json

        record = {
            "evaluation": results.evaluated,
            "runs": {run.id: evaluation_rows(results, run) for run in results.runs},
            "predictivity": json.loads(to_json(columns, cells)),
        }
        click.echo(json.dumps(record, indent=1))
        return
    for run in results.runs:
        if rows := evaluation_rows(results, run):
            click.echo(f"\n{run.id}")
            click.echo(render(*evaluation_table(rows)))
    if cells:
        click.echo("\nPredictivity: R2 on the analysed text, fitted on the training text")
        click.echo(render(columns, cells))
    click.echo("\nIn brackets: what chance gives. How far to trust it")
    for line in evaluation_verdicts(results):
        click.echo(f"  {line}")
