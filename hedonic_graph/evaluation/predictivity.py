"""Predictivity: how well coalition means foretell the label in another domain (DESIGN §3.7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.means import coalition_means
from hedonic_graph.evaluation.ridge import r2, ridge
from hedonic_graph.game.partition import Partition

if TYPE_CHECKING:
    import pandas as pd

RAW = "raw neurons"
MEAN = "mean"


@dataclass(frozen=True, eq=False)
class Domain:
    """Examples of one domain: B of them, n neurons."""

    activations: np.ndarray
    """Of the layer's neurons at the scored position, [B, n]."""
    labels: np.ndarray
    """What is to be foretold, [B]."""
    queries: Sequence[str]
    """The query of each example, [B]: resampled as a whole."""

    def __post_init__(self) -> None:
        if not len(self.activations) == len(self.labels) == len(self.queries):
            raise UserError(
                f"{len(self.activations)} examples have activations, {len(self.labels)} labels, "
                f"{len(self.queries)} queries"
            )
        if not np.isfinite(self.labels).all():
            raise UserError("the labels hold values that are not finite (NaN or infinite)")
        if np.ptp(self.labels) == 0:
            raise UserError("the labels do not vary: there is nothing to foretell")


def macro_features(partitions: Sequence[Partition], *, min_size: int = 2) -> int:
    """Return how many macro-features every partition can give: coalitions of ``min_size`` or more, the fewest of all.

    Raises UserError where a partition has none.
    """
    count = min(int((partition.sizes >= min_size).sum()) for partition in partitions)
    if count == 0:
        raise UserError(f"a partition has no coalition of {min_size} neurons or more")
    return count


def predictivity(
    train: Domain,
    test: Domain,
    partitions: Mapping[str, Partition],
    *,
    count: int | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> "pd.DataFrame":
    """Return R^2 in the domain ``test`` of ridge fitted in the domain ``train``, a row per method and bound.

    Every method has the same number of macro-features: the means of its ``count`` largest coalitions, by default
    as many as :func:`macro_features` finds. Bounds are ridge on all neurons of the layer (``raw neurons``) and the
    mean of the training labels (``mean``). Columns:

    - ``features``, and ``neurons`` in them
    - ``penalty``, per example, of standardised columns, chosen inside ``train``
    - ``r2`` about the mean of the test labels, and ``low`` to ``high``, its 95 % interval over ``resamples`` of the
      test queries, the same ones for every row: :func:`r2_resamples` of two methods are paired
    - ``correlation`` with the test labels, which a shift between the domains leaves alone
    """
    import pandas as pd

    most = macro_features(list(partitions.values()))
    if count is not None and not 0 < count <= most:
        raise UserError(f"{count} macro-features were asked for; every method has 1 to {most}")
    count = count or most
    rows: list[tuple[str, int, int, float | None, np.ndarray]] = []
    for method, partition in partitions.items():
        one, other = (coalition_means(domain.activations, partition)[:, :count] for domain in (train, test))
        rows.append((method, count, int(partition.sizes[:count].sum()), *_fit(train, one, other)))
    neurons = train.activations.shape[1]
    rows.append((RAW, neurons, neurons, *_fit(train, train.activations, test.activations)))
    rows.append((MEAN, 0, 0, None, np.full(len(test.labels), train.labels.mean())))
    predictions = np.stack([row[-1] for row in rows])
    low, high = np.quantile(r2_resamples(test, predictions, resamples=resamples, seed=seed), (0.025, 0.975), axis=1)
    found = pd.DataFrame([row[:-1] for row in rows], columns=["method", "features", "neurons", "penalty"])
    varies = np.ptp(predictions, axis=1) > 0
    found["r2"] = r2(np.repeat(test.labels[:, None], len(rows), axis=1), predictions.T)
    found["low"], found["high"] = low, high
    found["correlation"] = [
        np.corrcoef(one, test.labels)[0, 1] if some else np.nan for one, some in zip(predictions, varies, strict=True)
    ]
    return found.set_index("method")


def r2_resamples(test: Domain, predictions: np.ndarray, *, resamples: int = 1000, seed: int = 0) -> np.ndarray:
    """Return R^2 of each row of ``predictions`` [methods, B] on bootstrap resamples of the queries.

    The result is [methods, resamples], NaN where a resample's labels do not vary. Resamples hang on ``seed`` alone.
    """
    _, query = np.unique(np.asarray(test.queries), return_inverse=True)
    groups = int(query.max()) + 1

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(query, values, groups)

    labels = np.asarray(test.labels, np.float64)
    labels = labels - labels.mean()
    drawn = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=resamples)
    number, sums, squares = (drawn @ total(values) for values in (np.ones_like(labels), labels, labels**2))
    spread = squares - sums**2 / number
    errors = np.stack([total(error) for error in (predictions - test.labels) ** 2]) @ drawn.T
    return 1 - np.divide(errors, spread, out=np.full_like(errors, np.nan), where=spread > 1e-12 * squares)


def _fit(train: Domain, one: np.ndarray, other: np.ndarray) -> tuple[float, np.ndarray]:
    found = ridge(one, np.asarray(train.labels, np.float64)[:, None], other)
    return float(found.penalties[0]), found.predictions[:, 0]
