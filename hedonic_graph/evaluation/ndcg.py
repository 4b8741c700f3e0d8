"""nDCG@k as trec_eval computes it, for many score vectors over the same passages at once (DESIGN §3.7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hedonic_graph.errors import UserError

Gain = Literal["linear", "exponential"]
Qrels = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, eq=False)
class Ranking:
    """Passages to be ranked for Q judged queries, with their gains; :meth:`of` builds it."""

    queries: tuple[str, ...]
    """The queries that are both asked and judged, in the order in which they are asked."""
    pairs: np.ndarray
    """The asked pair at each place, int64 [Q, D], passages with larger ids first; -1 where a query has fewer than D."""
    gains: np.ndarray
    """Of the passage at each place, float64 [Q, D]; 0 where nobody judged it."""
    ideal: np.ndarray
    """Gains of each query's best k judged passages, asked or not, best first: float64 [Q, k]."""

    @classmethod
    def of(
        cls, qids: Sequence[str], docids: Sequence[str], qrels: Qrels, *, k: int = 10, gain: Gain = "linear"
    ) -> "Ranking":
        """Prepare pairs (``qids[i]``, ``docids[i]``) for scoring by ``qrels`` (grade by query and passage).

        A passage without a grade counts as grade 0. Queries without any judgement are left out, as in
        trec_eval; UserError where that leaves none. ``gain`` is the grade itself (``linear``, trec_eval's) or
        2^grade - 1 (``exponential``, the paper's).
        """
        asked: dict[str, dict[str, int]] = {}
        for place, (qid, docid) in enumerate(zip(qids, docids, strict=True)):
            if asked.setdefault(qid, {}).setdefault(docid, place) != place:
                raise UserError(f"passage {docid} stands twice for query {qid}")
        queries = tuple(qid for qid in asked if qrels.get(qid))
        if not queries:
            raise UserError(
                f"none of the {len(asked)} queries of the run has a judgement: do run and qrels belong together?"
            )
        width = max(len(asked[qid]) for qid in queries)
        pairs, gains = np.full((len(queries), width), -1), np.zeros((len(queries), width))
        ideal = np.zeros((len(queries), k))
        for row, qid in enumerate(queries):
            found = sorted(asked[qid].items(), reverse=True)
            pairs[row, : len(found)] = [place for _, place in found]
            gains[row, : len(found)] = _gains([qrels[qid].get(docid, 0) for docid, _ in found], gain)
            best = _gains(sorted(qrels[qid].values(), reverse=True)[:k], gain)
            ideal[row, : len(best)] = best
        return cls(queries, pairs, gains, ideal)

    def ndcg(self, scores: np.ndarray) -> np.ndarray:
        """Return nDCG@k of each query, float64 [..., Q], for ``scores`` [..., pairs] in the order of the pairs.

        As in trec_eval scores are compared in float32, equal ones go to the larger passage id (as text) and a
        query without a relevant passage counts 0. UserError where a score is NaN.
        """
        if np.isnan(scores).any():
            raise UserError("a score is NaN: nothing can be ranked by it")
        placed = np.where(self.pairs >= 0, np.asarray(scores, np.float32)[..., self.pairs], -np.inf)
        k = self.ideal.shape[1]
        # Stable, so that passages of equal score stay in the order of the columns.
        order = np.argsort(-placed, axis=-1, kind="stable")[..., :k]
        gains = np.take_along_axis(np.broadcast_to(self.gains, placed.shape), order, axis=-1)
        discount = 1 / np.log2(np.arange(2, k + 2))
        best = self.ideal @ discount
        reached = gains @ discount[: gains.shape[-1]]
        return np.divide(reached, best, out=np.zeros_like(reached), where=np.broadcast_to(best > 0, reached.shape))


def ndcg(
    run: Mapping[str, Mapping[str, float]], qrels: Qrels, *, k: int = 10, gain: Gain = "linear"
) -> dict[str, float]:
    """Return nDCG@k of each query that ``run`` (score by query and passage) and ``qrels`` both have.

    See :class:`Ranking` for ties, unjudged passages and errors.
    """
    pairs = [(qid, docid, score) for qid, scored in run.items() for docid, score in scored.items()]
    ranking = Ranking.of([qid for qid, _, _ in pairs], [docid for _, docid, _ in pairs], qrels, k=k, gain=gain)
    values = ranking.ndcg(np.array([score for _, _, score in pairs]))
    return dict(zip(ranking.queries, values.tolist(), strict=True))


def by_rank(run: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """Return scores that keep the order of a run (passages of each query, the first one best).

    A run's own scores are often rounded, so that ties hide the order that its ranks show.
    """
    return {qid: {docid: -float(rank) for rank, docid in enumerate(docids)} for qid, docids in run.items()}


def _gains(grades: Sequence[int], gain: Gain) -> np.ndarray:
    # trec_eval gives nothing for grades below 0 either.
    linear = np.maximum(np.asarray(grades, dtype=np.float64), 0)
    return linear if gain == "linear" else np.exp2(linear) - 1
