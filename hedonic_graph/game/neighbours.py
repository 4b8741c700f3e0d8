"""Each player's best partners among those still in the game, without sorting the whole valuation."""

import torch

from hedonic_graph.game.utility import PAD

# Values of phi sorted at a time, as int64 keys: few enough that an allocator keeps their place at hand.
_BLOCK = 1 << 19


class BestPartners:
    """Short lists of every player's best partners, refilled from phi when too few on them are left.

    ``phi`` is float32 [n, n]. A list holds the ``length`` partners of largest phi, best first, ties by the
    smaller index; with ``positive`` only partners of positive phi. Lists take n * length * 4 bytes; a second
    copy of phi in sorted order, or a scan of all of phi whenever somebody leaves, is thus avoided.
    """

    def __init__(self, phi: torch.Tensor, *, length: int = 128, positive: bool = False) -> None:
        self._phi = phi
        self._positive = positive
        n = len(phi)
        self._lists = torch.empty((n, min(length, n)), dtype=torch.int32, device=phi.device)
        everybody = torch.arange(n, device=phi.device)
        self._fill(everybody, everybody)

    def best(self, players: torch.Tensor, alive: torch.Tensor, count: int) -> torch.Tensor:
        """Return the ``count`` best living partners of ``players`` [q], best first: int64 [q, count].

        ``alive`` is bool [n]. Rows with fewer such partners are padded with -1. Players that left must never
        come back, or a list refilled without them would miss them.
        """
        lists = self._lists[players]
        live = (lists != PAD) & alive[lists.long()]
        dry = (live.sum(1) < count) & (lists[:, -1] != PAD)  # a padded list has nothing left to add
        if dry.any():
            refill = players[dry]
            self._fill(refill, alive.nonzero().view(-1))
            lists = self._lists[players]
            live = (lists != PAD) & alive[lists.long()]
        # Move the living to the front, in order; everything else lands in the extra column.
        column = torch.where(live, live.cumsum(1) - 1, count).clamp_(max=count)
        result = torch.full((len(players), count + 1), PAD, dtype=torch.int64, device=lists.device)
        return result.scatter_(1, column, lists.long())[:, :count]

    def _fill(self, players: torch.Tensor, partners: torch.Tensor) -> None:
        width, length = len(partners), self._lists.shape[1]
        kept = min(length, width)
        everybody = width == len(self._phi)
        for block in players.split(max(1, _BLOCK // width)):
            rows = self._phi.index_select(0, block)
            values = rows if everybody else rows.index_select(1, partners)
            excluded = partners == block[:, None]
            if self._positive:
                excluded |= values <= 0
            # Of equal partners the smaller comes first: `partners` ascends.
            found = strongest(values, excluded, kept)
            self._lists[block] = PAD
            self._lists[block, :kept] = torch.where(found == PAD, PAD, partners[found]).int()


def strongest(values: torch.Tensor, excluded: torch.Tensor, count: int) -> torch.Tensor:
    """Return the columns of the ``count`` largest ``values`` of each row, best first, ties by the smaller column.

    ``values`` is float32 [q, w], ``excluded`` bool [q, w]; the result int64 [q, count]. Rows where fewer are not
    excluded are padded with -1.
    """
    worst = torch.iinfo(torch.int64).min
    # The low half of a key makes equal values compare by the smaller column.
    tie = torch.arange(values.shape[1] - 1, -1, -1, device=values.device)
    keys = (_ordered_bits(values) << 32) | tie
    top = keys.masked_fill_(excluded, worst).topk(count, dim=1)
    return torch.where(top.values == worst, PAD, top.indices)


def _ordered_bits(values: torch.Tensor) -> torch.Tensor:
    """Map float32 to int64 so that integers compare as the floats do; -0.0 and 0.0 become equal."""
    bits = (values + 0.0).view(torch.int32)
    return (bits ^ ((bits >> 31) & 0x7FFFFFFF)).long()
