"""Methods side by side: differences of means at equal size, and means over seeds (DESIGN §3.7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from hedonic_graph.game.checks import check_at_least, check_choice

if TYPE_CHECKING:
    import pandas as pd

Weight = Literal["equal", "coalitions"]
WEIGHTS = ("equal", "coalitions")

LEAST = 2
"""Fewer coalitions of a class than this say nothing of how they vary."""


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval; NaN where there is nothing to tell it from."""

    mean: float
    low: float
    high: float
    n: int
    """How many values (or seeds) it rests on."""


@dataclass(frozen=True)
class Difference:
    """How far the mean of one method lies above that of another at equal size; NaN where no class is shared."""

    mean: float
    low: float
    """Lower end of the 95 % interval, by bootstrap over coalitions."""
    high: float
    p: float
    """Two-sided, of a permutation test that exchanges coalitions of equal class between the methods."""
    classes: int
    """Classes that both methods have at least ``LEAST`` coalitions of."""
    n: int
    """Coalitions of these classes, of both methods."""

    @property
    def detectable(self) -> float:
        """The true difference that would be told from zero with 80 % power at the 5 % level."""
        # 1.96 + 0.84 standard errors, of which the interval spans 2 * 1.96.
        return (self.high - self.low) / (2 * 1.96) * 2.80


def interval(values: Sequence[float] | np.ndarray, seeds: Sequence[object] | np.ndarray | None = None) -> Interval:
    """Return the mean of ``values`` and its 95 % t interval; over means by seed where ``seeds`` says whose each is.

    NaN values are left out. One value or seed has a mean and no interval.
    """
    from scipy.stats import t

    numbers = np.asarray(values, np.float64)
    known = ~np.isnan(numbers)
    numbers = numbers[known]
    if seeds is not None:
        _, seed = np.unique(np.asarray(seeds)[known], return_inverse=True)
        numbers = np.bincount(seed, numbers) / np.bincount(seed)
    count = len(numbers)
    mean = float(numbers.mean()) if count else np.nan
    half = float(t.ppf(0.975, count - 1) * numbers.std(ddof=1) / count**0.5) if count > 1 else np.nan
    return Interval(mean, mean - half, mean + half, count)


def difference(
    one: "pd.DataFrame",
    other: "pd.DataFrame",
    value: str,
    *,
    by: Sequence[str] = ("size_class",),
    weight: Weight = "equal",
    resamples: int = 10_000,
    seed: int = 0,
) -> Difference:
    """Return the mean of ``value`` of ``one`` minus that of ``other`` (a row per coalition), within classes.

    A class is what shares the columns ``by``: the size class, and the layer or seed too where rows of several stand
    together. The result is the mean over classes of the differences of class means; each class counts once
    (``weight="equal"``) or as the number of its coalitions that the method with fewer has (``"coalitions"``).
    Rows whose value is NaN are left out, and classes that a method has fewer than ``LEAST`` coalitions of.

    ``resamples`` is both the bootstrap's, of coalitions within classes, and the permutation test's.
    """
    check_at_least(1, resamples=resamples)
    check_at_least(0, seed=seed)
    check_choice(WEIGHTS, weight=weight)
    columns = list(by)
    ours, theirs = (
        {key: some.to_numpy(np.float64) for key, some in rows.dropna(subset=[value]).groupby(columns)[value]}
        for rows in (one, other)
    )
    shared = [key for key in ours if key in theirs and min(len(ours[key]), len(theirs[key])) >= LEAST]
    if not shared:
        return Difference(np.nan, np.nan, np.nan, np.nan, 0, 0)
    weights = np.array([1 if weight == "equal" else min(len(ours[key]), len(theirs[key])) for key in shared])
    random = np.random.default_rng(seed)
    mean, resampled, permuted = 0.0, np.zeros(resamples), np.zeros(resamples)
    for share, key in zip(weights / weights.sum(), shared, strict=True):
        a, b = ours[key], theirs[key]
        mean += share * (a.mean() - b.mean())
        resampled += share * (_resampled(a, resamples, random) - _resampled(b, resamples, random))
        permuted += share * _permuted(a, b, resamples, random)
    low, high = np.quantile(resampled, (0.025, 0.975))
    # Equal sums in another order differ by rounding.
    reached = (np.abs(permuted) >= abs(mean) * (1 - 1e-9)).sum()
    return Difference(
        mean=float(mean),
        low=float(low),
        high=float(high),
        p=float((1 + reached) / (1 + resamples)),
        classes=len(shared),
        n=sum(len(ours[key]) + len(theirs[key]) for key in shared),
    )


def _resampled(values: np.ndarray, resamples: int, random: np.random.Generator) -> np.ndarray:
    """Means of bootstrap resamples of ``values`` [m], float64 [resamples]."""
    m = len(values)
    means = random.multinomial(m, np.full(m, 1 / m), size=resamples) @ values / m
    # A resample of m values varies by (m - 1) / m too little, which is half for two of them.
    return values.mean() + (means - values.mean()) * (m / (m - 1)) ** 0.5


def _permuted(a: np.ndarray, b: np.ndarray, resamples: int, random: np.random.Generator) -> np.ndarray:
    """Differences of means when the values change places between ``a`` and ``b``, float64 [resamples]."""
    both = np.concatenate([a, b])
    moved = random.permuted(np.broadcast_to(both, (resamples, len(both))), axis=1)
    return moved[:, : len(a)].mean(1) - moved[:, len(a) :].mean(1)
