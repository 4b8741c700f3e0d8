"""A tuned model whose layers are read from its files when they are asked for, and forgotten afterwards."""

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn

from hedonic_graph.models import adapter as adapters
from hedonic_graph.models.adapter import Adapter
from hedonic_graph.models.architectures import Architecture
from hedonic_graph.models.checkpoint import Checkpoint
from hedonic_graph.models.mlp import MLPBlock, check_agrees, view
from hedonic_graph.models.norm import Norm
from hedonic_graph.models.readout import Readout, token_ids
from hedonic_graph.models.skeleton import head_of
from hedonic_graph.text.readouts import TokenPair


@dataclass(frozen=True)
class Tuning:
    """What there was before the tuning."""

    weights: Checkpoint
    """The base model's."""
    model: Any
    """Its modules, all parameters on the meta device."""


@dataclass(frozen=True)
class LoadedModel:
    """A tuned model. ``model`` has its structure; parameters lie on the meta device but for those of an adapter."""

    model: Any
    tokenizer: Any
    architecture: Architecture
    device: torch.device
    weights: Checkpoint
    adapter: Adapter | None
    tuning: Tuning | None
    """None where nothing was tuned."""
    reference: str
    """What an ablated neuron goes back to (DESIGN §3.1)."""
    tokens: TokenPair | None
    """Whose logits the readout takes; None for a task head, or where nothing is read."""

    @property
    def backbone(self) -> Any:
        """The stack of layers without the head."""
        return self.model.get_submodule(self.architecture.backbone)

    @property
    def layers(self) -> Any:
        """The list of layers, without weights."""
        return self.backbone.get_submodule(self.architecture.layers)

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return int(self.model.config.hidden_size)

    def part(self, path: str) -> nn.Module:
        """A copy of a part of the tuned model with its weights, plain and float32 on the model's device."""
        module = copy.deepcopy(self.model.get_submodule(path))
        self.weights.fill(module, path, self.device)
        return adapters.merged(module)

    def layer(self, number: int) -> nn.Module:
        """One tuned layer with its weights; see :meth:`part`."""
        return self.part(self._path(number))

    def base_part(self, path: str) -> nn.Module | None:
        """The same part with base weights; None where nothing was tuned."""
        if self.tuning is None:
            return None
        module: nn.Module = copy.deepcopy(self.tuning.model.get_submodule(path))
        self.tuning.weights.fill(module, path, self.device)
        return module

    def block(self, number: int, layer: nn.Module | None = None) -> MLPBlock:
        """The view of one layer's MLP, float32; ``layer`` is what :meth:`layer` gave, where that is at hand."""
        layer = self.layer(number) if layer is None else layer
        row = self.architecture
        if self.reference != "base":
            return view(layer, number, row, base=None, step=None)
        step = adapters.factors(self.layers[number].get_submodule(f"{row.mlp}.{row.down}"), self.device)
        return view(layer, number, row, base=self.base_part(f"{self._path(number)}.{row.mlp}"), step=step)

    @cached_property
    def readout(self) -> Readout:
        """The task head, or the difference of two tokens' logits, read through the final norm."""
        row = self.architecture
        module = self.part(f"{row.backbone}.{row.final_norm}")
        norm = Norm.of(module, row.norm, one_plus_gain=row.one_plus_gain)
        y = torch.randn(2, self.d_model, generator=torch.Generator().manual_seed(0)).to(self.device)
        check_agrees(module, y, norm(y))
        head: Any = self.part(head_of(self.model))
        rows = [0] if self.tokens is None else list(token_ids(self.tokenizer, self.tokens))
        weight = head.weight.detach()[rows]
        bias = weight.new_zeros(len(rows)) if head.bias is None else head.bias.detach()[rows]
        if self.tokens is None:
            return Readout(weight, bias, norm)
        return Readout.difference(weight, bias, norm, getattr(self.model.config, "final_logit_softcapping", None))

    def _path(self, number: int) -> str:
        return f"{self.architecture.backbone}.{self.architecture.layers}.{number}"
