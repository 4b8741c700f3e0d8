"""Where each architecture keeps the parts that an analysis needs: one row per model type.

A new architecture is one more row here and one more tiny model in ``tests/tiny.py``. What a row says is held
against the modules themselves whenever a layer is read (``models/mlp.py``), so a row that does not fit a
release of ``transformers`` is found out and never computed with.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from torch import nn

from hedonic_graph.errors import UserError

HEAD = "score"
"""The task head below every sequence classifier of ``transformers``."""


@dataclass(frozen=True)
class Architecture:
    """Attribute paths inside a ``transformers`` model, and the kinds of norm and block."""

    backbone: str
    """The stack of layers without a head, below the model."""
    layers: str
    """The list of layers, below the backbone."""
    final_norm: str
    """The norm that a head reads through, below the backbone."""
    norm: Literal["rms", "layer"]
    pre_norm: tuple[str, ...]
    """The norm in front of the MLP, below a layer: the first of these that is there; () where there is none."""
    up: str
    """The up projection of a gated block or the only one of a plain block, below the MLP."""
    down: str
    activation: str
    """The activation function, below the MLP."""
    gate: str | None = None
    """The gate projection, below the MLP; ``up`` again where one module holds both, the gate first."""
    mlp: str = "mlp"
    """The MLP, below a layer."""
    post_norm: str | None = None
    """The norm between the MLP and the residual stream, below a layer."""
    one_plus_gain: bool = False
    """Norms multiply by one plus their weight."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Modules that checkpoints may hold under another name."""


_LLAMA = Architecture(
    backbone="model",
    layers="layers",
    final_norm="norm",
    norm="rms",
    pre_norm=("post_attention_layernorm",),
    gate="gate_proj",
    up="up_proj",
    down="down_proj",
    activation="act_fn",
)
_PHI3 = replace(_LLAMA, gate="gate_up_proj", up="gate_up_proj", activation="activation_fn")
_OLMO2 = replace(_LLAMA, pre_norm=(), post_norm="post_feedforward_layernorm")
_GEMMA = replace(_LLAMA, one_plus_gain=True)
_GEMMA2 = replace(_GEMMA, pre_norm=("pre_feedforward_layernorm",), post_norm="post_feedforward_layernorm")
_GPT_NEOX = Architecture(
    backbone="gpt_neox",
    layers="layers",
    final_norm="final_layer_norm",
    norm="layer",
    pre_norm=("post_attention_layernorm",),
    up="dense_h_to_4h",
    down="dense_4h_to_h",
    activation="act",
    renamed={"lm_head": "embed_out", "embed_out": "lm_head"},
)
# Where the MLP's norm is depends on the configuration: parallel to attention or not, shared with it or not.
_FALCON_NORMS = ("ln_mlp", "post_attention_layernorm", "input_layernorm")
_FALCON = replace(_GPT_NEOX, backbone="transformer", layers="h", final_norm="ln_f", pre_norm=_FALCON_NORMS, renamed={})
_GPT2 = replace(_FALCON, pre_norm=("ln_2",), up="c_fc", down="c_proj")
_STARCODER2 = replace(_LLAMA, norm="layer", gate=None, up="c_fc", down="c_proj", activation="act")
_PHI = replace(
    _STARCODER2,
    final_norm="final_layernorm",
    pre_norm=("input_layernorm",),
    up="fc1",
    down="fc2",
    activation="activation_fn",
)

ARCHITECTURES: dict[str, Architecture] = {
    "falcon": _FALCON,
    "gemma": _GEMMA,
    "gemma2": _GEMMA2,
    "gemma3_text": _GEMMA2,
    "gpt2": _GPT2,
    "gpt_neox": _GPT_NEOX,
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "olmo2": _OLMO2,
    "olmo3": _OLMO2,
    "phi": _PHI,
    "phi3": _PHI3,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "smollm3": _LLAMA,
    "starcoder2": _STARCODER2,
}
"""By ``model_type`` of the model's configuration."""


_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
"""Where configurations say how many experts there are."""


def architecture_of(config: Any) -> Architecture:
    """Look up a ``transformers`` configuration; raises UserError that says why a model is not covered."""
    kind, covered = config.model_type, f"covered: {', '.join(ARCHITECTURES)}"
    if kind in ARCHITECTURES:
        return ARCHITECTURES[kind]
    text = getattr(config, "text_config", None)
    if text is not None:
        inner = getattr(text, "model_type", "unknown")
        advice = (
            f": save the language model in it ({inner!r}) by itself and analyse that"
            if inner in ARCHITECTURES
            else f", nor is the language model in it ({inner!r})"
        )
        raise UserError(f"model type {kind!r} is a multimodal shell, which is not covered{advice}; {covered}")
    # DBRX counts its experts one level down.
    if any(getattr(part, name, None) for part in (config, getattr(config, "ffn_config", None)) for name in _EXPERTS):
        raise UserError(
            f"model type {kind!r} is a mixture of experts, which is not covered: "
            f"its layers have no one set of neurons; {covered}"
        )
    raise UserError(f"model type {kind!r} is not covered; {covered}")


def first_of(module: nn.Module, names: tuple[str, ...]) -> nn.Module | None:
    """The first submodule of these names that ``module`` has."""
    for name in names:
        found = getattr(module, name, None)
        if isinstance(found, nn.Module):
            return found
    return None
