"""The two halves of the examples that results are held against each other on (DESIGN §3.8)."""

import torch
from torch import Tensor

_SEED = 0
"""One for all analyses: what is kept of each half must not hang on the seeds that solvers draw by."""


def halves(examples: int) -> Tensor:
    """Bool [2, examples]: which of them are in each half, drawn by chance; the second has one more of an odd number."""
    order = torch.randperm(examples, generator=torch.Generator().manual_seed(_SEED))
    first = torch.zeros(examples, dtype=torch.bool)
    first[order[: examples // 2]] = True
    return torch.stack([first, ~first])
