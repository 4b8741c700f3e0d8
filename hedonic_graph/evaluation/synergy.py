"""Intrinsic synergy of coalitions: what ablating members does, alone and two at a time (the paper's eq. 6-8)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from hedonic_graph.models.mlp import MLPBlock
from hedonic_graph.models.readout import Readout
from hedonic_graph.progress import Progress

if TYPE_CHECKING:
    import pandas as pd


def synergy_of(
    block: MLPBlock,
    readout: Readout,
    y: Tensor,
    tuned: Tensor,
    base: Tensor,
    groups: Sequence[np.ndarray],
    *,
    queries: Sequence[str],
    exact_up_to: int = 64,
    progress: Progress | None = None,
) -> "pd.DataFrame":
    """Return psi, Pair and Ratio of each of the ``groups`` of neurons, a row each, in their order.

    ``y`` [B, d], ``tuned`` and ``base`` [B, n] are as in ``valuation.pas``, ``queries`` [B] the query of each example.
    Columns:

    - ``psi``: the sum over members of psi(i) = E[f - f_-i], always exact
    - ``pair``: the mean over ordered pairs of psi(i, j) = E[f - f_-i - f_-j + f_-ij]; NaN for a single neuron
    - ``ratio``: the sum of psi(i, j) over ordered pairs divided by ``psi``; NaN where that is 0 within rounding
    - ``pair_error``: the standard error of ``pair`` over examples, those of a query taken together
    - ``order``: "exact" for up to ``exact_up_to`` members, else "second": psi(i, j) by the Hessian, as in PAS
    - ``second_pair``: ``pair`` by the Hessian, for every group

    ``progress`` advances by one for each group.
    """
    raise NotImplementedError


def random_pairs(phi: Tensor, sizes: Sequence[int] | np.ndarray, *, groups: int = 1000, seed: int = 0) -> "RandomPairs":
    """Return Pair of ``groups`` random groups of each distinct size, by the second order: from phi [n, n]."""
    raise NotImplementedError


class RandomPairs:
    """Pair of random groups by size."""

    def beside(self, sizes: np.ndarray, pairs: np.ndarray) -> "pd.DataFrame":
        """Return columns ``chance``, ``chance_sd``, ``z`` and ``p`` for coalitions of ``sizes`` with ``pairs``."""
        raise NotImplementedError
