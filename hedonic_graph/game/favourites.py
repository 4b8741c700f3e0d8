"""The sampled coalition that each player likes best (Algorithm 1, lines 8-14, of the paper)."""

import torch

from hedonic_graph.game.utility import PAD, Utility, coalition_utilities

# Coalitions whose utilities are held at a time.
_BLOCK = 1 << 17


def favourites(phi: torch.Tensor, coalitions: torch.Tensor, k: int, utility: Utility) -> torch.Tensor:
    """Return for each player the row of the coalition that gives it the largest utility: int64 [n].

    ``phi`` is float32 [n, n], ``coalitions`` int32 [m, width] (see `utility`). Equal utilities go to the
    lexicographically smallest member list; a player that no coalition holds gets -1.
    """
    n, width = len(phi), coalitions.shape[1]
    blocks = [coalition_utilities(phi, block, k, utility) for block in coalitions.split(_BLOCK)]
    row, slot = (coalitions != PAD).nonzero(as_tuple=True)
    player = coalitions[row, slot].long()
    value = torch.cat(blocks)[row, slot]
    best = torch.full((n,), -torch.inf, dtype=value.dtype, device=phi.device)
    best.scatter_reduce_(0, player, value, "amax")
    tied = value == best[player]
    row, player = row[tied], player[tied]
    # Ties: keep, slot after slot, the coalitions whose member there is the smallest; -1 ends a list.
    for column in range(width):
        member = coalitions[row, column]
        least = torch.full((n,), n, dtype=member.dtype, device=phi.device)
        least.scatter_reduce_(0, player, member, "amin")
        tied = member == least[player]
        row, player = row[tied], player[tied]
    # What is left of a player's candidates are copies of one coalition; take the first drawn.
    result = torch.full((n,), len(coalitions), dtype=torch.int64, device=phi.device)
    result.scatter_reduce_(0, player, row, "amin")
    return result.masked_fill_(result == len(coalitions), -1)
