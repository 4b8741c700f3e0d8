"""The second-order form of PAS, with the Hessian from autograd."""

from collections.abc import Callable

import torch
from torch import Tensor


def hessian_form(function: Callable[[int, Tensor], Tensor], point: Tensor, deltas: Tensor) -> Tensor:
    """E_x[delta_i^T H(x) delta_j], float64 [n, n]; ``function`` takes an example's number and a vector [d]."""
    total = torch.zeros(deltas.shape[1], deltas.shape[1], dtype=torch.float64)
    for example, (z, steps) in enumerate(zip(point.double(), deltas.double(), strict=True)):
        hessian = torch.autograd.functional.hessian(lambda z, example=example: function(example, z), z)
        total += steps @ hessian @ steps.T
    return (total / len(point)).fill_diagonal_(0)
