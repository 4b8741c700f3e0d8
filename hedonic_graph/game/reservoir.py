"""The reservoir S of sampled coalitions (Algorithm 1, lines 2-7, of the paper; DESIGN §3.5)."""

from collections.abc import Callable
from typing import Literal

import torch

from hedonic_graph.game.sampling import Draw
from hedonic_graph.game.utility import PAD, Utility, coalition_utilities

Retain = Literal["order", "top", "weighted"]
RETAINS = ("order", "top", "weighted")

# Proposals per coalition that "weighted" chooses from.
_OVERSAMPLING = 4

Refill = Callable[[torch.Tensor], torch.Tensor]
"""Takes the players left (int64 [r], ascending); returns newly sampled coalitions, int32 [m, width]."""


class Reservoir:
    """Coalitions in the order they are to be taken.

    A set that is not inside the players left will never be again, so a cursor that passes over it forgets it:
    the array is read once from front to back, and nothing of it is left when a round finds too few.
    """

    def __init__(self, refill: Refill) -> None:
        self._refill = refill
        self._coalitions = torch.empty((0, 0), dtype=torch.int32)
        self._cursor = 0

    def add(self, players: torch.Tensor) -> int:
        """Sample coalitions of ``players`` into the reservoir, which must be spent; return how many."""
        if self._cursor < len(self._coalitions):
            raise RuntimeError("the reservoir still holds coalitions")
        self._coalitions = self._refill(players)
        self._cursor = 0
        return len(self._coalitions)

    def take(self, window: int, alive: torch.Tensor) -> torch.Tensor:
        """Remove and return the first ``window`` coalitions inside ``alive`` (bool [n]), or all there are.

        Fewer than ``window`` means that the reservoir is spent.
        """
        # Padding is -1, which indexes this last, always true, entry.
        inside_or_padding = torch.nn.functional.pad(alive, (0, 1), value=True)
        taken, missing = [self._coalitions[:0]], window
        while missing and self._cursor < len(self._coalitions):
            chunk = self._coalitions[self._cursor : self._cursor + window]
            inside = inside_or_padding[chunk].all(1).nonzero().view(-1)[:missing]
            missing -= len(inside)
            self._cursor += len(chunk) if missing else int(inside[-1]) + 1
            taken.append(chunk[inside])
        return torch.cat(taken)


def refiller(
    draw: Draw,
    retain: Retain,
    samples: int,
    phi: torch.Tensor,
    k: int,
    utility: Utility,
    generator: torch.Generator,
) -> Refill:
    """Return what fills the reservoir with ``samples`` coalitions from ``draw``.

    ``retain="order"`` leaves them as drawn (Algorithm 1). ``"top"`` puts those of largest mean utility first
    (§4 of the paper), equal ones as drawn. ``"weighted"`` draws, with replacement, from 4 * samples proposals
    with probability proportional to the mean utility, never one whose mean utility is not positive (appendix
    B.2); where none is positive the reservoir stays empty.
    """

    def mean_utilities(coalitions: torch.Tensor) -> torch.Tensor:
        blocks = coalitions.split(1 << 17)
        means = [_row_sums(coalition_utilities(phi, block, k, utility)) for block in blocks]
        return torch.cat(means) / (coalitions != PAD).sum(1)

    def top(players: torch.Tensor) -> torch.Tensor:
        coalitions = draw(players, samples)
        return coalitions[mean_utilities(coalitions).argsort(descending=True, stable=True)]

    def weighted(players: torch.Tensor) -> torch.Tensor:
        coalitions = torch.cat([draw(players, samples) for _ in range(_OVERSAMPLING)])
        # On the CPU, where a cumulative sum has one order and hence one result.
        cumulative = mean_utilities(coalitions).clamp(min=0).cpu().cumsum(0)
        if cumulative[-1] == 0:
            return coalitions[:0]
        point = torch.rand(samples, dtype=torch.float64, device=generator.device, generator=generator)
        chosen = torch.searchsorted(cumulative, point.cpu() * cumulative[-1], right=True)
        return coalitions[chosen.to(coalitions.device)]

    if retain == "top":
        return top
    if retain == "weighted":
        return weighted
    return lambda players: draw(players, samples)


def _row_sums(values: torch.Tensor) -> torch.Tensor:
    """Sum over dim 1 slot by slot: the order, and so the rounding, is the same on every machine."""
    total = torch.zeros_like(values[:, 0])
    for column in values.unbind(1):
        total += column
    return total
