"""Orthogonality and co-activation (DESIGN §3.4)."""

import torch
from torch import Tensor

from hedonic_graph.models.moments import Moments

_CONSTANT = 1e-6
"""A spread below this share of the mean is rounding, not variation."""


def oca(down: Tensor, moments: Moments, *, block_size: int = 2048) -> Tensor:
    """Return phi float32 [n, n]: ``(1 - |cos(D_i, D_j)|) * pearson(a_i, a_j)``, zero diagonal.

    ``down`` [d, n] is the tuned down projection, ``moments`` those of the tuned activations. A constant
    activation or a zero column of ``down`` gives 0. Beside phi it needs blocks of ``block_size`` rows.
    """
    n = down.shape[1]
    length = down.norm(dim=0)
    unit = down / torch.where(length > 0, length, 1.0)
    variance = moments.comoment.diagonal() / max(moments.count, 1)
    varies = variance.clamp_min(0).sqrt() > _CONSTANT * moments.mean.abs()
    counts = varies & (variance > 0) & (length > 0)
    scale = torch.where(counts, moments.comoment.diagonal().clamp_min(0).sqrt(), 1.0).reciprocal() * counts
    phi = torch.empty(n, n, device=down.device)
    for start in range(0, n, block_size):
        rows, rest = slice(start, start + block_size), slice(start, n)
        correlation = (moments.comoment[rows, rest] * scale[rows, None] * scale[rest]).clamp(-1, 1)
        cosine = (unit[:, rows].T @ unit[:, rest]).abs().clamp_max(1)
        part = (1 - cosine) * correlation
        phi[rows, rest] = part
        phi[rest, rows] = part.T
        # Rounding may differ between the two halves of a square on the diagonal.
        corner = phi[rows, rows]
        corner.copy_((corner + corner.T) / 2)
    phi.fill_diagonal_(0.0)
    return phi
