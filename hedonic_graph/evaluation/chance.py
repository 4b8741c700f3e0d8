"""Pair of random groups of equal size: what a coalition's Pair is held against (DESIGN §3.8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from hedonic_graph.errors import UserError
from hedonic_graph.game.checks import check_at_least

if TYPE_CHECKING:
    import pandas as pd

_GATHER = 200
"""Reading one pair out of phi costs about as much as so many steps of a matrix product."""
_AT_ONCE = 2**24
"""Numbers in one array."""


@dataclass(frozen=True, eq=False)
class RandomPairs:
    """Pair of random groups, by the second order: the mean of phi inside them."""

    sizes: np.ndarray
    """Distinct sizes, ascending, int64 [S]."""
    pairs: np.ndarray
    """Pair of each random group of each size, float64 [S, groups]; NaN for single neurons."""

    def beside(self, sizes: np.ndarray, pairs: np.ndarray) -> "pd.DataFrame":
        """Hold coalitions of ``sizes`` [C] with Pair ``pairs`` [C] against the random groups of their sizes.

        A row per coalition: ``chance`` and ``chance_sd``, mean and standard deviation of the random groups;
        ``z``, how many of these deviations ``pairs`` lies above that mean; ``p``, the share of random groups that
        reach it, the coalition among them. Both are NaN where random groups do not vary, as those of all neurons.
        Raises UserError for a size that was not drawn.
        """
        import pandas as pd

        places = np.searchsorted(self.sizes, sizes)
        places[places == len(self.sizes)] = 0
        if len(places) and (not len(self.sizes) or (self.sizes[places] != sizes).any()):
            raise UserError("a coalition has a size of which no random groups were drawn")
        mean, deviation = self.pairs.mean(1)[places], self.pairs.std(1, ddof=1)[places]
        reached = (self.pairs[places] >= np.asarray(pairs)[:, None]).sum(1)
        varies = (np.ptp(self.pairs, axis=1) > 0)[places]
        z = np.divide(pairs - mean, deviation, out=np.full(len(mean), np.nan), where=varies)
        p = np.where(varies, (1 + reached) / (1 + self.pairs.shape[1]), np.nan)
        return pd.DataFrame({"chance": mean, "chance_sd": deviation, "z": z, "p": p})


@torch.no_grad()
def random_pairs(phi: Tensor, sizes: Sequence[int] | np.ndarray, *, groups: int = 1000, seed: int = 0) -> RandomPairs:
    """Return Pair of ``groups`` uniformly random groups of each distinct size, from phi [n, n] on any device.

    phi is symmetric with a zero diagonal, as PAS gives it: these are second-order values. A group of a size is
    the first so many neurons of one of ``groups`` random orders, so that groups of different sizes are nested
    and not independent of each other; those of one size are. Raises UserError for sizes that do not fit.
    """
    check_at_least(2, groups=groups)
    check_at_least(0, seed=seed)
    n, distinct = len(phi), np.unique(np.asarray(sizes, np.int64))
    if len(distinct) and not 1 <= distinct[0] <= distinct[-1] <= n:
        raise UserError(f"groups of {distinct[0]} to {distinct[-1]} neurons cannot be drawn from {n}")
    order = np.tile(np.arange(n, dtype=np.int32), (groups, 1))
    orders = torch.from_numpy(np.random.default_rng(seed).permuted(order, axis=1, out=order)).to(phi.device)
    # Pairs are read out one by one for sizes up to that where this costs least in all.
    bounds = np.concatenate([[0], distinct])
    costs = _GATHER * bounds.astype(float) ** 2 + float(n) ** 2 * np.arange(len(distinct), -1, -1)
    few = int(np.argmin(costs))
    sums = np.concatenate([_read(phi, orders, distinct[:few]), _multiplied(phi, orders, distinct[few:])])
    # There is one group of all neurons; its sums in different orders differ by rounding.
    sums[distinct == n] = sums[distinct == n, :1]
    pairs = distinct * (distinct - 1.0)
    return RandomPairs(distinct, sums / np.where(pairs > 0, pairs, np.nan)[:, None])


def _read(phi: Tensor, orders: Tensor, sizes: np.ndarray) -> np.ndarray:
    """Sums of phi over groups of all ``sizes`` at once, float64 [S, groups]."""
    if not len(sizes):
        return np.zeros((0, len(orders)))
    largest, found = int(sizes[-1]), []
    last = torch.as_tensor(sizes - 1, device=phi.device)
    for some in orders[:, :largest].long().split(max(_AT_ONCE // largest**2, 1)):
        inside = phi[some[:, :, None], some[:, None, :]]
        # Row s of the lower triangle is what the group of s + 1 neurons has more than that of s.
        found.append(2 * inside.tril(-1).sum(2, dtype=torch.float64).cumsum(1)[:, last].T)
    return torch.cat(found, 1).cpu().numpy()


def _multiplied(phi: Tensor, orders: Tensor, sizes: np.ndarray) -> np.ndarray:
    """The same by products of phi with the groups' members, for sizes that are a large share of the layer."""
    n, groups = len(phi), len(orders)
    if not len(sizes):
        return np.zeros((0, groups))
    places = torch.empty_like(orders)
    places.scatter_(1, orders.long(), torch.arange(n, dtype=orders.dtype, device=phi.device).expand_as(orders))
    places = places.T.contiguous()
    found = torch.zeros(len(sizes), groups, dtype=torch.float64, device=phi.device)
    step = max(_AT_ONCE // groups, 1)
    for number, size in enumerate(sizes):
        members = (places < size).to(phi.dtype)
        for start in range(0, n, step):
            rows = slice(start, start + step)
            found[number] += ((phi[rows] @ members) * members[rows]).sum(0, dtype=torch.float64)
    return found.cpu().numpy()
