"""Losses of an example, from the scores of its passages."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]
"""Scores [E, P] and labels [E, P] of P passages each to the losses [E]."""


def loss_of(task: str, loss: str) -> Loss:
    """The loss of a task; ``loss`` says which, where it is ``rm``."""
    if task != "rm":
        return squared
    return {"listwise": listwise, "pairwise": pairwise}[loss]


def squared(scores: Tensor, labels: Tensor) -> Tensor:
    """Mean squared error."""
    return (scores - labels).square().mean(dim=1)


def listwise(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy between the labels, which add up to 1, and the softmax of the scores."""
    return -(labels * scores.log_softmax(dim=1)).sum(dim=1)


def pairwise(scores: Tensor, labels: Tensor) -> Tensor:
    """Mean of ``log(1 + exp(s_j - s_i))`` over all i, j of which i has the larger label."""
    above = (labels[:, :, None] > labels[:, None, :]).to(scores.dtype)
    each = nn.functional.softplus(scores[:, None, :] - scores[:, :, None])
    return (each * above).sum(dim=(1, 2)) / above.sum(dim=(1, 2)).clamp_min(1)


def labels_of(rows: list[tuple[float, ...]], device: torch.device) -> Tensor:
    """Labels as float32 [E, P]."""
    return torch.tensor(rows, dtype=torch.float32, device=device)
