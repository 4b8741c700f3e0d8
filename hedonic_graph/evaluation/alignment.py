"""Alignment of coalitions with features of the text: the best squared correlation, beside chance (DESIGN §3.7)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hedonic_graph.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

# What is left of a column that does not vary is rounding.
_CONSTANT = 1e-10
# Correlations held at once.
_BLOCK = 4_000_000


def align(
    means: np.ndarray,
    features: "pd.DataFrame",
    *,
    permutations: int = 1000,
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> "pd.DataFrame":
    """Return how far each coalition's mean activation follows a feature, and how far the best of them would by chance.

    ``means`` [B, C] (see :func:`~hedonic_graph.evaluation.means.coalition_means`) and ``features`` [B, F] are over
    the same examples. A row per coalition: ``r2``, the largest squared Pearson correlation with a feature;
    ``feature``, its name; ``chance`` and ``chance_95``, mean and 95 % quantile of the same largest value when the
    examples of the features are permuted; ``p``, the share of permutations (the one at hand among them) that reach
    ``r2``. What does not vary correlates 0 with everything; such a coalition has no feature (missing).

    Examples of one query are alike, and more of them say less than they seem to: ``groups`` [B], the query of each
    example, permutes whole queries among those with equally many examples, which is the chance level to trust
    where there are several examples per query. Raises UserError for values that are not finite, and where no two
    queries can change places.
    """
    import pandas as pd

    z, y = _standard(means, features)
    squares = (z.T @ y) ** 2
    r2 = squares.max(1, initial=0)
    random = np.random.default_rng(seed)
    moves = _Moves(len(y), groups)
    by_chance = np.empty((permutations, len(r2)))
    step = max(_BLOCK // max(squares.size, len(y) * y.shape[1], 1), 1)
    for start in range(0, permutations, step):
        moved = np.stack([y[moves.draw(random)] for _ in range(min(step, permutations - start))], axis=1)
        drawn = (z.T @ moved.reshape(len(y), -1)).reshape(len(r2), *moved.shape[1:])
        by_chance[start : start + step] = (drawn**2).max(2, initial=0).T
    # A correlation that a permutation leaves as it is may come out smaller by rounding.
    reached = (by_chance >= r2 * (1 - 1e-9)).sum(0)
    return pd.DataFrame(
        {
            "r2": r2,
            "feature": [
                str(features.columns[best]) if value else None
                for best, value in zip(squares.argmax(1), r2, strict=True)
            ],
            "chance": by_chance.mean(0),
            "chance_95": np.quantile(by_chance, 0.95, axis=0),
            "p": (1 + reached) / (1 + permutations),
        }
    )


def squared_correlations(means: np.ndarray, features: "pd.DataFrame") -> np.ndarray:
    """Return the squared Pearson correlation of each coalition's mean with each feature, float64 [C, F].

    As in :func:`align`, whose ``r2`` is the largest of a row; what does not vary correlates 0.
    """
    z, y = _standard(means, features)
    squares: np.ndarray = (z.T @ y) ** 2
    return squares


def _standard(means: np.ndarray, features: "pd.DataFrame") -> tuple[np.ndarray, np.ndarray]:
    """Check both and return their columns centred and of length 1."""
    columns = features.to_numpy(np.float64)
    if len(means) != len(columns):
        raise UserError(f"there are features of {len(columns)} examples and activations of {len(means)}")
    if not (np.isfinite(means).all() and np.isfinite(columns).all()):
        raise UserError("the means or the features hold values that are not finite (NaN or infinite)")
    return _unit(means), _unit(columns)


def _unit(values: np.ndarray) -> np.ndarray:
    """Centre the columns of ``values`` and scale them to length 1; what does not vary becomes 0."""
    centred = values - values.mean(0)
    lengths = np.linalg.norm(centred, axis=0)
    varies = lengths > _CONSTANT * np.linalg.norm(values, axis=0)
    return np.divide(centred, lengths, out=np.zeros_like(centred), where=varies)


class _Moves:
    """Random permutations of B examples: of single ones, or of whole groups of equally many."""

    def __init__(self, examples: int, groups: Sequence[str] | None) -> None:
        self._examples = examples
        self._classes: list[np.ndarray] = []
        if groups is None:
            self._classes.append(np.arange(examples)[:, None])
            return
        _, group, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
        rows = np.split(np.argsort(group, kind="stable"), np.cumsum(sizes)[:-1])
        for size in np.unique(sizes):
            self._classes.append(np.stack([one for one in rows if len(one) == size]))
        if max(map(len, self._classes)) < 2:
            raise UserError("no two queries have equally many examples: none can change places with another")

    def draw(self, random: np.random.Generator) -> np.ndarray:
        """Return which example stands at each place, int64 [B]."""
        order = np.empty(self._examples, np.int64)
        for rows in self._classes:
            order[rows] = random.permutation(rows)
        return order
