"""Tables 4 and 5: what the adapters have learned, beside what needs no training."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hedonic_graph.analysis import MANIFEST
from hedonic_graph.errors import UserError
from hedonic_graph.report.layout import Measure, Record, Table
from hedonic_graph.report.paper import published
from hedonic_graph.report.sources import paper_task
from hedonic_graph.results import open_results

SCORES = "scores.json"
_WHO = {
    "untrained base": "base",
    "tuned": "tuned",
    "mean of the training labels": "mean",
    "bm25, fitted": "bm25",
    "bm25": "bm25",
}
"""Scores of ``finetune`` by what this table calls them; ``order of NAME`` is the order that the passages came in."""
_HEADINGS = {
    "base": "untrained base",
    "tuned": "tuned",
    "mean": "mean predictor",
    "bm25": "BM25",
    "order": "order of the run",
}
_MEASURES = {4: {"ndcg@10": "ndcg10", "ndcg@10 exponential": "ndcg10_exponential"}, 5: {"mse": "mse"}}


def table(number: int, paths: Sequence[Path], *, paper: bool) -> Table:
    """Return Table 4 (nDCG@10, in ``rm``) or 5 (MSE, in the other tasks) from analyses and folders of adapters.

    Raises UserError for a folder that is neither, or whose adapter has no scores, and where none is of the
    table's tasks.
    """
    scored = [_scores(path) for path in paths]
    found = [record for label, scores in scored for record in _records(number, label, scores)]
    if not found:
        tasks = ", ".join(sorted({paper_task(scores["task"]) for _, scores in scored}))
        other = "Table 5" if number == 4 else "Table 4"
        raise UserError(
            f"Table {number} is of {'RM' if number == 4 else 'CQTR and Mean-TF/L'}, these are of {tasks}: see {other}"
        )
    measures = tuple(
        Measure(
            f"{name}_{who}",
            f"{heading}{', gain 2^rel-1' if 'exponential' in name else ''}",
            ".4f" if number == 4 else ".4g",
        )
        for name in _MEASURES[number].values()
        for who, heading in _HEADINGS.items()
    )
    title = "Table 4: nDCG@10 before and after tuning" if number == 4 else "Table 5: MSE before and after tuning"
    notes = (
        ["the paper's nDCG has the gain 2^rel-1"]
        if number == 4
        else ["the paper does not say in which unit its labels are"]
    )
    return Table(
        title, ("model", "task", "text", "pairs"), (), measures, found + (_paper(number) if paper else []), notes
    )


def _scores(path: Path) -> tuple[str, dict[str, Any]]:
    """Return what the rows of a folder are called, and its scores."""
    if not path.is_dir():
        raise UserError(f"no analysis and no adapter at {path}: no such folder")
    if not (path / MANIFEST).is_file():
        if not (path / SCORES).is_file():
            raise UserError(
                f"{path} is no analysis and no adapter that finetune has scored (no {MANIFEST}, no {SCORES})"
            )
        return path.resolve().name, _read(path / SCORES)
    results = open_results(path)
    scores = results.evaluated.get("adapter_scores")
    model, adapter = results.model, results.config.adapter
    label = f"{model.name} + {model.adapter}" if model.adapter else model.name
    if scores is None and adapter is not None and (Path(adapter).expanduser() / SCORES).is_file():
        scores = _read(Path(adapter).expanduser() / SCORES)
    if scores is None:
        raise UserError(
            f"{path}: its adapter has no scores (no {SCORES} in {adapter or 'any adapter'}): those are made by "
            "`hedonic-graph finetune`, whose folder can be given here too"
        )
    return label, _checked(scores, path)


def _read(path: Path) -> dict[str, Any]:
    try:
        return _checked(json.loads(path.read_text(encoding="utf-8")), path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged: run finetune again") from error


def _checked(scores: Any, path: Path) -> dict[str, Any]:
    try:
        if all(isinstance(text["rows"], dict) for text in scores["texts"]) and isinstance(scores["task"], str):
            return dict(scores)
    except (KeyError, TypeError):
        pass
    raise UserError(f"{path}: the adapter's scores are not those of finetune")


def _records(number: int, label: str, scores: dict[str, Any]) -> Iterator[Record]:
    if (scores["task"] == "rm") != (number == 4):
        return
    for text in scores["texts"]:
        record: Record = {
            "model": label,
            "task": paper_task(scores["task"]),
            "text": text["name"],
            "pairs": text["prompts"],
        }
        for who, row in text["rows"].items():
            for theirs, ours in _MEASURES[number].items():
                if theirs in row:
                    record[f"{ours}_{_WHO.get(who, 'order')}"] = row[theirs]
        yield record


def _paper(number: int) -> list[Record]:
    columns = (
        {"ndcg10_base": "ndcg10_exponential_base", "ndcg10_tuned": "ndcg10_exponential_tuned"}
        if number == 4
        else {"mse_start": "mse_base", "mse_tuned": "mse_tuned"}
    )
    return [
        {
            "model": f"{one['model']} (paper)",
            "task": one["task"],
            **{ours: one[theirs] for theirs, ours in columns.items()},
        }
        for one in published(number).to_dict("records")
    ]
