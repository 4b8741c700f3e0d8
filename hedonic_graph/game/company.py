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


def frequency_graph(
    labels: np.ndarray, players: np.ndarray, *, seed: int = 0, device: torch.device | str = "cpu"
) -> csr_array:
    """Return how often pairs of ``players`` [p] land together, where that is more often than `LEAST`: [p, p].

    ``labels`` is int32 [R, n], a row a partition. The rest is as in `_graph`.
    """
    chosen = torch.from_numpy(labels[:, players]).to(device)
    return _graph((_counts(chosen, rows) / len(labels) for rows in _blocks(len(players))), LEAST, seed)


def likeness_graph(labels: np.ndarray, *, seed: int = 0, device: torch.device | str = "cpu") -> csr_array:
    """Return how alike the company of each pair is, where that is more than `ALIKE`: [n, n].

    A neuron's company is how often it lands together with each other one in the partitions ``labels``, int32 [R, n];
    the cosine of two neurons' companies says how alike they are. That is taken twice: the rows of those cosines are
    compared in turn, so that two neurons are alike whose company is alike, though chance never threw them together.
    Where all partitions together have c coalitions, fewer than neurons, two c x c are held at most, else two n x n:
    neurons of one coalition have what it gives in common. The rest is as in `_graph`.
    """
    bags, core = _company(labels, device)
    # Divided by the lengths of the first cosines' rows: those of the second, which divide both ends, make up for it.
    inverse = _lengths(bags, core).reciprocal()
    core = _compared(bags, core, inverse)
    scale = _lengths(bags, core).reciprocal()
    blocks = (_summed(bags, _summed(bags[rows], core).T).T * scale[rows, None] * scale for rows in _blocks(len(bags)))
    return _graph(blocks, ALIKE, seed)


def _company(labels: np.ndarray, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """Inner products of the companies of all pairs: the sum of core[a, b] over a in bags[i] and b in bags[j].

    ``bags`` is int64 [n, r], ``core`` float32 [c, c]. Where coalitions are fewer than neurons, a bag holds the
    coalitions of all partitions that a neuron is in, and the core their common members; else every neuron is a bag
    of its own. Whole numbers, exact while n R^2 is below 2^24 and rounded to float32 beyond.
    """
    n = labels.shape[1]
    ends = np.cumsum(labels.max(1, initial=-1) + 1)
    if ends[-1] < n:
        bags = torch.from_numpy((labels + (ends - labels.max(1) - 1)[:, None]).T.astype(np.int64)).to(device)
        members = _indicator(bags, int(ends[-1]))
        core = np.empty((members.shape[1], members.shape[1]), dtype=np.float32)
        theirs = members.T.tocsr()
        # Sparse, the whole product takes twice what it takes as it is kept.
        for rows in _blocks(len(core)):
            core[rows] = (theirs[rows] @ members).toarray()
        return bags, torch.from_numpy(core).to(device)
    everybody = torch.from_numpy(labels).to(device)
    counts = torch.cat([_counts(everybody, rows) for rows in _blocks(n)]) if n else torch.zeros(0, 0, device=device)
    return torch.arange(n, device=device)[:, None], counts @ counts


def _compared(bags: Tensor, core: Tensor, inverse: Tensor) -> Tensor:
    """The core of the products of two rows of what ``core`` stands for, each column divided by a length."""
    found = torch.zeros_like(core)
    for rows in _blocks(len(bags)):
        some = _summed(bags[rows], core) * inverse[rows, None]
        found.addmm_(some.T, some)
    return found


def _counts(labels: Tensor, rows: slice) -> Tensor:
    """In how many of the partitions [R, n] each of some neurons lands together with each one: float32 [b, n]."""
    found = torch.zeros(len(labels[0, rows]), labels.shape[1], device=labels.device)
    for one in labels:
        found += one[rows, None] == one
    return found


def _indicator(bags: Tensor, kinds: int) -> csr_array:
    """What of so many things is in whose bag, float32 [n, kinds]."""
    n, count = bags.shape
    places = (bags.cpu().numpy().ravel(), np.arange(0, n * count + 1, count))
    return csr_array((np.ones(n * count, dtype=np.float32), *places), shape=(n, kinds))


def _lengths(bags: Tensor, core: Tensor) -> Tensor:
    """The root of each neuron's inner product with itself, [n]."""
    squares = [_summed(bags[rows], core).gather(1, bags[rows]).sum(1) for rows in _blocks(len(bags))]
    return torch.cat([torch.empty(0, device=bags.device), *squares]).sqrt()


def _summed(bags: Tensor, table: Tensor) -> Tensor:
    """The sum of the rows of ``table`` [c, w] that are in each bag [b, r]: [b, w]."""
    return torch.nn.functional.embedding_bag(bags, table.contiguous(), mode="sum")


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
        # A number for every pair, so that a link that rounding makes or unmakes changes no draw but its own.
        kept = draw.random(found.shape, dtype=np.float32)[row, column] < chance[row]
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


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, min(start + _BLOCK, n)) for start in range(0, n, _BLOCK))
