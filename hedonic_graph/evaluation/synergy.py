"""Intrinsic synergy of coalitions: what ablating members does, alone and two at a time (the paper's eq. 6-8)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from hedonic_graph.errors import UserError
from hedonic_graph.game.checks import check_at_least
from hedonic_graph.models.mlp import MLPBlock
from hedonic_graph.models.readout import Readout
from hedonic_graph.progress import Progress, Silent
from hedonic_graph.valuation.error import standard_error
from hedonic_graph.valuation.forms import Deltas, Forms, Map
from hedonic_graph.valuation.logit import Curvature, LayerLogit
from hedonic_graph.valuation.moved import Moved

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 2**18
"""Numbers in one array over pairs and examples: a few of them stay in a processor's cache."""
_MEMBERS = 1024
"""Members of a large coalition that are looked at together."""
_ROUNDING = 1e-12
"""A sum smaller than this share of its terms is rounding."""


@torch.no_grad()
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

    ``y`` [B, d], ``tuned`` and ``base`` [B, n] are as in ``valuation.pas``, on any device; ``queries`` [B] is the
    query of each example. All is computed in float64. Columns:

    - ``psi``: the sum over members of psi(i) = E[f - f_-i], always exact
    - ``pair``: the mean over ordered pairs of psi(i, j) = E[f - f_-i - f_-j + f_-ij]; NaN for a single neuron
    - ``ratio``: the sum of psi(i, j) over ordered pairs divided by ``psi``; NaN where that is 0 within rounding
    - ``pair_error``: the standard error of ``pair`` over the examples, those of a query taken together; NaN for a
      single query
    - ``order``: "exact" for up to ``exact_up_to`` members, else "second": psi(i, j) by the Hessian, as PAS has it
    - ``second_pair``: ``pair`` by the Hessian, for every group

    Exact pairs cost as the square of a group's size, the rest as the size itself. ``progress`` advances by one for
    each group and is left open. Raises UserError where arrays do not fit.
    """
    import pandas as pd

    check_at_least(0, exact_up_to=exact_up_to)
    if not len(y) == len(tuned) == len(base) == len(queries):
        raise UserError(f"{len(queries)} queries do not fit {len(y)} residual streams and {len(tuned)} activations")
    progress = progress or Silent()
    # Only a norm behind the MLP asks what all neurons write.
    logit = LayerLogit.at(block, readout, y.double(), tuned.double() if block.post_norm else tuned)
    forms, curvature = Forms(logit), logit.curvature()
    sizes = np.array([len(group) for group in groups], np.int64)
    alone, spread = np.zeros(len(groups)), np.zeros(len(groups))
    # Of each example the sum over ordered pairs.
    exact, second = (np.full((len(groups), len(y)), np.nan) for _ in range(2))
    for row, group in enumerate(groups):
        neurons = torch.as_tensor(group, device=y.device)
        members = _Members(forms, curvature, y)
        for some in neurons.split(_MEMBERS):
            members.add(Deltas(block, tuned, base, some))
        alone[row], spread[row] = -float(members.alone.mean()), float(members.spread.mean())
        second[row] = members.pairs().cpu()
        if sizes[row] <= exact_up_to:
            exact[row] = _pairs(forms, Deltas(block, tuned, base, neurons)).cpu()
        progress.update(1)
    is_exact = sizes <= exact_up_to
    pairs = np.where(sizes > 1, sizes * (sizes - 1.0), np.nan)
    chosen = np.where(is_exact[:, None], exact, second) / pairs[:, None]
    _, query = np.unique(np.asarray(queries), return_inverse=True)
    pair, second_pair = chosen.mean(1), second.mean(1) / pairs
    told = np.abs(alone) > _ROUNDING * spread
    return pd.DataFrame(
        {
            "psi": alone,
            "pair": np.where(is_exact, pair, second_pair),
            "ratio": np.divide(pair * pairs, alone, out=np.full(len(groups), np.nan), where=told),
            "pair_error": standard_error(torch.from_numpy(chosen.T), torch.from_numpy(query)).numpy(),
            "order": np.where(is_exact, "exact", "second"),
            "second_pair": second_pair,
        }
    )


class _Members:
    """What is summed over the members of one group, some of them at a time; [B] each."""

    def __init__(self, forms: Forms, curvature: Curvature | None, y: Tensor) -> None:
        self._forms, self._curvature = forms, curvature
        self.alone = torch.zeros_like(y[:, 0], dtype=torch.float64)
        """Of f_-i - f."""
        self.spread = torch.zeros_like(self.alone)
        """Of its size."""
        self._own = torch.zeros_like(self.alone)
        self._total = torch.zeros_like(y, dtype=torch.float64)
        self._along = self._total.new_zeros(len(curvature.vectors) if curvature else 0, len(y))

    def add(self, deltas: Deltas) -> None:
        change = self._forms.change(*self._forms.alone(deltas))
        self.alone += change.sum(0)
        self.spread += change.abs().sum(0)
        if self._curvature is None:
            return
        along = torch.stack([deltas.along(v) for v in self._curvature.vectors])
        self._own += (torch.einsum("ksb,lsb->klb", along, along) * self._curvature.coupling).sum((0, 1))
        for weight, metric in self._curvature.diagonals:
            self._own += weight * deltas.squares(_rooted(metric)).sum(0)
        self._along += along.sum(1)
        self._total += deltas.total()

    def pairs(self) -> Tensor:
        """The sum over ordered pairs of delta_i^T H delta_j: that of all deltas' sum, but for each with itself."""
        if self._curvature is None:
            return self._own
        found = torch.einsum("kb,lb,klb->b", self._along, self._along, self._curvature.coupling) - self._own
        for weight, metric in self._curvature.diagonals:
            found += weight * _rooted(metric)(self._total).square().sum(1)
        return found


def _rooted(metric: Tensor | None) -> Map:
    return (lambda z: z) if metric is None else (lambda z: z * metric.sqrt())


def _pairs(forms: Forms, deltas: Deltas) -> Tensor:
    """The sum over ordered pairs of f - f_-i - f_-j + f_-ij, [B]."""
    lines, squares = forms.alone(deltas)
    products = [deltas.products(of) for of in forms.maps]
    alone = forms.change(lines, squares)
    total = torch.zeros_like(alone[0])
    step = max(_AT_ONCE // max(len(total), 1), 1)
    for i, j in torch.triu_indices(len(alone), len(alone), 1, device=total.device).split(step, 1):
        both = [Moved(line.at, line.by[i] + line.by[j]) for line in lines]
        lengths = [
            Moved(square.at, square.by[i] + square.by[j] + 2 * deltas.crossed(product, i, j))
            for square, product in zip(squares, products, strict=True)
        ]
        total += (forms.change(both, lengths) - alone[i] - alone[j]).sum(0)
    return 2 * total
