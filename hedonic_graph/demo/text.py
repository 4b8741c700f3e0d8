"""Queries and passages from the language reference that comes with Python.

Passages are runs of words of ``pydoc_data.topics``. A query is a run of consecutive words from its passage,
a run from another passage, or one of each, so that the share of query terms that the passage covers (CQTR)
varies from none to all.
"""

import random
import re
from pydoc_data.topics import topics
from typing import Literal

from hedonic_graph.text.pairs import Pair

PASSAGE_WORDS = 40
QUERY_WORDS = (3, 7)
_LETTERS = re.compile(r"[A-Za-z]{2,}")

Split = Literal["train", "held-out"]


def passages(split: Split) -> list[tuple[str, str]]:
    """(identifier, passage) of every topic of one split.

    Every fifth topic by name is held out. Topics quote each other at length, so a training passage that
    shares eight words in a row with a held-out topic is left out.
    """
    names = sorted(topics)
    held_out = names[::5]
    if split == "held-out":
        return [cut for name in held_out for cut in _cut(name)]
    secret = {run for name in held_out for run in _shingles(topics[name])}
    return [cut for name in names if name not in held_out for cut in _cut(name) if secret.isdisjoint(_shingles(cut[1]))]


def _cut(name: str) -> list[tuple[str, str]]:
    words = topics[name].split()
    starts = range(0, len(words) - PASSAGE_WORDS // 2, PASSAGE_WORDS)
    return [(f"{name}:{start}", " ".join(words[start : start + PASSAGE_WORDS])) for start in starts]


def _shingles(text: str, length: int = 8) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


def pairs(count: int, *, split: Split, seed: int) -> list[Pair]:
    """Draw ``count`` pairs of one split, reproducible from ``seed``."""
    draw = random.Random(seed)
    pool = passages(split)
    return [_pair(draw, pool) for _ in range(count)]


def _pair(draw: random.Random, pool: list[tuple[str, str]]) -> Pair:
    (own_id, own), (_, other) = draw.sample(pool, 2)
    length = draw.randint(*QUERY_WORDS)
    inside = draw.choice((0, length, draw.randint(1, length - 1)))
    runs = [_run(draw, own, inside), _run(draw, other, length - inside)]
    draw.shuffle(runs)
    return Pair(query=" ".join(run for run in runs if run), passage=own, docid=own_id)


def _run(draw: random.Random, passage: str, length: int) -> str:
    words = [word for word in passage.split() if _LETTERS.search(word)] or passage.split()
    start = draw.randint(0, max(len(words) - length, 0))
    return " ".join(words[start : start + length])
