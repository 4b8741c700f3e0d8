"""Streaming mean and co-moments of activations, accurate for large means."""

from dataclasses import dataclass

import torch
from torch import Tensor


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
    def of(cls, rows: Tensor) -> "Moments":
        """Moments of ``rows`` [m, n]."""
        moments = cls.empty(rows.shape[1], rows.device)
        moments.add(rows)
        return moments

    def add(self, rows: Tensor) -> None:
        """Take in ``rows`` [m, n]."""
        fresh = len(rows)
        if not fresh:
            return
        mean = rows.mean(0)
        centred = rows - mean
        step = mean - self.mean
        total = self.count + fresh
        self.comoment.addmm_(centred.T, centred)
        self.comoment.addr_(step, step, alpha=self.count * fresh / total)
        self.mean += step * (fresh / total)
        self.count = total
