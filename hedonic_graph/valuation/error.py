"""How far a mean over examples can be trusted."""

import torch
from torch import Tensor


def standard_error(values: Tensor) -> Tensor:
    """The standard error of the mean of ``values`` [B, P] over their rows, [P]; NaN for fewer than two rows."""
    return values.std(0) / len(values) ** 0.5 if len(values) > 1 else values.new_full(values.shape[1:], torch.nan)
