"""How good scores are: mean squared error and R^2 in the term tasks, nDCG@10 in ``rm``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.ndcg import Ranking
from hedonic_graph.text import trec
from hedonic_graph.text.pairs import Pair, load_pairs
from hedonic_graph.tuning.config import EvaluationConfig, TuningConfig
from hedonic_graph.tuning.encode import Encoded, tokens_of
from hedonic_graph.tuning.examples import LABELS
from hedonic_graph.tuning.losses import loss_of

Measures = dict[str, float]
_CUT = 10


@dataclass(frozen=True)
class Judged:
    """N prompts, and what is known of them that says how good N scores are."""

    name: str
    queries: tuple[str, ...]
    passages: tuple[str, ...]
    prompts: tuple[list[int], ...]
    measure: Callable[[np.ndarray], Measures]
    """Scores [N] in the labels' own unit to ``mse`` and ``r2``, or to ``ndcg@10`` and ``ndcg@10 exponential`` (by
    gain, DESIGN §3.7) and, of examples, ``loss``."""
    order: tuple[str, np.ndarray] | None = None
    """Name and scores [N] of the ranking that the prompts came in."""


def loss_in(measures: Measures) -> float:
    """What training makes small, as it is measured."""
    return measures["loss"] if "loss" in measures else measures["mse"]


def metric_in(measures: Measures) -> float:
    """What is reported: R^2 or nDCG@10."""
    return measures["r2"] if "r2" in measures else measures["ndcg@10"]


def held_out(examples: Sequence[Encoded], config: TuningConfig) -> Judged:
    """Examples of the held-out queries."""
    plain = [one.example for one in examples]
    labels = np.array([one.labels for one in plain])
    if config.ranks:
        measure = _ranked(labels, config.loss)
    else:
        measure = _predicted(labels[:, 0])
    return Judged(
        "held-out queries",
        tuple(one.query for one in plain for _ in one.passages),
        tuple(passage for one in plain for passage in one.passages),
        tuple(prompt for one in examples for prompt in one.prompts),
        measure,
    )


def read_text(evaluation: EvaluationConfig, task: str, prompt: str) -> "Text":
    """Read the text to score on; raises UserError where it is not there or lacks judgements that ``rm`` needs."""
    folder = Path(evaluation.text)
    chosen = {name: getattr(evaluation, name) for name in ("run", "depth", "sample", "first")}
    pairs = load_pairs(folder, **chosen, seed=evaluation.text_seed)
    qrels = None
    if task == "rm":
        if not folder.is_dir():
            raise UserError(f"rm is scored by judgements: {folder} must be a folder of TREC files with qrels.txt")
        qrels = trec.read_qrels(folder / "qrels.txt")
    return Text(evaluation, task, prompt, pairs, qrels)


@dataclass(frozen=True)
class Text:
    """An evaluation text before it is tokenised."""

    evaluation: EvaluationConfig
    task: str
    prompt: str
    pairs: list[Pair]
    qrels: dict[str, dict[str, int]] | None

    def judged(self, tokenizer: Any) -> Judged:
        """Tokenise it; long prompts lose their end."""
        prompts = tokens_of([pair.fill(self.prompt) for pair in self.pairs], tokenizer)
        order = None
        if self.qrels is None:
            label = LABELS[self.task]
            measure = _predicted(np.array([label(pair.query, pair.passage) for pair in self.pairs]))
        else:
            measure = self._judgements(self.qrels)
            name = self.evaluation.run or "the only run"
            order = (name, -np.arange(len(self.pairs), dtype=np.float64))
        return Judged(
            Path(self.evaluation.text).resolve().name,
            tuple(pair.query for pair in self.pairs),
            tuple(pair.passage for pair in self.pairs),
            tuple(prompt[: self.evaluation.max_tokens] for prompt in prompts),
            measure,
            order,
        )

    def _judgements(self, qrels: dict[str, dict[str, int]]) -> Callable[[np.ndarray], Measures]:
        qids, docids = [str(pair.qid) for pair in self.pairs], [str(pair.docid) for pair in self.pairs]
        linear, exponential = (Ranking.of(qids, docids, qrels, k=_CUT, gain=gain) for gain in ("linear", "exponential"))

        def measure(scores: np.ndarray) -> Measures:
            return {
                f"ndcg@{_CUT}": float(linear.ndcg(scores).mean()),
                f"ndcg@{_CUT} exponential": float(exponential.ndcg(scores).mean()),
            }

        return measure


def _predicted(labels: np.ndarray) -> Callable[[np.ndarray], Measures]:
    def measure(scores: np.ndarray) -> Measures:
        error, spread = float(np.square(scores - labels).mean()), float(labels.var())
        return {"mse": error, "r2": 1 - error / spread if spread else float("nan")}

    return measure


def _ranked(labels: np.ndarray, loss: str) -> Callable[[np.ndarray], Measures]:
    """Measures of groups of passages, ``labels`` [E, P]."""
    each = loss_of("rm", loss)
    qids = [str(row) for row, line in enumerate(labels) for _ in line]
    # trec_eval's rule gives ties to the larger id, and the positive comes first: ties are never to its advantage.
    docids = [f"{place:09}" for line in labels for place in range(len(line))]
    grades = [int(one) for one in labels.ravel()]
    qrels: dict[str, dict[str, int]] = {}
    for qid, docid, grade in zip(qids, docids, grades, strict=True):
        qrels.setdefault(qid, {})[docid] = grade
    ranking = Ranking.of(qids, docids, qrels, k=_CUT)

    def measure(scores: np.ndarray) -> Measures:
        rows = torch.from_numpy(scores.reshape(labels.shape))
        value = float(each(rows, torch.from_numpy(labels)).mean())
        return {"loss": value, f"ndcg@{_CUT}": float(ranking.ndcg(scores).mean())}

    return measure
