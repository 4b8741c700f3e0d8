"""Methods side by side: differences of means at equal size, and means over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from hedonic_graph.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

Weight = Literal["equal", "coalitions"]

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
    raise NotImplementedError


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
    """
    raise NotImplementedError
