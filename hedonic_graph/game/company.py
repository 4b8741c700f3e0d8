"""Who keeps company with whom in many partitions of one layer, as graphs of bounded size (DESIGN §3.5)."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

LEAST = 0.1
"""Pairs that land together no more often have no link."""
ALIKE = 0.3
"""Neurons whose company is no more alike have no link."""
LINKS = 256
"""Links that a neuron keeps, on average, of those it has, where they are more."""

# Rows multiplied at a time.
_BLOCK = 1024


def counted(labels: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """Return in how many partitions each pair lands together, their number on the diagonal.

    ``labels`` is int32 [R, n], a row a partition. The counts [n, n] are uint8, int16 for more than 255.
    """
    count, n = labels.shape
    kind = torch.uint8 if count <= 255 else torch.int16
    everybody = torch.from_numpy(labels).to(device)
    result = torch.zeros(n, n, dtype=kind, device=device)
    for rows in _blocks(n):
        for one in everybody:
            result[rows] += one[rows, None] == one
    return result


def frequency_graph(counts: Tensor, players: np.ndarray, *, seed: int = 0) -> csr_array:
    """Return how often pairs of ``players`` [p] land together, where that is more often than `LEAST`: [p, p].

    ``counts`` is as `counted` gives it. The rest is as in `_graph`.
    """
    chosen = torch.from_numpy(players).to(counts.device)
    number = counts[0, 0].float() if len(counts) else 1
    rows = (counts[chosen[rows]][:, chosen].float() / number for rows in _blocks(len(chosen)))
    return _graph(rows, LEAST, seed)


def likeness_graph(counts: Tensor, *, seed: int = 0) -> csr_array:
    """Return how alike the company of each pair is, where that is more than `ALIKE`: [n, n].

    A neuron's company is how often it lands together with each other one, a row of ``counts``; the cosine of two rows
    says how alike they are. That is taken twice: the rows of those cosines are compared in turn, so that two neurons
    are alike whose company is alike, though chance never threw them together. Beside the counts it holds one
    float32 [n, n]. The rest is as in `_graph`.
    """
    n, scale = len(counts), _scale(counts)
    first = torch.empty(n, n, device=counts.device)
    for rows in _blocks(n):
        for columns in _blocks(n, rows.start):
            cosines = counts[rows].float() @ counts[columns].float().T * scale[rows, None] * scale[columns]
            first[rows, columns] = cosines
            first[columns, rows] = cosines.T
    scale = _scale(first)
    return _graph((first[rows] @ first.T * scale[rows, None] * scale for rows in _blocks(n)), ALIKE, seed)


def _graph(blocks: Iterable[Tensor], least: float, seed: int) -> csr_array:
    """Join all pairs of a symmetric matrix above ``least``, but for chance: float32, symmetric, no diagonal.

    ``blocks`` are its rows, some at a time. A neuron with more than `LINKS` links draws which to keep, each with the
    same chance; a link stays that either of its two keeps, and its weight is divided by the chance that one of them
    does. So sums of weights are right on average, neurons with few links lose none, and no layer has more than
    about n `LINKS`.
    """
    draw = np.random.default_rng(seed)
    chances, rows, columns, weights = [], [], [], []
    start = 0
    for block in blocks:
        found = block.cpu().numpy()
        np.fill_diagonal(found[:, start:], 0)
        row, column = (found > least).nonzero()
        chance = np.minimum(1, LINKS / np.maximum(np.bincount(row, minlength=len(found)), 1))
        kept = np.ones(len(row), dtype=bool)
        crowded = np.flatnonzero(chance[row] < 1)
        kept[crowded] = draw.random(len(crowded)) < chance[row[crowded]]
        row, column = row[kept], column[kept]
        rows.append(row + start)
        columns.append(column)
        weights.append(found[row, column])
        chances.append(chance)
        start += len(found)
    if not start:
        return csr_array(np.zeros((0, 0), dtype=np.float32))
    chosen = csr_array((np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), shape=(start, start))
    either = csr_array(chosen.maximum(chosen.T)).tocoo()
    lost = 1 - np.concatenate(chances)
    weight = either.data / (1 - lost[either.row] * lost[either.col])
    return csr_array((weight.astype(np.float32), (either.row, either.col)), shape=either.shape)


def _scale(vectors: Tensor) -> Tensor:
    """One over the length of each row."""
    return torch.cat([vectors[rows].float().norm(dim=1) for rows in _blocks(len(vectors))]).reciprocal()


def _blocks(n: int, first: int = 0) -> Iterator[slice]:
    return (slice(start, min(start + _BLOCK, n)) for start in range(first, n, _BLOCK))
