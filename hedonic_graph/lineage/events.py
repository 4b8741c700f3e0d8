"""What an edge says about a source and its target: persist, split, merge, or nothing (DESIGN §3.6)."""

from enum import IntEnum

import torch

EVENTS = ("excess", "matched")

HIGH = 0.7
"""A share from which on it is most of what a source gives, or a target gets."""


class Kind(IntEnum):
    """Event of an edge (none, persist, split, merge), fate of a source (or vanish), origin of a target (or emerge).

    The order is that of preference: a coalition's fate is the smallest event among its edges.
    """

    NONE = 0
    PERSIST = 1
    SPLIT = 2
    MERGE = 3
    VANISH = 4
    EMERGE = 5

    @property
    def label(self) -> str | None:
        """Lower-case name as tables and the graph show it; None for no event."""
        return self.name.lower() if self else None


def classify(
    alpha: torch.Tensor, beta: torch.Tensor, high: float, eligible: torch.Tensor | None = None
) -> torch.Tensor:
    """Class of every edge, int8 [S, T]; a share is high when it is >= ``high`` (compared in float32).

    ``eligible`` (bool [S, T]) leaves the other edges without an event; None means all of them may have one.
    """
    from_source, into_target = alpha >= high, beta >= high
    event = from_source.to(torch.int8) * Kind.MERGE
    event = torch.where(into_target, Kind.SPLIT, event)
    event = torch.where(from_source & into_target, Kind.PERSIST, event).to(torch.int8)
    return event if eligible is None else event * eligible


def fates(event: torch.Tensor) -> torch.Tensor:
    """What becomes of each source, int8 [S]: the best of its edges (persist, split, merge), else vanish."""
    return _best(event, 1, Kind.VANISH)


def origins(event: torch.Tensor) -> torch.Tensor:
    """Where each target comes from, int8 [T]: the best of its edges (persist, split, merge), else emerge."""
    return _best(event, 0, Kind.EMERGE)


def _best(event: torch.Tensor, dim: int, otherwise: Kind) -> torch.Tensor:
    return torch.where(event == Kind.NONE, int(otherwise), event).amin(dim).to(torch.int8)
