"""Options that several commands take; their values and defaults stand in the configurations."""

from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from hedonic_graph.config import CHOICES, Config

Option = Callable[[Any], Any]

_DEFAULTS = {field.name: field.default for field in fields(Config) if field.default is not MISSING}


def choice(name: str, text: str) -> Option:
    """An option whose values and default stand in the configuration."""
    default = _DEFAULTS[name]
    several = isinstance(default, tuple)
    shown = ", ".join(map(str, default)) if several else default
    return click.option(
        f"--{name.replace('_', '-')}",
        name,
        type=click.Choice(CHOICES[name]),
        multiple=several,
        help=f"{text} [default: {shown}]",
    )


def number(name: str, text: str, kind: Any = int, *, flag: str | None = None) -> Option:
    """A number whose default stands in the configuration."""
    default = _DEFAULTS[name]
    suffix = "" if default is None else f" [default: {default}]"
    return click.option(f"--{flag or name.replace('_', '-')}", name, type=kind, help=f"{text}{suffix}")


def several(*options: Option) -> Option:
    """Options as one decorator, in the order of the help."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


model = several(
    click.option("--model", help="Base model: a folder, a hub name, a GGUF file or smollm2 (packaged)."),
    click.option("--adapter", help="LoRA or DoRA adapter in PEFT's form: a folder or a hub name."),
    click.option("--tuned", help="Instead of an adapter: a whole model that the base was tuned into."),
    click.option("--task", help="What it was tuned for; a label kept with every run."),
)
text = several(
    click.option("--text", help="JSON-lines file of query and passage, folder of TREC files, or ir_datasets name."),
    click.option(
        "--run", help="Run that ranks the passages: NAME of the folder's run.NAME.txt; for a data set, a file."
    ),
    number("depth", "Take the first so many passages of each query."),
    number("sample", "Draw so many passages of each query ..."),
    number("first", "... among its first so many.", flag="from"),
    number("text_seed", "Seed of that draw."),
)
lineage = several(
    choice("mass", "Interaction mass between layers; effect is measured, for the 100 largest coalitions of each."),
    choice("shares", "What an event's shares are shares of."),
    choice("events", "Which edges can be events."),
    number("min_size", "Smaller coalitions have no lineage."),
    number("shuffles", "Shuffles of membership that every count stands beside."),
)
passes = several(
    number("batch_size", "Prompts in one forward pass."),
    click.option("--prompt", help=f"What the model reads, around the pair. [default: {_DEFAULTS['prompt']}]"),
    number("max_tokens", "Longer prompts lose their end."),
)
output = several(
    click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda, cuda:1, mps."),
    click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The analysis folder."),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
)


def given(options: dict[str, Any]) -> dict[str, Any]:
    """What the user gave of a command's options."""
    return {name: value for name, value in options.items() if value is not None and value != ()}
