"""Put a PEFT LoRA adapter on a model, and refuse one that does not belong there."""

import json
import re
from typing import Any

from peft import PeftConfig, PeftModel, set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from hedonic_graph.errors import UserError
from hedonic_graph.models.locate import Files

_PREFIX = "base_model.model."
_LORA = re.compile(r"(?P<module>.+)\.lora_(?P<side>[AB])\.weight")


def attach(classifier: Any, adapter: Files, head: str) -> bool:
    """Wrap the adapted modules of ``classifier`` in place; return whether the adapter brings the task head.

    Raises UserError where the adapter is no LoRA this package covers, is damaged, or was made for another
    base: a module it names is missing or has another shape.
    """
    config, state = _read(adapter)
    _check_modules(classifier, adapter, state)
    outcome: Any = set_peft_model_state_dict(PeftModel(classifier, config), state)
    if outcome.unexpected_keys:
        raise UserError(f"adapter {adapter.name} holds {outcome.unexpected_keys[0]}, which the model has no place for")
    if lost := [name for name in outcome.missing_keys if "lora_" in name]:
        raise UserError(f"adapter {adapter.name} is incomplete: it lacks {len(lost)} tensors, the first is {lost[0]}")
    return any(name.startswith(f"{_PREFIX}{head}.") for name in state)


def _read(adapter: Files) -> tuple[PeftConfig, dict[str, Tensor]]:
    weights = adapter.folder / "adapter_model.safetensors"
    if not weights.is_file():
        raise UserError(f"adapter {adapter.name} has no adapter_model.safetensors")
    try:
        config = PeftConfig.from_pretrained(str(adapter.folder))
        state = load_file(weights)
    except (SafetensorError, json.JSONDecodeError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"adapter {adapter.name} cannot be read: {error}") from error
    kind = getattr(config.peft_type, "value", config.peft_type)
    if kind != "LORA" or getattr(config, "use_dora", False) or getattr(config, "bias", "none") != "none":
        raise UserError(
            f"adapter {adapter.name} is not covered ({kind}, DoRA or trained biases): only plain LoRA adapters are"
        )
    config.inference_mode = True
    return config, state


def _check_modules(classifier: Any, adapter: Files, state: dict[str, Tensor]) -> None:
    modules = dict(classifier.named_modules())
    for name, tensor in state.items():
        path = name.removeprefix(_PREFIX)
        if not bool(tensor.isfinite().all()):
            raise UserError(f"adapter {adapter.name}: {path} holds values that are not finite (NaN or infinite)")
        match = _LORA.fullmatch(path)
        module = modules.get(match["module"] if match else path.rpartition(".")[0])
        shape = getattr(getattr(module, "weight", None), "shape", None)
        if module is None or shape is None:
            raise UserError(f"adapter {adapter.name} was made for another base: this model has no {path}")
        if match:
            side, mine = (1, tensor.shape[1]) if match["side"] == "A" else (0, tensor.shape[0])
            if shape[side] != mine:
                raise UserError(
                    f"adapter {adapter.name} was made for another base: {match['module']} is {shape[0]} x {shape[1]} "
                    f"here, the adapter has {mine} {'inputs' if side else 'outputs'}"
                )
        elif tensor.shape != shape:
            raise UserError(
                f"adapter {adapter.name} was made for another base: {path} is {list(shape)} here, "
                f"{list(tensor.shape)} in the adapter"
            )
