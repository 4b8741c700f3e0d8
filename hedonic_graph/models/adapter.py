"""Put a PEFT LoRA adapter on a model without weights, and say what the adapted modules come to.

What an adapter means is PEFT's to say: its own merge turns base weights and adapter into tuned weights, so
rank-stabilised scaling, patterns of ranks and layers, DoRA and biases come out as PEFT computes them. What
has no such weights is refused.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from hedonic_graph.errors import UserError
from hedonic_graph.models.architectures import HEAD
from hedonic_graph.models.locate import Files
from hedonic_graph.models.mlp import Factors
from hedonic_graph.models.readout import check_head

_PREFIX = "base_model.model."
_LORA = re.compile(r"(?P<module>.+)\.lora_(?P<side>[AB])\.weight")
_CHANGES_BASE = ("pissa", "corda", "olora", "mica", "loftq", "lora_ga")
"""Ways to begin a LoRA that alter the base weights, which the adapter's files do not hold."""
_NOT_OF_ONE_MATRIX = (
    *("layer_replication", "target_parameters", "alora_invocation_tokens", "trainable_token_indices"),
    *("use_qalora", "arrow_config"),
)
"""Options that make a LoRA something else than a step of the matrices it is on."""


@dataclass(frozen=True)
class Adapter:
    """What an adapter is, as its files say."""

    name: str
    config: Any
    state: dict[str, Tensor]
    """Its tensors in float32, by PEFT's names."""

    @property
    def kind(self) -> str:
        """``LoRA`` or ``DoRA``."""
        return "DoRA" if self.config.use_dora else "LoRA"

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """Paths, in the plain model, of the modules that it changes."""
        return tuple(sorted({_plain_path(name.removeprefix(_PREFIX).rpartition(".")[0]) for name in self.state}))

    @property
    def brings_head(self) -> bool:
        """Whether the task head comes with the adapter."""
        return HEAD in self.modules


def attach(model: nn.Module, adapter: Adapter) -> None:
    """Wrap the adapted modules of ``model`` in place; its own parameters lie on the meta device.

    Afterwards a parameter has values exactly where the adapter brings them. Raises UserError where the
    adapter was made for another base: a module it names is missing or has another shape.
    """
    _check_modules(model, adapter)
    try:
        wrapped = PeftModel(model, adapter.config)
    except Exception as error:  # Whatever PEFT makes of options that nobody checked.
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(f"adapter {adapter.name} cannot be put on this model: {reason}") from error
    for module in wrapped.modules():
        for variant in getattr(module, "lora_variant", {}).values():
            if not type(variant).__name__.startswith("Dora"):
                raise UserError(f"adapter {adapter.name} is not covered: it is a {type(variant).__name__}")
    _fill(wrapped, adapter)


def merged(module: nn.Module) -> nn.Module:
    """The plain module that an adapted one comes to; ``module`` is used up. All weights must be there."""
    root = nn.ModuleDict({"module": module})
    for path, found in list(_wrapped(root)):
        root.set_submodule(path, _unwrapped(found))
    return root["module"]


def factors(module: Any, device: torch.device) -> Factors | None:
    """The step of a LoRA on one linear layer as a product, scaling folded in; None where it is none."""
    if not hasattr(module, "lora_A") or module.lora_variant:
        return None
    (name,) = module.active_adapters
    if name not in module.lora_A:
        return None
    left = module.lora_B[name].weight.detach().to(device, torch.float32) * module.scaling[name]
    return Factors(left, module.lora_A[name].weight.detach().to(device, torch.float32))


def read(adapter: Files) -> Adapter:
    """Read an adapter's files; raises UserError where they are damaged or not of a kind this package covers."""
    weights = adapter.folder / "adapter_model.safetensors"
    if not weights.is_file():
        pickled = (adapter.folder / "adapter_model.bin").is_file()
        hint = ", only adapter_model.bin: open it with peft and save it again (save_pretrained)" if pickled else ""
        raise UserError(f"adapter {adapter.name} has no adapter_model.safetensors{hint}")
    config = _config(adapter)
    try:
        state = load_file(weights)
    except SafetensorError as error:
        raise UserError(f"adapter {adapter.name} cannot be read: {error}") from error
    for name, tensor in state.items():
        if not tensor.is_floating_point() or tensor.element_size() < 2:
            raise UserError(
                f"{name.removeprefix(_PREFIX)} of adapter {adapter.name} is stored as "
                f"{str(tensor.dtype).removeprefix('torch.')}: quantised adapters are not covered"
            )
    return Adapter(adapter.name, config, {name: tensor.float() for name, tensor in state.items()})


def _config(adapter: Files) -> Any:
    try:
        said = json.loads((adapter.folder / "adapter_config.json").read_text(encoding="utf-8"))
        kind = said.get("peft_type")
    except (ValueError, AttributeError) as error:
        raise UserError(f"adapter {adapter.name} cannot be read: its adapter_config.json is damaged") from error
    if kind != "LORA":
        raise UserError(f"adapter {adapter.name} is not covered ({kind or 'no peft_type'}): only LoRA and DoRA are")
    # PEFT ignores what it does not know; only what is switched off can be ignored.
    off = (key for key, value in said.items() if value is None or value is False or value in ([], {}))
    if unknown := sorted(set(said) - {field.name for field in fields(LoraConfig)} - set(off)):
        raise UserError(
            f"adapter {adapter.name} is not covered: this release of peft does not know {' and '.join(unknown)}: "
            "install the peft that it was saved with"
        )
    began = said.get("init_lora_weights")
    if isinstance(began, str) and began.lower().startswith(_CHANGES_BASE):
        raise UserError(
            f"adapter {adapter.name} is not covered: it began with {began}, which changes the base weights; "
            "save it as a plain LoRA (save_pretrained with path_initial_model_for_weight_conversion)"
        )
    try:
        config: Any = PeftConfig.from_pretrained(str(adapter.folder))
    except Exception as error:  # Whatever PEFT makes of options that nobody checked.
        raise UserError(f"adapter {adapter.name} cannot be read: {error or type(error).__name__}") from error
    for option in _NOT_OF_ONE_MATRIX:
        if getattr(config, option, None):
            raise UserError(f"adapter {adapter.name} is not covered: it uses {option}")
    config.inference_mode = True
    return config


def _check_modules(model: nn.Module, adapter: Adapter) -> None:
    modules = dict(model.named_modules())
    for name, tensor in adapter.state.items():
        path = name.removeprefix(_PREFIX)
        if not bool(tensor.isfinite().all()):
            raise UserError(f"adapter {adapter.name}: {path} holds values that are not finite (NaN or infinite)")
        match = _LORA.fullmatch(path)
        module = modules.get(match["module"] if match else _plain_path(path.rpartition(".")[0]))
        if module is None or getattr(module, "weight", None) is None:
            if path.startswith((f"{HEAD}.", "lm_head.")):
                raise UserError(
                    f"adapter {adapter.name} brings {path}, which this readout does not read: a task head is read "
                    "by --readout score, a generative model's by --readout 'token: yes - no'"
                )
            raise UserError(f"adapter {adapter.name} was made for another base: this model has no {path}")
        if match and tensor.ndim == 2:
            shape = _shape(module)
            side, mine = (1, tensor.shape[1]) if match["side"] == "A" else (0, tensor.shape[0])
            if shape[side] != mine:
                raise UserError(
                    f"adapter {adapter.name} was made for another base: {match['module']} is {shape[0]} x {shape[1]} "
                    f"here, the adapter has {mine} {'inputs' if side else 'outputs'}"
                )
        if path == f"{HEAD}.weight":
            check_head(adapter.name, len(tensor))
        parameter = getattr(module, path.rpartition(".")[2], None)
        if isinstance(parameter, Tensor) and tensor.shape != parameter.shape and not match:
            if isinstance(module, nn.Embedding) or path == "lm_head.weight":
                raise UserError(
                    f"adapter {adapter.name} brings {path} for {len(tensor)} tokens, this model has {len(parameter)}: "
                    "resize the base (resize_token_embeddings), save it, and give that as --model"
                )
            raise UserError(
                f"adapter {adapter.name} was made for another base: {path} is {list(parameter.shape)} here, "
                f"{list(tensor.shape)} in the adapter"
            )


def _fill(wrapped: Any, adapter: Adapter) -> None:
    """Give the wrapped model's parameters the adapter's values, and only those."""
    places = dict(wrapped.named_parameters(remove_duplicate=False))
    # PEFT's names for what it saves, each with the very parameter that it would save.
    saved = get_peft_model_state_dict(wrapped, state_dict=places, save_embedding_layers=False)
    targets = {name: id(parameter) for name, parameter in saved.items()}
    values: dict[int, Tensor] = {}
    for name, tensor in adapter.state.items():
        # What is no part of the adapter proper, such as an embedding saved along, goes by its own name.
        target = targets.get(name, id(places.get(name)))
        if name not in targets and name not in places:
            raise UserError(
                f"adapter {adapter.name} holds {name.removeprefix(_PREFIX)}, which the model has no place for"
            )
        values[target] = tensor
    if lost := [name for name, target in targets.items() if target not in values]:
        raise UserError(
            f"adapter {adapter.name} is incomplete: it lacks {len(lost)} tensors, the first is "
            f"{lost[0].removeprefix(_PREFIX)}"
        )
    for name, parameter in places.items():
        if id(parameter) in values:
            if (shape := values[id(parameter)].shape) != parameter.shape:
                # PEFT's configuration gives rank and scaling: with tensors of other ranks it would mean another step.
                raise UserError(
                    f"adapter {adapter.name} does not fit its adapter_config.json: "
                    f"{name.removeprefix(_PREFIX).replace('.default', '')} is {list(shape)}, "
                    f"by its configuration it would be {list(parameter.shape)}"
                )
            owner = wrapped.get_submodule(name.rpartition(".")[0])
            owner._parameters[name.rpartition(".")[2]] = nn.Parameter(values[id(parameter)], requires_grad=False)


def _wrapped(root: nn.Module, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The outermost modules of PEFT below ``root``."""
    for name, child in root.named_children():
        path = f"{prefix}{name}"
        if hasattr(child, "base_layer") or hasattr(child, "unload_and_optionally_merge_module"):
            yield path, child
        else:
            yield from _wrapped(child, f"{path}.")


@torch.no_grad()
def _unwrapped(module: Any) -> nn.Module:
    if hasattr(module, "unload_and_optionally_merge_module"):
        found: nn.Module = module.unload_and_optionally_merge_module(merge=True, safe_merge=False, adapter_names=None)
        return found
    base: Any = module.get_base_layer()
    if any(module.lora_bias.values()) and base.bias is None:
        # PEFT merges a LoRA's own bias into the bias of the layer, where there may be none.
        base.bias = nn.Parameter(base.weight.new_zeros(module.out_features), requires_grad=False)
    module.merge()
    return base


def _plain_path(path: str) -> str:
    """The module of the plain model that a tensor of the adapter belongs to."""
    return re.sub(r"\.(base_layer|lora_\w+)(\..*)?$", "", path)


def _shape(module: Any) -> tuple[int, int]:
    """Outputs and inputs of a linear layer."""
    out, into = module.weight.shape
    return (into, out) if type(module).__name__ == "Conv1D" else (out, into)
