"""Random inputs of the sizes and shapes that real layers have."""

import torch
from torch import Tensor

from hedonic_graph.blocks import mirrored, upper

BLOCK = 1024
"""Rows that a limit multiplies at a time, as ours do."""
SIZE = 24
"""Mean size of coalitions and clusters, as of exact Top-Cover on real valuations."""


def normal(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    """Standard normal numbers [rows, columns], where the generator lives."""
    return torch.randn(rows, columns, device=generator.device, generator=generator)


def valuation(n: int, generator: torch.Generator) -> Tensor:
    """A symmetric valuation [n, n] with a zero diagonal: a few heavy-tailed directions and noise, as real ones are."""
    directions = normal(n, 16, generator) / normal(n, 1, generator).abs().clamp_min(0.1)
    phi = torch.empty(n, n, device=generator.device)
    for rows, rest in upper(n, BLOCK):
        torch.mm(directions[rows], directions[rest].T, out=phi[rows, rest])
        phi[rows, rest] += torch.randn(phi[rows, rest].shape, device=generator.device, generator=generator)
    return mirrored(phi).fill_diagonal_(0.0)


def even_sizes(n: int, size: int = SIZE) -> Tensor:
    """Of coalitions of about ``size`` neurons that cover n, int64 [c]."""
    groups = max(1, n // size)
    sizes = torch.full((groups,), n // groups, dtype=torch.int64)
    sizes[: n % groups] += 1
    return sizes
