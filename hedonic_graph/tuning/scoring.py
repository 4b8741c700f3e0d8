"""What an adapter has come to beside what needs no adapter, and the table of both (the paper's Tables 4 and 5)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hedonic_graph.tuning.examples import Example
from hedonic_graph.tuning.judging import Judged, Measures
from hedonic_graph.tuning.mining import Bm25

Rows = dict[str, Measures]
"""Measures by who made the scores."""

_COLUMNS = {
    "mse": ("MSE", "{:.5f}"),
    "r2": ("R2", "{:.3f}"),
    "loss": ("loss", "{:.4f}"),
    "ndcg@10": ("nDCG@10", "{:.4f}"),
    "ndcg@10 exponential": ("nDCG@10, gain 2^rel-1", "{:.4f}"),
}
"""Heading and form of each measure."""


def baselines(judged: Judged, train: Sequence[Example], *, ranks: bool) -> Rows:
    """Measures of what has read no more than the training labels and word counts.

    ``mean`` predicts the mean training label, ``bm25`` the straight line through BM25 that fits the training
    examples best. Where passages are to be ranked, it is BM25 itself, and the order that the text came in
    stands in its place where it has one. Statistics of BM25 are those of the training passages.
    """
    if judged.order:
        name, scores = judged.order
        return {f"order of {name}": judged.measure(scores)}
    bm25 = Bm25(list(dict.fromkeys(passage for one in train for passage in one.passages)))
    found = bm25.scores(judged.queries, judged.passages)
    if ranks:
        return {"bm25": judged.measure(found)}
    labels = np.array([one.labels[0] for one in train])
    seen = bm25.scores([one.query for one in train], [one.passages[0] for one in train])
    slope, height = np.polyfit(seen, labels, 1) if seen.std() else (0.0, labels.mean())
    return {
        "mean of the training labels": judged.measure(np.full(len(found), labels.mean())),
        "bm25, fitted": judged.measure(slope * found + height),
    }


def table(scores: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Column names and cells of the scores that :func:`hedonic_graph.tuning.finetune.finetune` gives."""
    used = [key for key in _COLUMNS if any(key in row for text in scores["texts"] for row in text["rows"].values())]
    cells = [
        [text["name"], text["prompts"], who, *(_shown(row, key) for key in used)]
        for text in scores["texts"]
        for who, row in text["rows"].items()
    ]
    return ["text", "pairs", "scores of", *(_COLUMNS[key][0] for key in used)], cells


def _shown(row: Measures, key: str) -> str | None:
    return _COLUMNS[key][1].format(row[key]) if key in row else None
