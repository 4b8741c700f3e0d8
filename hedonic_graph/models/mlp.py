"""One view of an MLP block for every architecture: its weights, tuned and base, its norms and activation.

Users of the view see ``gate`` (None for plain blocks), ``up`` and ``down`` as plain matrices, whatever the
modules are called, fused or transposed. The view is held against the modules it was read from.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from hedonic_graph.errors import UserError
from hedonic_graph.models.architectures import Architecture, first_of
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
    down_bias: Tensor | None = None
    """[d]; belongs to no neuron"""


@dataclass(frozen=True)
class Factors:
    """A matrix [d, n] as ``left @ right``, or ``left`` alone where it has no small rank."""

    left: Tensor
    """[d, r], or [d, n]"""
    right: Tensor | None = None
    """[r, n]"""

    def read_by(self, rows: Tensor) -> Tensor:
        """``rows @ matrix`` [..., n] for ``rows`` [..., d]."""
        read = rows @ self.left
        return read if self.right is None else read @ self.right

    def columns(self, chosen: Tensor) -> Tensor:
        """``matrix[:, chosen]`` [d, P]."""
        return self.left[:, chosen] if self.right is None else self.left @ self.right[:, chosen]


@dataclass(frozen=True)
class MLPBlock:
    """The MLP of one layer (DESIGN §2, §3.1)."""

    layer: int
    tuned: Projections
    base: Projections
    """What an ablated neuron goes back to; the tuned projections where that is not the base model."""
    down_step: Factors | None
    """Tuned minus base down projection; None where they are equal."""
    activation: Callable[[Tensor], Tensor]
    pre_norm: Norm | None
    post_norm: Norm | None

    def activations(self, h: Tensor, weights: Projections) -> Tensor:
        """What enters the down projection, [..., n], for MLP inputs ``h`` [..., d]."""
        up = nn.functional.linear(h, weights.up, weights.up_bias)
        if weights.gate is None:
            return self.activation(up)
        return self.activation(nn.functional.linear(h, weights.gate, weights.gate_bias)) * up

    def written(self, tuned: Tensor) -> Tensor:
        """``m`` [..., d], what the MLP puts out for tuned activations [..., n]; in their precision."""
        bias = self.tuned.down_bias
        return nn.functional.linear(tuned, self.tuned.down.to(tuned), None if bias is None else bias.to(tuned))

    def deltas(self, tuned: Tensor, base: Tensor, neurons: Tensor) -> Tensor:
        """``delta_i`` [B, len(neurons), d] of DESIGN §3.1 for activations [B, n]; in their precision."""
        now = tuned[:, neurons, None] * self.tuned.down.T[neurons].to(tuned)
        before = base[:, neurons, None] * self.base.down.T[neurons].to(base)
        return now - before

    def sum_of_deltas(self, tuned: Tensor, base: Tensor, neurons: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of ``delta_i`` over ``neurons`` for activations [B, n], as the product of [B, r] and [r, d].

        r is the number of neurons and, where the down projection was tuned, the rank of that step.
        """
        left, right = tuned[:, neurons] - base[:, neurons], self.tuned.down[:, neurons].T
        if self.down_step is None:
            return left, right
        # a1 D1 - a0 D0 = (a1 - a0) D1 + a0 (D1 - D0)
        before, step = base[:, neurons], self.down_step
        if step.right is None:
            return torch.cat([left, before], 1), torch.cat([right, step.left[:, neurons].T])
        return torch.cat([left, before @ step.right[:, neurons].T], 1), torch.cat([right, step.left.T])

    def reads(self) -> tuple[Tensor, Tensor | None]:
        """Tuned up and gate projections with the norm in front of them folded in (DESIGN §3.6), [n, d] each."""
        fold = self.pre_norm.read_by if self.pre_norm else lambda projection: projection
        return fold(self.tuned.up), None if self.tuned.gate is None else fold(self.tuned.gate)

    def writes(self) -> Tensor:
        """The tuned down projection [d, n] with the gain of a norm behind it folded in (DESIGN §3.6)."""
        return self.tuned.down if self.post_norm is None else self.post_norm.gain[:, None] * self.tuned.down


def view(
    layer: nn.Module, number: int, architecture: Architecture, *, base: nn.Module | None, step: Factors | None
) -> MLPBlock:
    """Read the MLP of a plain, tuned ``transformers`` layer.

    ``base`` is its MLP with base weights, None where nothing goes back to those. ``step`` is tuned minus base
    down projection where that is known to be of low rank. Raises UserError where the modules compute
    something else than their row in ``models/architectures.py`` says.
    """
    mlp: Any = layer.get_submodule(architecture.mlp)
    tuned = projections(mlp, architecture)
    before = tuned if base is None else projections(base, architecture)
    if step is None and not torch.equal(tuned.down, before.down):
        step = Factors(tuned.down - before.down)
    read_norm = partial(Norm.of, kind=architecture.norm, one_plus_gain=architecture.one_plus_gain)
    pre, post = (
        first_of(layer, architecture.pre_norm),
        architecture.post_norm and layer.get_submodule(architecture.post_norm),
    )
    block = MLPBlock(
        layer=number,
        tuned=tuned,
        base=before,
        down_step=step,
        activation=mlp.get_submodule(architecture.activation),
        pre_norm=read_norm(pre) if pre else None,
        post_norm=read_norm(post) if post else None,
    )
    h = torch.randn(2, tuned.up.shape[1], generator=torch.Generator().manual_seed(0)).to(tuned.up)
    check_agrees(mlp, h, block.written(block.activations(h, tuned)))
    for norm, module in ((block.pre_norm, pre), (block.post_norm, post)):
        if norm and module:
            check_agrees(module, h, norm(h))
    if bool(architecture.pre_norm) != (pre is not None):
        raise UserError(f"layer {number} has none of the norms {', '.join(architecture.pre_norm)} in front of its MLP")
    return block


def projections(mlp: nn.Module, architecture: Architecture) -> Projections:
    """The weights of a plain MLP module as matrices [out, in] and vectors."""
    down, down_bias = _affine(mlp.get_submodule(architecture.down))
    up, up_bias = _affine(mlp.get_submodule(architecture.up))
    found = Projections(up=up, up_bias=up_bias, down=down, down_bias=down_bias)
    if architecture.gate is None:
        return found
    if architecture.gate != architecture.up:
        gate, gate_bias = _affine(mlp.get_submodule(architecture.gate))
        return replace(found, gate=gate, gate_bias=gate_bias)
    gate, up = up.chunk(2)
    gate_bias, up_bias = (None, None) if up_bias is None else up_bias.chunk(2)
    return replace(found, gate=gate, gate_bias=gate_bias, up=up, up_bias=up_bias)


def _affine(module: Any) -> tuple[Tensor, Tensor | None]:
    weight, bias = module.weight.detach(), getattr(module, "bias", None)
    return weight.T if isinstance(module, Conv1D) else weight, None if bias is None else bias.detach()


@torch.no_grad()
def check_agrees(module: nn.Module, given: Tensor, ours: Tensor) -> None:
    """Raise UserError unless ``module`` gives what was computed from its row in ``models/architectures.py``."""
    theirs = module(given)
    if not torch.allclose(theirs, ours, rtol=1e-3, atol=1e-3 * float(theirs.abs().max())):
        raise UserError(
            f"{type(module).__name__} computes something else than this package knows of it: "
            "this release of transformers is not covered"
        )
