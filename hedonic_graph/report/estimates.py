"""Means over coalitions with their 95 % intervals, plain and at equal size, and differences of two methods.

The error of a mean has two parts. Between coalitions: how far they scatter inside their stratum, or, where that is
more, how far the means of the seeds scatter. Over examples: the mean of the coalitions' own standard errors, as
all of them rest on the same examples. Differences take the parts of both methods as independent, which can only
widen the interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# Half of a 95 % interval, in standard errors.
Z = 1.959964

CLASSES = 64
"""More than there are size classes: no layer has 2^64 neurons."""


@dataclass(frozen=True)
class Estimate:
    """A mean or a difference of means; what cannot be told is NaN."""

    mean: float
    error: float
    """Standard error; NaN with fewer than two coalitions to tell it from."""
    coalitions: int
    seeds: int
    cells: int
    """Size classes by layer that it is averaged over; 0 for a plain mean."""

    @property
    def half(self) -> float:
        """Half width of the 95 % interval."""
        return Z * self.error

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.mean - self.half

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.mean + self.half

    def power(self, size: float) -> float:
        """Chance that a true difference of ``size`` would have its interval on its own side of zero."""
        if math.isnan(self.error) or math.isnan(size):
            return 0.0
        if self.error == 0:
            return float(size != 0)
        return 0.5 * math.erfc((Z - abs(size) / self.error) / math.sqrt(2))

    def numbers(self) -> dict[str, float | int]:
        """What a verdict rests on."""
        return {"difference": self.mean, "low": self.low, "high": self.high, "coalitions": self.coalitions}


NOTHING = Estimate(math.nan, math.nan, 0, 0, 0)


def plain(rows: "pd.DataFrame", value: str) -> Estimate:
    """Return the mean over all coalitions of a run and layer, averaged over layers and runs: as the paper's tables."""
    rows = rows[rows[value].notna()]
    if rows.empty:
        return NOTHING
    within = rows.groupby("stratum")["weight"].transform("sum")
    weights = rows["weight"] / within / rows["stratum"].nunique()
    return _estimate(rows, value, weights.to_numpy(), rows["stratum"].to_numpy(), cells=0)


def equal(rows: "pd.DataFrame", value: str, cells: np.ndarray) -> Estimate:
    """Return the mean over coalitions of each of the ``cells`` of :func:`shared_cells`, averaged over cells."""
    rows = rows[rows[value].notna()]
    rows = rows[np.isin(_cells(rows), cells)]
    if rows.empty:
        return NOTHING
    found, number, counts = np.unique(_cells(rows), return_inverse=True, return_counts=True)
    return _estimate(rows, value, 1 / counts[number] / len(found), number, cells=len(found))


def shared_cells(methods: Sequence["pd.DataFrame"], value: str) -> np.ndarray:
    """Return the size classes, by layer, that every one of the ``methods`` of a model has coalitions of: int64.

    A cell is ``CLASSES`` times the layer plus the class.
    """
    cells = _cells(methods[0][methods[0][value].notna()])
    for rows in methods[1:]:
        cells = np.intersect1d(cells, _cells(rows[rows[value].notna()]))
    return np.unique(cells)


def _cells(rows: "pd.DataFrame") -> np.ndarray:
    cells: np.ndarray = rows["layer"].to_numpy(np.int64) * CLASSES + rows["size_class"].to_numpy(np.int64)
    return cells


def difference(one: Estimate, other: Estimate, *, times: float = 1.0) -> Estimate:
    """Return ``one`` minus ``times`` the ``other``."""
    return Estimate(
        mean=one.mean - times * other.mean,
        error=math.hypot(one.error, times * other.error),
        coalitions=min(one.coalitions, other.coalitions),
        seeds=min(one.seeds, other.seeds),
        cells=min(one.cells, other.cells),
    )


def at_equal_size(one: "pd.DataFrame", other: "pd.DataFrame", value: str) -> tuple[Estimate, Estimate]:
    """Return the means of two methods over the size classes, by layer, that both have."""
    cells = shared_cells([one, other], value)
    return equal(one, value, cells), equal(other, value, cells)


def _estimate(rows: "pd.DataFrame", value: str, weights: np.ndarray, group: np.ndarray, *, cells: int) -> Estimate:
    import pandas as pd

    values, errors = rows[value].to_numpy(np.float64), rows["error"].to_numpy(np.float64)
    number, _ = pd.factorize(group)
    counts = np.bincount(number)
    centred = values - (np.bincount(number, values) / counts)[number]
    # A stratum of one says nothing of its scatter: it has that of the others.
    squares = np.bincount(number, centred**2)
    several = counts > 1
    variance = np.full(len(counts), np.nan)
    variance[several] = squares[several] / (counts[several] - 1)
    variance[~several] = variance[several].mean() if several.any() else np.nan
    between = float((weights**2 * variance[number]).sum())
    seeds = pd.DataFrame({"seed": rows["seed"].to_numpy(), "weight": weights, "part": weights * values})
    totals = seeds.groupby("seed")[["weight", "part"]].sum()
    if len(totals) > 1:
        over_seeds = float((totals["part"] / totals["weight"]).var() / len(totals))
        between = over_seeds if math.isnan(between) else max(between, over_seeds)
    examples = float((weights * errors).sum())
    return Estimate(
        mean=float((weights * values).sum()),
        error=math.sqrt(between + examples**2),
        coalitions=len(rows),
        seeds=len(totals),
        cells=cells,
    )
