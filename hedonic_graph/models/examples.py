"""Halves of the examples that results are held against each other on (DESIGN §3.8)."""

import numpy as np
import torch
from torch import Tensor


def halves(examples: int, halving: int = 0, depth: int = 0) -> Tensor:
    """Bool [2, examples]: which of them are in each half, drawn by chance; the second has one more of an odd number.

    Each ``halving`` is a draw of its own, the same in all analyses: what is kept of each half must not hang on the
    seeds that solvers draw by. ``depth`` halves each half so many times more, and keeps one part of it, which is
    inside the part of any smaller depth.
    """
    order = torch.randperm(examples, generator=torch.Generator().manual_seed(halving))
    parts = torch.zeros(2, examples, dtype=torch.bool)
    for part, chosen in zip(parts, (order[: examples // 2], order[examples // 2 :]), strict=True):
        part[chosen[: len(chosen) >> depth]] = True
    return parts


def bootstrap(examples: int, seed: int, number: int, share: float = 1.0) -> np.ndarray:
    """How often each example is in a draw with replacement, int64 [examples]; one draw for each ``number``.

    It draws ``share`` times as many as there are, and at least one.
    """
    drawn = np.random.default_rng([seed, number]).integers(examples, size=max(1, round(share * examples)))
    return np.bincount(drawn, minlength=examples)
