"""How much worse a metric gets when a group of neurons goes back to its base weights (DESIGN §3.7, Table 1).

A metric is a mean over queries, or over the examples of queries; every interval resamples whole queries.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.ndcg import Gain, Qrels, Ranking

if TYPE_CHECKING:
    import pandas as pd

INTERVAL = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class Measure:
    """A metric of scores: larger is better."""

    name: str
    """As the manifest has it: ``-mse`` or ``ndcg@10``."""
    examples: int
    """How many scores it takes, B."""
    queries: tuple[str, ...]
    """The Q queries that are resampled."""
    weights: np.ndarray
    """How much each query counts, float64 [Q]: its examples, or 1."""
    each: Callable[[np.ndarray], np.ndarray]
    """From scores [..., B] to each query's part [..., Q]: the metric is their sum over the sum of the weights."""

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """The metric [...] of scores [..., B]; raises UserError for another number of them, or what is not finite."""
        return self.parts(scores).sum(-1) / self.weights.sum()

    def parts(self, scores: np.ndarray) -> np.ndarray:
        """:attr:`each` of scores that were checked."""
        if scores.shape[-1] != self.examples:
            raise UserError(f"there are scores of {scores.shape[-1]} examples, and {self.examples} that are judged")
        if not np.isfinite(scores).all():
            raise UserError("the scores hold values that are not finite (NaN or infinite)")
        return self.each(np.asarray(scores, np.float64))


def squared_error(labels: np.ndarray, queries: Sequence[str]) -> Measure:
    """Return minus the mean squared error against ``labels`` [B] of examples of the ``queries`` [B].

    Raises UserError where these do not fit, there are none, or a label is not finite.
    """
    wanted = np.asarray(labels, np.float64)
    if wanted.shape != (len(queries),) or not len(queries):
        raise UserError(f"there are {wanted.size} labels and queries of {len(queries)} examples")
    if not np.isfinite(wanted).all():
        raise UserError("the labels hold values that are not finite (NaN or infinite)")
    distinct, query, counts = np.unique(np.asarray(queries), return_inverse=True, return_counts=True)
    order, starts = np.argsort(query, kind="stable"), np.cumsum(counts) - counts

    def each(scores: np.ndarray) -> np.ndarray:
        return -np.add.reduceat(((scores - wanted) ** 2)[..., order], starts, axis=-1)

    return Measure("-mse", len(wanted), tuple(map(str, distinct)), counts.astype(np.float64), each)


def ranked(qids: Sequence[str], docids: Sequence[str], qrels: Qrels, *, k: int = 10, gain: Gain = "linear") -> Measure:
    """Return nDCG@k of the pairs (``qids[i]``, ``docids[i]``), the mean over judged queries; see :class:`Ranking`."""
    ranking = Ranking.of(qids, docids, qrels, k=k, gain=gain)
    return Measure(f"ndcg@{k}", len(qids), ranking.queries, np.ones(len(ranking.queries)), ranking.ndcg)


@dataclass(frozen=True, eq=False)
class Drops:
    """What ablating each of G groups takes off a metric: metric(full) - metric(ablated)."""

    parts: np.ndarray
    """Of each group and query, float64 [G, Q]."""
    weights: np.ndarray
    """How much each query counts, float64 [Q]: a group's drop is the sum of its parts over the sum of these."""

    @classmethod
    def of(cls, whole: np.ndarray, ablated: np.ndarray, measure: Measure) -> "Drops":
        """From the scores of the full model [B] and of the ablated ones [G, B]; UserError where they do not fit."""
        if ablated.ndim != 2:
            raise UserError(f"scores of ablated models must be [groups, examples], not {list(ablated.shape)}")
        return cls(measure.parts(whole) - measure.parts(ablated), measure.weights)

    @property
    def values(self) -> np.ndarray:
        """The drop of each group, [G]."""
        return self.parts.sum(1) / self.weights.sum()

    def resampled(self, resamples: int = 1000, seed: int = 0) -> np.ndarray:
        """Drops [G, resamples] when queries are drawn anew, with replacement.

        All groups see the same queries, whoever calls with the same ``seed`` and as many queries: differences between
        groups, and between methods, are paired.
        """
        count = len(self.weights)
        drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
        return self.parts @ drawn.T / (drawn @ self.weights)

    def table(self, resamples: int = 1000, seed: int = 0) -> "pd.DataFrame":
        """A row per group: ``drop``, and ``low`` to ``high``, its 95 % interval over queries."""
        import pandas as pd

        low, high = np.quantile(self.resampled(resamples, seed), INTERVAL, axis=1)
        return pd.DataFrame({"drop": self.values, "low": low, "high": high})


def drops(
    whole: np.ndarray, ablated: np.ndarray, measure: Measure, *, resamples: int = 1000, seed: int = 0
) -> "pd.DataFrame":
    """Return ``drop``, ``low`` and ``high`` of each group: :meth:`Drops.table` of :meth:`Drops.of`."""
    return Drops.of(whole, ablated, measure).table(resamples, seed)
