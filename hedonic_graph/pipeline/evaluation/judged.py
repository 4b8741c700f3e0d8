"""What is known of the analysed pairs that says how good a score is: labels of the task, or judgements."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hedonic_graph.errors import UserError
from hedonic_graph.pipeline.evaluation.work import Work
from hedonic_graph.text import trec
from hedonic_graph.text.pairs import load_qrels
from hedonic_graph.tuning.examples import LABELS


@dataclass(frozen=True, eq=False)
class Judged:
    """The pairs of an analysis under one task."""

    task: str
    labels: np.ndarray
    """What each pair should score, float64 [B]: the term task's label, or its grade; NaN where nobody judged it."""
    qrels: dict[str, dict[str, int]] | None
    """Judgements, of ``rm``."""

    @property
    def known(self) -> np.ndarray:
        """Which pairs have a label, bool [B]."""
        return np.isfinite(self.labels)


def read_judged(work: Work) -> Judged:
    """Read or compute the labels; raises UserError where no task is known, or nobody judged any of the pairs."""
    task = work.task
    if task is None:
        raise UserError(
            "no task is known of this analysis: say what the adapter was tuned for with --task (cqtr, mean-tf-l or rm)"
        )
    if task != "rm":
        label = LABELS[task]
        return Judged(task, np.array([label(pair.query, pair.passage) for pair in work.pairs]), None)
    qrels = _read_qrels(work)
    grades = [qrels.get(str(pair.qid), {}).get(str(pair.docid)) for pair in work.pairs]
    labels = np.array([np.nan if grade is None else float(grade) for grade in grades])
    if not np.isfinite(labels).any():
        raise UserError(
            f"none of the {len(labels)} pairs of the analysis is judged: do its text and the judgements belong "
            "together? (--qrels FILE)"
        )
    return Judged(task, labels, qrels)


def _read_qrels(work: Work) -> dict[str, dict[str, int]]:
    if work.options.qrels is not None:
        return trec.read_qrels(Path(work.options.qrels).expanduser())
    text = Path(work.config.text).expanduser()
    if text.is_dir() and not (text / "qrels.txt").is_file():
        raise UserError(f"rm is evaluated by judgements: {text} has no qrels.txt; give --qrels FILE")
    return load_qrels(text)
