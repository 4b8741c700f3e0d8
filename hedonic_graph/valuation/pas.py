"""Pairwise ablation synergy for all pairs in closed form (DESIGN §3.3).

``phi_ij = E_x[delta_i^T H(x) delta_j]`` with ``H`` the Hessian of the layer-local logit: a few rank-one terms
and a diagonal or two, so every pair comes from a few matrix products, without autograd or another forward pass.
"""

import torch
from torch import Tensor

from hedonic_graph.blocks import mirrored, shrinking, upper
from hedonic_graph.errors import UserError
from hedonic_graph.models.mlp import Factors, MLPBlock
from hedonic_graph.models.readout import Readout
from hedonic_graph.valuation.error import standard_error
from hedonic_graph.valuation.logit import Curvature, LayerLogit

ADDITIVE = (
    "PAS needs --readout-norm on: without the final norm the logit is additive over neurons, "
    "so every pairwise interaction is exactly zero"
)


@shrinking
def pas(
    block: MLPBlock,
    readout: Readout,
    y: Tensor,
    tuned: Tensor,
    base: Tensor,
    times: Tensor | None = None,
    *,
    block_size: int = 1024,
) -> Tensor:
    """Return phi float32 [n, n], symmetric with a zero diagonal.

    ``y`` [B, d] is the residual stream after the MLP, ``tuned`` and ``base`` [B, n] the activations, all at
    the scored position; each example counts ``times`` [B], once by default. Everything runs on the device of
    ``y``; beside phi it needs a few [B, n] arrays and a few tiles of ``block_size`` rows of phi, fewer where the
    device has no memory for them. Results of two devices differ by no more than
    `hedonic_graph.valuation.DEVICE_TOLERANCE`. Raises UserError for a logit that is additive over neurons.

    Each delta is written ``(a1 - a0) D1 + a0 (D1 - D0)``: one full Gram matrix for each diagonal of the
    Hessian, and the step from D0 to D1 is mostly of low rank.
    """
    times = y.new_ones(len(y)) if times is None else times.to(y)
    if not times.all():
        seen = times > 0
        y, tuned, base, times = y[seen], tuned[seen], base[seen], times[seen]
    curvature, parts, along = _terms(block, readout, y, tuned, base)
    share = times / times.sum()
    n = tuned.shape[1]
    coupled = torch.einsum("klb,lbn->kbn", curvature.coupling * share, along)
    along, coupled = along.reshape(-1, n), coupled.reshape(-1, n)
    diagonals = [
        (metric, [(matrix, change * (weight * share).unsqueeze(1)) for matrix, change in parts])
        for weight, metric in curvature.diagonals
    ]
    phi = torch.empty(n, n, device=y.device)
    for rows, rest in upper(n, block_size):
        found = phi[rows, rest]
        torch.mm(along[:, rows].T, coupled[:, rest], out=found)
        for metric, weighed in diagonals:
            for one, change in parts:
                for other, others_change in weighed:
                    moment = change[:, rows].T @ others_change[:, rest]
                    found.addcmul_(_gram(one, other, rows, rest, metric), moment)
    return mirrored(phi).fill_diagonal_(0.0)


@shrinking
def pas_errors(
    block: MLPBlock,
    readout: Readout,
    y: Tensor,
    tuned: Tensor,
    base: Tensor,
    pairs: Tensor,
    groups: Tensor | None = None,
    *,
    block_size: int = 2048,
) -> Tensor:
    """Return the standard error of phi over the examples, float32 [P], for ``pairs`` [P, 2] of different neurons.

    ``groups`` int64 [B] numbers the examples that hang together (:func:`standard_error`). The rest is as in
    :func:`pas`. It looks at each example's own part of these pairs, ``block_size`` at a time.
    """
    curvature, parts, along = _terms(block, readout, y, tuned, base)
    errors = []
    for i, j in (some.unbind(1) for some in pairs.split(block_size)):
        psi = torch.einsum("kbp,klb,lbp->bp", along[:, :, i], curvature.coupling, along[:, :, j])
        for weight, metric in curvature.diagonals:
            for one, change in parts:
                for other, others_change in parts:
                    left = one.columns(i) if metric is None else one.columns(i) * metric[:, None]
                    gram = (left * other.columns(j)).sum(0)
                    psi += weight[:, None] * gram * change[:, i] * others_change[:, j]
        errors.append(standard_error(psi, groups))
    return torch.cat(errors)


def _terms(
    block: MLPBlock, readout: Readout, y: Tensor, tuned: Tensor, base: Tensor
) -> tuple[Curvature, list[tuple[Factors, Tensor]], Tensor]:
    """Hessians, the matrices and activations that make up the deltas, and the deltas along the Hessians' vectors.

    The last is [k, B, n].
    """
    curvature = LayerLogit.at(block, readout, y, tuned).curvature()
    if curvature is None:
        raise UserError(ADDITIVE)
    parts = [(Factors(block.tuned.down), tuned - base)]
    if block.down_step is not None:
        parts.append((block.down_step, base))
    along = tuned.new_zeros(len(curvature.vectors), *tuned.shape)
    for read, v in zip(along, curvature.vectors, strict=True):
        for matrix, one in parts:
            read.addcmul_(one, matrix.read_by(v))
    return curvature, parts, along


def _gram(one: Factors, other: Factors, rows: slice, rest: slice, metric: Tensor | None) -> Tensor:
    """``one[:, rows]^T diag(metric) other[:, rest]``, by way of the small ranks."""
    left = one.left if one.right is not None else one.left[:, rows]
    right = other.left if other.right is not None else other.left[:, rest]
    # The side with fewer columns takes the metric.
    if metric is not None and left.shape[1] <= right.shape[1]:
        left = left * metric[:, None]
    elif metric is not None:
        right = right * metric[:, None]
    product = left.T @ right
    if one.right is not None:
        product = one.right[:, rows].T @ product
    return product if other.right is None else product @ other.right[:, rest]
