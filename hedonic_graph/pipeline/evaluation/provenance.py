"""What an adapter's folder says of how it was made: its task, its scores, and the text that it has seen."""

import hashlib
from pathlib import Path
from typing import Any

from hedonic_graph.analysis import key_of
from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.text.labels import terms
from hedonic_graph.text.pairs import Pair
from hedonic_graph.text.positives import Positive, read_positives
from hedonic_graph.text.trec import read_collection
from hedonic_graph.tuning.config import TuningConfig
from hedonic_graph.tuning.examples import split
from hedonic_graph.tuning.folder import RECIPE, SCORES, read_json
from hedonic_graph.tuning.overlap import without


def recipe_of(config: Config) -> dict[str, Any] | None:
    """What ``finetune`` was told for the analysed adapter; None where its folder does not say."""
    found = _read(config, RECIPE)
    recipe = found.get("recipe") if isinstance(found, dict) else None
    return recipe if isinstance(recipe, dict) else None


def scores_of(config: Config) -> Any:
    """How the analysed adapter scored when it was made; None where its folder does not say."""
    return _read(config, SCORES)


def overlap(config: Config, pairs: list[Pair], before: dict[str, Any] | None) -> dict[str, Any] | None:
    """How much of the analysed text the adapter was trained on; None where nobody says.

    ``queries`` of its queries (``of`` how many) are training queries, and ``passages`` training passages hold one of
    its passages. ``before`` is what was found earlier, and kept where it still holds. ``unknown`` says why a text
    that the adapter's folder names cannot be told of.
    """
    recipe = recipe_of(config)
    if recipe is None:
        return None
    key = key_of(recipe=recipe, pairs=[[pair.query, pair.passage] for pair in pairs])
    if before and before.get("key") == key and "unknown" not in before:
        return before
    queries = {pair.query for pair in pairs}
    found: dict[str, Any] = {"key": key, "text": str(recipe.get("text")), "of": len(queries)}
    try:
        trained = _trained_on(recipe)
    except (UserError, TypeError) as error:
        return found | {"unknown": str(error)}
    asked = {tuple(terms(one.query)) for one in trained}
    held = len(trained) - len(without(trained, dict.fromkeys(pair.passage for pair in pairs)))
    return found | {"queries": sum(tuple(terms(query)) in asked for query in queries), "passages": held}


def _trained_on(recipe: dict[str, Any]) -> list[Positive]:
    """The positives that an adapter was trained on, found again from what it says."""
    known: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in recipe.items()}
    config = TuningConfig(**{name: known[name] for name in TuningConfig.__dataclass_fields__ if name in known})
    path = Path(config.text).expanduser()
    positives = read_positives(path)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != recipe.get("text_file"):
            raise UserError(f"{path} is another text than it was then")
    for other in config.leave_out:
        path = Path(other).expanduser()
        texts = read_collection(path).values() if path.is_dir() else [one.passage for one in read_positives(path)]
        positives = without(positives, texts)
    return split(positives, config).train


def _read(config: Config, file: str) -> Any:
    return read_json(Path(config.adapter).expanduser() / file) if config.adapter else None
