"""The stage ``text``: the pairs that everything is computed on."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hedonic_graph.analysis import key_of
from hedonic_graph.config import CommonConfig, PassesConfig
from hedonic_graph.text.pairs import Pair, load_pairs, write_pairs

if TYPE_CHECKING:
    from hedonic_graph.pipeline.context import Context

UNIT = "text/pairs"


def read_pairs(config: PassesConfig, text: str) -> list[Pair]:
    """Read the pairs that a configuration takes of ``text``."""
    return load_pairs(
        Path(text).expanduser(),
        run=config.run,
        depth=config.depth,
        sample=config.sample,
        first=config.first,
        seed=config.text_seed,
    )


def text_key(pairs: list[Pair]) -> str:
    """The key of the unit that holds ``pairs``."""
    return key_of(stage="text", pairs=[asdict(pair) for pair in pairs])


def keep_text(context: "Context[CommonConfig]") -> None:
    """Write the pairs into the folder where it lacks them."""
    key = text_key(context.pairs)
    if not context.analysis.has(UNIT, key, context.report):
        context.analysis.commit(UNIT, key, lambda path: write_pairs(path.with_suffix(".jsonl"), context.pairs))
        context.done.append(UNIT)
