"""``hedonic-graph finetune``."""

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from hedonic_graph.cli import options as shared
from hedonic_graph.config import parse_layers
from hedonic_graph.errors import UserError
from hedonic_graph.tuning.config import LOSSES, PRECISIONS, TASKS, EvaluationConfig, TuningConfig

EXAMPLE = """\b
Example:
  hedonic-graph finetune --model smollm2 --task cqtr --text pairs.jsonl.gz \\
      --leave-out ./trec-dl-19 --evaluate-text ./trec-dl-19 --run repllama --sample 10 --from 200 \\
      -o cqtr-lora
On several GPUs:
  torchrun --nproc-per-node 4 -m hedonic_graph.cli finetune ...
A control with the same norms and no training:
  hedonic-graph finetune --untrained-like cqtr-lora -o random-lora"""

_DEFAULTS = {
    one.name: one.default
    for config in (EvaluationConfig, TuningConfig)
    for one in fields(config)
    if one.default is not MISSING
}


def _number(name: str, text: str, kind: Any = int, *, flag: str | None = None) -> shared.Option:
    default = _DEFAULTS[name]
    shown = "" if default is None else f" [default: {default:g}]"
    return click.option(f"--{flag or name.replace('_', '-')}", name, type=kind, help=f"{text}{shown}")


@click.command(epilog=EXAMPLE)
@click.option("--model", help="Base model: a folder, a hub name, a GGUF file or smollm2 (packaged).")
@click.option("--task", type=click.Choice(TASKS), help="What to learn.")
@click.option("--text", help="JSON lines (.gz) of qid, query and positive.")
@click.option("--leave-out", multiple=True, help="Do not train on passages of this text; repeatable.")
@click.option("--start", metavar="ADAPTER", help="Go on from this adapter, in place of a fresh one.")
@click.option("--layers", help="Layers whose MLP is tuned: 7-14 or 7,8,9. [default: 7-14]")
@_number("rank", "Rank of the LoRA.")
@_number("alpha", "Its alpha; the step is alpha / rank times BA.", float)
@_number("learning_rate", "AdamW's rate for the LoRA.", float)
@_number("head_learning_rate", "And for the task head.", float)
@_number("weight_decay", "AdamW's weight decay.", float)
@_number("batch_size", "Examples in a step, over all processes (rm: queries with their candidates).")
@_number("per_pass", "Examples in one forward pass, where memory is short.")
@_number("epochs", "How often every example is seen.", float)
@_number("steps", "Stop after so many steps at the latest.")
@_number("warm_up", "Steps over which the rate grows; it falls to nothing afterwards.")
@_number("clip", "Largest norm of the gradient.", float)
@_number("max_tokens", "Longer prompts are left out (rm: lose their end).")
@_number("others", "cqtr, mean-tf-l: examples of a query with other queries' positives.")
@_number("blends", "cqtr, mean-tf-l: examples of a positive under queries that are partly another's.")
@_number("negatives", "rm: other queries' positives that each positive is held against.")
@_number("near", "Passages by BM25 that they are drawn among.")
@click.option("--loss", type=click.Choice(LOSSES), help="rm: what is made small. [default: listwise]")
@_number("held_out", "Queries kept for evaluation and early stopping.")
@_number("evaluate_every", "Steps between evaluations.")
@_number("patience", "Evaluations without improvement before it stops; 0 never stops.")
@_number("checkpoint_every", "Steps between checkpoints.")
@click.option("--precision", type=click.Choice(PRECISIONS), help="Of matrix products. [default: auto]")
@click.option("--prompt", help=f"What the model reads, around the pair. [default: {_DEFAULTS['prompt']}]")
@_number("seed", "Seed of everything that is drawn.")
@click.option("--shuffle-labels", is_flag=True, default=None, help="A negative control: labels permuted.")
@click.option("--untrained-like", metavar="ADAPTER", help="A negative control: random, with this adapter's norms.")
@click.option("--evaluate-text", help="Text to score it on: a folder of TREC files, or JSON lines of pairs.")
@click.option("--run", help="Which run.NAME.txt of the folder gives the passages of each query.")
@_number("depth", "Take the first so many passages of each query.")
@_number("sample", "Draw so many passages of each query ...")
@_number("first", "... among its first so many.", flag="from")
@_number("text_seed", "Seed of that draw.")
@click.option("--watch", is_flag=True, default=None, help="Log its score at every evaluation; it decides nothing.")
@click.option("--device", type=click.Choice(("auto", "cpu")), default="auto", help="auto takes GPUs. [default: auto]")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The adapter's folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def finetune(output: Path, device: str, as_json: bool, untrained_like: str | None, **options: Any) -> None:
    """Train a LoRA adapter on a model's MLP layers, and say what it has learned.

    The folder is a PEFT adapter that analyze and plain peft load, with its scores beside the untrained
    base's (scores.json) and the course of the training (log.csv). Run the same command again to continue
    after an interruption.
    """
    given = shared.given(options)
    if untrained_like:
        if given:
            name = next(iter(set(given) - {"seed"}), None)
            if name:
                raise UserError(f"--untrained-like trains nothing and takes no --{name.replace('_', '-')}")
        _control(untrained_like, output, given.get("seed", 0), as_json)
        return
    evaluation = _evaluation(given)
    for name in ("model", "task", "text"):
        if name not in given:
            raise UserError(f"missing --{name}")
    if "layers" in given:
        given["layers"] = parse_layers(given["layers"])
    config = TuningConfig(**given)
    from hedonic_graph.tuning.finetune import finetune as train

    scores = train(config, output, evaluation, cpu=device == "cpu", report=lambda line: click.echo(line, err=True))
    _show(scores, as_json)


def _evaluation(given: dict[str, Any]) -> EvaluationConfig | None:
    """Take the options of the evaluation text out of ``given``."""
    names = [one.name for one in fields(EvaluationConfig) if one.name not in ("text", "max_tokens")]
    found = {name: given.pop(name) for name in names if name in given}
    text = given.pop("evaluate_text", None)
    if text is None:
        if found:
            raise UserError(f"--{'from' if 'first' in found else next(iter(found))} needs --evaluate-text")
        return None
    return EvaluationConfig(text=text, **found)


def _control(trained: str, output: Path, seed: int, as_json: bool) -> None:
    from hedonic_graph.models.locate import locate_adapter
    from hedonic_graph.tables import render
    from hedonic_graph.tuning.controls import untrained_like

    norms = untrained_like(locate_adapter(trained), output, seed)
    if as_json:
        import json

        click.echo(json.dumps({"norms": norms}, indent=1))
        return
    click.echo(render(["matrix", "norm of BA"], [[name, norm] for name, norm in norms.items()]))


def _show(scores: dict[str, Any], as_json: bool) -> None:
    """Print the scores; nothing on processes other than the first."""
    import json
    import os

    from hedonic_graph.tables import render
    from hedonic_graph.tuning.scoring import table

    if os.environ.get("RANK", "0") != "0":
        return
    if as_json:
        click.echo(json.dumps(scores, indent=1))
        return
    click.echo(render(*table(scores)))
