"""RMSNorm and LayerNorm as plain values: a gain, a bias and an epsilon."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class Norm:
    """``gain * (x - mean) / sqrt(mean square + eps) + bias``, the mean taken for ``kind="layer"`` only."""

    kind: Literal["rms", "layer"]
    gain: Tensor
    """[d]"""
    bias: Tensor | None
    """[d], or None"""
    eps: float

    @classmethod
    def of(cls, module: Any, kind: Literal["rms", "layer"], *, one_plus_gain: bool = False) -> "Norm":
        """Read a norm module of ``transformers``, in float32."""
        eps = getattr(module, "variance_epsilon", getattr(module, "eps", None))
        if eps is None:
            raise TypeError(f"{type(module).__name__} has no epsilon")
        gain, bias = module.weight.detach().float(), getattr(module, "bias", None)
        return cls(
            kind,
            1 + gain if one_plus_gain else gain.clone(),
            None if bias is None else bias.detach().float().clone(),
            float(eps),
        )

    def centre(self, x: Tensor, dim: int = -1) -> Tensor:
        """Take off the mean that this norm takes off: ``x`` itself for RMSNorm."""
        return x - x.mean(dim, keepdim=True) if self.kind == "layer" else x

    def scale(self, y: Tensor) -> Tensor:
        """``rho`` [...]: the root mean square that centred ``y`` [..., d] is divided by."""
        return torch.sqrt(self.centre(y).square().mean(-1) + self.eps)

    def read_by(self, projection: Tensor) -> Tensor:
        """Fold the linear part of this norm into the ``projection`` [n, d] that reads it (DESIGN §3.6)."""
        return self.centre(projection * self.gain)

    def linear(self, y: Tensor) -> Tensor:
        """The linear part of this norm: what it makes of ``y`` [..., d] but for ``rho`` and the bias."""
        return self.centre(y) * self.gain.to(y)

    def __call__(self, y: Tensor) -> Tensor:
        """Apply to ``y`` [..., d], in its own precision."""
        out = self.linear(y) / self.scale(y).unsqueeze(-1)
        return out if self.bias is None else out + self.bias.to(y)

    def to(self, device: torch.device) -> "Norm":
        """The same norm on another device."""
        return Norm(self.kind, self.gain.to(device), None if self.bias is None else self.bias.to(device), self.eps)
