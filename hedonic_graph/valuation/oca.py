"""Orthogonality and co-activation (DESIGN §3.4)."""

import torch
from torch import Tensor

from hedonic_graph.blocks import mirrored, shrinking, upper
from hedonic_graph.models.moments import Moments
from hedonic_graph.valuation.error import standard_error

_CONSTANT = 1e-6
"""A spread below this share of the mean is rounding, not variation."""


@shrinking
def oca(down: Tensor, moments: Moments, *, block_size: int = 2048) -> Tensor:
    """Return phi float32 [n, n]: ``(1 - |cos(D_i, D_j)|) * pearson(a_i, a_j)``, zero diagonal.

    ``down`` [d, n] is the tuned down projection, ``moments`` those of the tuned activations. A constant
    activation or a zero column of ``down`` gives 0. Beside phi it needs blocks of ``block_size`` rows. Results of
    two devices differ by no more than `hedonic_graph.valuation.DEVICE_TOLERANCE`.
    """
    n = down.shape[1]
    unit = _directions(down)
    squares = moments.comoment.diagonal()
    counts = _counts(down, moments.mean, squares / max(moments.count, 1))
    scale = torch.where(counts, squares.clamp_min(0).sqrt(), 1.0).reciprocal() * counts
    phi = torch.empty(n, n, device=down.device)
    for rows, rest in upper(n, block_size):
        correlation = (moments.comoment[rows, rest] * scale[rows, None] * scale[rest]).clamp(-1, 1)
        cosine = (unit[:, rows].T @ unit[:, rest]).abs().clamp_max(1)
        torch.mul(1 - cosine, correlation, out=phi[rows, rest])
    return mirrored(phi).fill_diagonal_(0.0)


@shrinking
def oca_errors(
    down: Tensor, rows: Tensor, pairs: Tensor, groups: Tensor | None = None, *, block_size: int = 2048
) -> Tensor:
    """Return the standard error of phi over activations ``rows`` [B, n], float32 [P], for ``pairs`` [P, 2].

    It is that of the mean of what each row adds to the correlation, to first order: low by a quarter where
    activations have a lognormal's tail. ``groups`` int64 [B] numbers the rows that hang together
    (:func:`standard_error`).
    """
    unit = _directions(down)
    variance, mean = torch.var_mean(rows, 0, correction=0)
    counts = _counts(down, mean, variance)
    z = (rows - mean) * (torch.where(counts, variance.sqrt(), 1.0).reciprocal() * counts)
    errors = []
    for i, j in (some.unbind(1) for some in pairs.split(block_size)):
        product = z[:, i] * z[:, j]
        influence = product - product.mean(0) * (z[:, i].square() + z[:, j].square()) / 2
        cosine = (unit[:, i] * unit[:, j]).sum(0).abs().clamp_max(1)
        errors.append((1 - cosine) * standard_error(influence, groups))
    return torch.cat(errors)


def _directions(down: Tensor) -> Tensor:
    """Columns of length one, or zero."""
    length = down.norm(dim=0)
    return down / torch.where(length > 0, length, 1.0)


def _counts(down: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Which neurons vary and write anything, bool [n]."""
    varies = (variance > 0) & (variance.clamp_min(0).sqrt() > _CONSTANT * mean.abs())
    return varies & down.any(0)
