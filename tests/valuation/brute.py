"""Double ablation by hand, through the very modules of ``transformers``, in float64."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from hedonic_graph.models.load import LoadedModel
from hedonic_graph.models.norm import Norm


class Ablation:
    """Puts neurons of one layer's MLP back to their base weights and reads the layer-local logit.

    ``h`` [B, d] is the MLP's input and ``y`` [B, d] the tuned residual stream after it.
    """

    def __init__(self, model: LoadedModel, layer: int, h: Tensor, y: Tensor) -> None:
        mlp = model.layer(layer).mlp
        self.mlp = copy.deepcopy(mlp).double()
        weights = {}
        for name in ("gate_proj", "up_proj", "down_proj"):
            wrapped = getattr(self.mlp, name)
            base = wrapped.base_layer.weight.detach().clone()
            tuned = base + wrapped.get_delta_weight("default").detach()
            weights[name] = (tuned, base)
            plain = wrapped.base_layer
            plain.weight = nn.Parameter(tuned.clone())
            setattr(self.mlp, name, plain)
        self.weights = weights
        # transformers' RMSNorm computes in float32 whatever it is given: too coarse for differences of logits.
        self.norm: Callable[[Tensor], Tensor] = Norm.of(model.backbone.norm, "rms")
        self.head = copy.deepcopy(model.classifier.score.modules_to_save["default"]).double()
        self.h = h.double()
        with torch.no_grad():
            self.before = y.double() - self.mlp(self.h)

    @torch.no_grad()
    def logit(self, *neurons: int) -> Tensor:
        """Mean logit with these neurons ablated, as a float64 scalar."""
        index = list(neurons)
        for name, (tuned, base) in self.weights.items():
            weight = getattr(self.mlp, name).weight
            weight.copy_(tuned)
            if name == "down_proj":
                weight[:, index] = base[:, index]
            else:
                weight[index] = base[index]
        return self.head(self.norm(self.before + self.mlp(self.h)))[:, 0].mean()

    def synergy(self, i: int, j: int) -> float:
        """E[l - l_-i - l_-j + l_-ij]."""
        return float(self.logit() - self.logit(i) - self.logit(j) + self.logit(i, j))
