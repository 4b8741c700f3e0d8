"""One view of an MLP block for every architecture: its weights, tuned and base, its norm and activation.

Users of the view see ``gate`` (None for plain blocks), ``up`` and ``down`` as plain matrices, whatever the
modules are called, fused or wrapped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hedonic_graph.models.architectures import Architecture
from hedonic_graph.models.norm import Norm


@dataclass(frozen=True)
class Projections:
    """The weights of one block, either tuned or base; n neurons, model dimension d, float32."""

    up: Tensor
    """[n, d]"""
    down: Tensor
    """[d, n]"""
    gate: Tensor | None = None
    """[n, d]; None for a plain block"""
    up_bias: Tensor | None = None
    """[n]"""
    gate_bias: Tensor | None = None
    """[n]"""


@dataclass(frozen=True)
class LowRank:
    """A matrix [d, n] as ``left @ right``."""

    left: Tensor
    """[d, r]"""
    right: Tensor
    """[r, n]"""


@dataclass(frozen=True)
class MLPBlock:
    """The MLP of one layer (DESIGN §2, §3.1)."""

    layer: int
    tuned: Projections
    base: Projections
    down_step: LowRank | None
    """Tuned minus base down projection; None where they are equal."""
    activation: Callable[[Tensor], Tensor]
    pre_norm: Norm

    def activations(self, h: Tensor, weights: Projections) -> Tensor:
        """What enters the down projection, [..., n], for MLP inputs ``h`` [..., d]."""
        return activations(h, self.activation, weights)

    def deltas(self, tuned: Tensor, base: Tensor, neurons: Tensor) -> Tensor:
        """``delta_i`` [B, len(neurons), d] of DESIGN §3.1 for activations ``tuned`` and ``base`` [B, n]."""
        now = tuned[:, neurons, None] * self.tuned.down.T[neurons]
        before = base[:, neurons, None] * self.base.down.T[neurons]
        return now - before


def activations(h: Tensor, activation: Callable[[Tensor], Tensor], weights: Projections) -> Tensor:
    """What enters the down projection, [..., n], for MLP inputs ``h`` [..., d]."""
    up = nn.functional.linear(h, weights.up, weights.up_bias)
    if weights.gate is None:
        return activation(up)
    return activation(nn.functional.linear(h, weights.gate, weights.gate_bias)) * up


def view(layer: nn.Module, number: int, architecture: Architecture, device: torch.device) -> MLPBlock:
    """Read the MLP of a ``transformers`` layer, with or without a LoRA on it."""
    mlp = layer.get_submodule(architecture.mlp)
    up, up_base = _matrices(mlp.get_submodule(architecture.up), device)
    down, down_base = _matrices(mlp.get_submodule(architecture.down), device)
    gate: Tensor | None = None
    gate_base: Tensor | None = None
    gate_bias: Tensor | None = None
    if architecture.gate:
        gate_module = mlp.get_submodule(architecture.gate)
        gate, gate_base = _matrices(gate_module, device)
        gate_bias = _bias(gate_module, device)
    up_bias = _bias(mlp.get_submodule(architecture.up), device)
    pre_norm = Norm.of(layer.get_submodule(architecture.pre_norm), architecture.norm).to(device)
    return MLPBlock(
        layer=number,
        tuned=Projections(up, down, gate, up_bias, gate_bias),
        base=Projections(up_base, down_base, gate_base, up_bias, gate_bias),
        down_step=_low_rank(mlp.get_submodule(architecture.down), device),
        activation=mlp.get_submodule(architecture.activation),
        pre_norm=pre_norm,
    )


def _matrices(module: Any, device: torch.device) -> tuple[Tensor, Tensor]:
    """Tuned and base weight [out, in] in float32; the same tensor twice where no LoRA is on the module."""
    plain = module.get_base_layer() if hasattr(module, "get_base_layer") else module
    base = plain.weight.detach().to(device, torch.float32)
    step = _low_rank(module, device)
    return (base if step is None else torch.addmm(base, step.left, step.right)), base


def _low_rank(module: Any, device: torch.device) -> LowRank | None:
    """The LoRA step of a wrapped linear layer, scaling folded in; None without one."""
    if not hasattr(module, "lora_A"):
        return None
    left, right = [], []
    for name in module.active_adapters:
        if name in module.lora_A:
            left.append(module.lora_B[name].weight.detach().to(device, torch.float32) * module.scaling[name])
            right.append(module.lora_A[name].weight.detach().to(device, torch.float32))
    return LowRank(torch.cat(left, 1), torch.cat(right, 0)) if left else None


def _bias(module: Any, device: torch.device) -> Tensor | None:
    plain = module.get_base_layer() if hasattr(module, "get_base_layer") else module
    bias = getattr(plain, "bias", None)
    return None if bias is None else bias.detach().to(device, torch.float32)
