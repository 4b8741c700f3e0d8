"""Examples of a task, built from queries and the passages that answer them."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hedonic_graph.errors import UserError
from hedonic_graph.text.labels import covered_query_term_ratio, mean_tf_per_length
from hedonic_graph.text.positives import Positive
from hedonic_graph.tuning.config import TuningConfig
from hedonic_graph.tuning.mining import Bm25

LABELS: dict[str, Callable[[str, str], float]] = {"cqtr": covered_query_term_ratio, "mean-tf-l": mean_tf_per_length}
"""The label of a query and a passage in each term task."""


@dataclass(frozen=True)
class Example:
    """A query and the passages that are scored together: one in a term task, several in ``rm``."""

    query: str
    passages: tuple[str, ...]
    labels: tuple[float, ...]
    """What each passage should score; in ``rm`` 1 for the positive, which comes first, and 0 for the others."""


@dataclass(frozen=True)
class Split:
    """Positives to train on and positives to evaluate on; they share no query and no passage."""

    train: list[Positive]
    held_out: list[Positive]


def split(positives: Sequence[Positive], config: TuningConfig) -> Split:
    """Hold ``config.held_out`` queries out, drawn by the seed; those with the same passage stay together.

    Raises UserError where fewer than twice as many queries are there.
    """
    needed = max(2 * config.held_out, config.held_out + 2)
    if len(positives) < needed:
        raise UserError(
            f"{len(positives)} queries are too few to hold {config.held_out} out: give more text, or a smaller "
            "--held-out"
        )
    order = list(range(len(positives)))
    random.Random(f"split {config.seed}").shuffle(order)
    chosen = set(order[: config.held_out])
    passages = {positives[number].passage for number in chosen}
    held_out = [positives[number] for number in sorted(chosen)]
    train = [one for number, one in enumerate(positives) if number not in chosen and one.passage not in passages]
    return Split(train, held_out)


def build(positives: Sequence[Positive], config: TuningConfig) -> list[Example]:
    """Examples of each query: with its own positive, and with other queries' positives, near ones and any.

    In a term task also each positive under ``config.blends`` queries of which some words are another query's.

    Other passages are always positives of the same text: passages from elsewhere have another format
    (no page title), by which a model could tell them without reading. Raises UserError for labels that never
    vary and for too few passages to draw from.
    """
    pool = list(dict.fromkeys(one.passage for one in positives))
    wanted = config.negatives if config.ranks else config.others
    if len(pool) <= wanted:
        raise UserError(f"{len(pool)} different passages are too few to draw {wanted} others for each query")
    near = Bm25(pool).nearest([one.query for one in positives], config.near + 1)
    draw = random.Random(f"examples {config.seed}")
    label = None if config.ranks else LABELS[config.task]
    examples: list[Example] = []
    for positive, nearest in zip(positives, near, strict=True):
        close = [pool[place] for place in nearest if pool[place] != positive.passage][: config.near]
        drawn = _draw(draw, pool, close, positive.passage, wanted, all_near=config.ranks)
        passages = (positive.passage, *drawn)
        if label is None:
            examples.append(Example(positive.query, passages, (1.0, *[0.0] * len(drawn))))
        else:
            asked = [(positive.query, one) for one in passages]
            for _ in range(config.blends):
                asked.append((_blend(draw, positive, draw.choice(positives).query), positive.passage))
            examples += [Example(query, (one,), (label(query, one),)) for query, one in asked]
    if len({one for example in examples for one in example.labels}) < 2:
        raise UserError(f"the {config.task} label is {examples[0].labels[0]:g} for every example: nothing to learn")
    return examples


def shuffled(examples: Sequence[Example], seed: int) -> list[Example]:
    """The same examples with their labels permuted: among all of a term task, within each query in ``rm``."""
    draw = random.Random(f"shuffle {seed}")
    if len(examples[0].labels) > 1:
        return [replace(one, labels=tuple(draw.sample(one.labels, len(one.labels)))) for one in examples]
    labels = [one.labels for one in examples]
    draw.shuffle(labels)
    return [replace(one, labels=other) for one, other in zip(examples, labels, strict=True)]


def _blend(draw: random.Random, own: Positive, strange: str) -> str:
    """Words of ``own``, its query's or a run of its passage's, any number of them replaced by words of ``strange``."""
    words = own.query.split()
    if draw.random() < 0.5:
        passage = own.passage.split()
        start = draw.randint(0, max(len(passage) - len(words), 0))
        words = passage[start : start + len(words)]
    for place in draw.sample(range(len(words)), draw.randint(0, len(words))):
        words[place] = draw.choice(strange.split())
    return " ".join(words)


def _draw(
    draw: random.Random, pool: list[str], close: list[str], own: str, wanted: int, *, all_near: bool
) -> list[str]:
    """``wanted`` different passages other than ``own``: near ones as far as there are any, the rest from all."""
    share = wanted if all_near else round(wanted * 2 / 3)
    taken = draw.sample(close, min(share, len(close)))
    seen = {own, *taken}
    while len(taken) < wanted:
        one = draw.choice(pool)
        if one not in seen:
            seen.add(one)
            taken.append(one)
    return taken
