"""Where each architecture keeps the parts that an analysis needs: one row per model type.

A new architecture of the same structure is one more row here and one more tiny model in the tests.
"""

from dataclasses import dataclass
from typing import Literal

from hedonic_graph.errors import UserError


@dataclass(frozen=True)
class Architecture:
    """Attribute paths inside a ``transformers`` sequence classifier, and the kinds of norm and block."""

    backbone: str
    """The stack of layers without a head, below the classifier."""
    layers: str
    """The list of layers, below the backbone."""
    final_norm: str
    """The norm that the head reads through, below the backbone."""
    norm: Literal["rms", "layer"]
    head: str
    """The task head, below the classifier."""
    mlp: str
    """The MLP, below a layer."""
    pre_norm: str
    """The norm in front of the MLP, below a layer."""
    gate: str | None
    """The gate projection, below the MLP; None for plain blocks."""
    up: str
    down: str
    activation: str
    """The activation function, below the MLP."""


_LLAMA = Architecture(
    backbone="model",
    layers="layers",
    final_norm="norm",
    norm="rms",
    head="score",
    mlp="mlp",
    pre_norm="post_attention_layernorm",
    gate="gate_proj",
    up="up_proj",
    down="down_proj",
    activation="act_fn",
)

ARCHITECTURES: dict[str, Architecture] = {"llama": _LLAMA, "mistral": _LLAMA, "qwen2": _LLAMA}
"""By ``model_type`` of the model's configuration."""


def architecture_of(model_type: str) -> Architecture:
    """Look up a model type; raises UserError that lists the covered ones."""
    if model_type not in ARCHITECTURES:
        raise UserError(f"model type {model_type!r} is not covered; covered: {', '.join(sorted(ARCHITECTURES))}")
    return ARCHITECTURES[model_type]
