"""The layer-local logit: the task head read from any layer's residual stream (DESIGN §3.2)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hedonic_graph.models.norm import Norm


@dataclass(frozen=True)
class Readout:
    """``f(y) = weight . norm(y) + bias``, or without the norm where ``norm`` is None."""

    weight: Tensor
    """[d]"""
    bias: float
    norm: Norm | None

    def __call__(self, y: Tensor) -> Tensor:
        """Logits [...] of residual streams ``y`` [..., d], in the precision of ``y``."""
        seen = y if self.norm is None else self.norm(y)
        return seen @ self.weight.to(seen) + self.bias

    def to(self, device: torch.device) -> "Readout":
        """The same readout on another device."""
        return Readout(self.weight.to(device), self.bias, None if self.norm is None else self.norm.to(device))
