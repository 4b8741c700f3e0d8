"""Choice sets and utilities of the hedonic game (DESIGN §3.5; Algorithm 1, lines 9-16, of the paper).

Coalitions come in batches: an int32 tensor [m, width], each row the members of one coalition in ascending
order, filled up with -1 (`PAD`). With -1 for padding, comparing rows slot by slot is the lexicographic order
of the member lists, a list before its own extensions.

A player's *choice set* in a coalition is, under ``"mean"``, its min(k, size - 1) partners of largest phi, and
under ``"sum"`` those of its at most k best partners whose phi is positive. Ties go to the smaller index. Its
utility is the mean of phi over the choice set, or the sum over it divided by k; 0 in a singleton. Sums are
taken in float64 from the largest value down, so that equal choice sets give bitwise equal utilities.
"""

from typing import Literal

import numpy as np
import torch

from hedonic_graph.game.checks import check_at_least, check_choice, check_partition, check_phi
from hedonic_graph.game.partition import Partition

Utility = Literal["mean", "sum"]
UTILITIES = ("mean", "sum")
PAD = -1

# Utilities computed at a time. The many small steps stay in the cache and below the size from which torch
# splits a step among threads, whose waiting for each other costs more than it gains on a busy machine.
_BLOCK = 1 << 14
# Values of phi gathered at a time for coalitions of any size: a few tens of megabytes.
_GATHERED = 1 << 21


def coalition_utilities(phi: torch.Tensor, coalitions: torch.Tensor, k: int, utility: Utility) -> torch.Tensor:
    """Return every member's utility in its coalition, float64 [m, width], 0 where a row is padded.

    ``phi`` is float32 [n, n], ``coalitions`` int32 [m, width] as the module describes.
    """
    result = torch.zeros(coalitions.shape, dtype=torch.float64, device=phi.device)
    sizes = (coalitions != PAD).sum(1)
    # One size at a time: padding costs no gathers, and all tensors below are dense.
    for size in range(2, coalitions.shape[1] + 1):
        of_size = (sizes == size).nonzero().view(-1)
        for rows in of_size.split(max(1, _BLOCK // size)):
            members = coalitions[rows, :size].T.long()
            values = entries(phi, members[:, None], members[None, :])  # [player, partner, coalition]
            values.diagonal(dim1=0, dim2=1).fill_(-torch.inf)
            top = _largest(values.unbind(1), min(k, size - 1))
            result[rows, :size] = _combine(top, k, utility).T
    return result


def choice_sets(
    phi: torch.Tensor, players: torch.Tensor, coalitions: torch.Tensor, k: int, utility: Utility
) -> torch.Tensor:
    """Return the choice set of ``players[q]`` in ``coalitions[q]``, best first: int64 [q, k], padded with -1.

    ``players`` is int64 [q]; ``coalitions`` int32 [q, width], row q holding player q.
    """
    partners = coalitions.long()
    values = entries(phi, players[:, None], partners.clamp(min=0))
    values[(partners == PAD) | (partners == players[:, None])] = -torch.inf
    if utility == "sum":
        values[values <= 0] = -torch.inf
    choice = torch.full((len(players), k), PAD, dtype=torch.int64, device=phi.device)
    for rank in range(min(k, coalitions.shape[1])):
        # `max` returns the first of equal values; rows ascend, so that is the smaller index.
        value, slot = values.max(1, keepdim=True)
        choice[:, rank] = torch.where(value > -torch.inf, partners.gather(1, slot), PAD).view(-1)
        values.scatter_(1, slot, -torch.inf)
    return choice


def member_utilities(phi: torch.Tensor, partition: Partition, k: int = 3, utility: Utility = "mean") -> torch.Tensor:
    """Return each neuron's utility in its own coalition, float32 [n] on phi's device, in units of phi.

    Works in row blocks of bounded memory, whatever the sizes: one coalition may hold the whole layer.
    Raises UserError for a bad phi, k or utility, or a partition of another size.
    """
    check_phi(phi)
    check_at_least(1, k=k)
    check_choice(UTILITIES, utility=utility)
    check_partition(partition, len(phi))
    result = torch.zeros(len(phi), dtype=torch.float32, device=phi.device)
    members = torch.as_tensor(np.argsort(partition.labels, kind="stable"), device=phi.device)
    start = 0
    # Canonical labels descend in size: coalitions of one size lie side by side in `members`.
    sizes, counts = np.unique(partition.sizes, return_counts=True)
    for size, count in zip(sizes[::-1].tolist(), counts[::-1].tolist(), strict=True):
        group = members[start : start + size * count].view(count, size)
        start += size * count
        if size == 1:
            continue
        kept = min(k, size - 1)
        for block in torch.arange(size * count, device=phi.device).split(max(1, _GATHERED // size)):
            coalition, slot = block // size, block % size
            players = group[coalition, slot]
            values = entries(phi, players[:, None], group.index_select(0, coalition))
            values.scatter_(1, slot[:, None], -torch.inf)
            top = list(values.topk(kept, dim=1).values.unbind(1))
            result[players] = _combine(top, k, utility).float()
    return result


def entries(phi: torch.Tensor, row: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
    """Return phi[row, column] for int64 index tensors that broadcast; phi must be contiguous.

    On the CPU one flat `index_select` takes a tenth of the time of indexing with two tensors.
    """
    index = row * phi.shape[1] + column
    return phi.view(-1).index_select(0, index.reshape(-1)).view(index.shape)


def _largest(values: tuple[torch.Tensor, ...], count: int) -> list[torch.Tensor]:
    """Return the elementwise ``count`` largest of equally shaped tensors, in descending order."""
    top = [torch.full_like(values[0], -torch.inf) for _ in range(count)]
    for value in values:
        for rank in range(count):
            top[rank], value = torch.maximum(top[rank], value), torch.minimum(top[rank], value)
    return top


def _combine(top: list[torch.Tensor], k: int, utility: Utility) -> torch.Tensor:
    """Turn the largest values, descending, into the utility, in float64."""
    positive_only = utility == "sum"
    total = torch.zeros_like(top[0], dtype=torch.float64)
    for value in top:
        total += value.clamp(min=0) if positive_only else value
    return total / (k if positive_only else len(top))
