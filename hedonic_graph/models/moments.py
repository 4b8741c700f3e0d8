"""Streaming mean and co-moments of activations, accurate for large means."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hedonic_graph.blocks import mirrored, upper

_BLOCK = 2048
"""Rows of co-moments that are multiplied at a time."""


@dataclass
class Moments:
    """Count, mean and centred co-moments of rows seen so far (Chan, Golub and LeVeque's pairwise update).

    Each chunk is centred on its own mean before it is multiplied, so a mean much larger than the spread
    costs no digits.
    """

    count: int
    mean: Tensor
    """[n]"""
    comoment: Tensor
    """[n, n]: sum over rows of the products of deviations from the mean"""

    @classmethod
    def empty(cls, n: int, device: torch.device | str = "cpu") -> "Moments":
        """Moments of no rows."""
        return cls(0, torch.zeros(n, device=device), torch.zeros(n, n, device=device))

    @classmethod
    def of(cls, rows: Tensor, times: Tensor | None = None) -> "Moments":
        """Moments of ``rows`` [m, n], each of them seen ``times`` [m] (whole numbers), once by default."""
        moments = cls.empty(rows.shape[1], rows.device)
        moments.add(rows, times)
        return moments

    def add(self, rows: Tensor, times: Tensor | None = None) -> None:
        """Take in ``rows`` [m, n], each of them ``times`` [m] (whole numbers), once by default."""
        fresh = len(rows) if times is None else int(times.sum())
        if not fresh:
            return
        weighed = rows if times is None else rows * times[:, None]
        mean = weighed.sum(0) / fresh
        centred = rows - mean
        weighed = centred if times is None else centred * times[:, None]
        for above, rest in upper(len(mean), _BLOCK):
            self.comoment[above, rest].addmm_(weighed[:, above].T, centred[:, rest])
        mirrored(self.comoment)
        self._shift(fresh, mean)

    def merge(self, other: "Moments") -> None:
        """Take in all that ``other`` has seen."""
        if other.count:
            self.comoment += other.comoment
            self._shift(other.count, other.mean)

    def _shift(self, fresh: int, mean: Tensor) -> None:
        """Centre on the common mean what was summed around two."""
        step = mean - self.mean
        total = self.count + fresh
        self.comoment.addr_(step, step, alpha=self.count * fresh / total)
        self.mean += step * (fresh / total)
        self.count = total
