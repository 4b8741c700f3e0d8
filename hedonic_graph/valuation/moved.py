"""Numbers that a step moves, and exact arithmetic with how far."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moved:
    """Numbers ``at`` a point and how far a step moves them, ``by``; the two broadcast.

    A small ``by`` keeps all its digits: it is never found as the difference of two large numbers. What is not
    Moved does not move.
    """

    at: Tensor
    by: Tensor

    def __add__(self, other: "Moved | Tensor | float") -> "Moved":
        if isinstance(other, Moved):
            return Moved(self.at + other.at, self.by + other.by)
        return Moved(self.at + other, self.by)

    def __mul__(self, other: "Moved | Tensor | float") -> "Moved":
        if isinstance(other, Moved):
            return Moved(self.at * other.at, self.by * (other.at + other.by) + self.at * other.by)
        return Moved(self.at * other, self.by * other)

    def rsqrt(self) -> "Moved":
        """One over the square root."""
        before, behind = self.at.sqrt(), (self.at + self.by).sqrt()
        return Moved(1 / before, -self.by / (before * behind * (before + behind)))

    def tanh(self) -> "Moved":
        """The hyperbolic tangent."""
        before, behind = torch.tanh(self.at), torch.tanh(self.at + self.by)
        return Moved(before, torch.tanh(self.by) * (1 - before * behind))
