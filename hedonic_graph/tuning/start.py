"""Weights to go on from: those of an adapter that was trained before, on easier text or for another task."""

import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor

from hedonic_graph.errors import UserError
from hedonic_graph.models import adapter as adapters
from hedonic_graph.models.locate import Files
from hedonic_graph.models.quiet import quiet
from hedonic_graph.tuning.model import Tuned

_ALIKE = ("use_dora", "use_rslora", "lora_alpha", "rank_pattern", "alpha_pattern")
"""What, beside the shapes, says how much a LoRA adds."""


def start_from(tuned: Tuned, files: Files, scale: float) -> None:
    """Put an adapter's LoRA and head in place of the fresh ones; its logits come out divided by ``scale``.

    Raises UserError where it is no plain LoRA of the same rank and alpha on the same matrices.
    """
    adapter = adapters.read(files)
    fresh = get_peft_model_state_dict(tuned.model, save_embedding_layers=False)
    ours = tuned.model.peft_config["default"]
    shaped = _shapes(adapter.state) == _shapes(fresh)
    if not shaped or any(getattr(adapter.config, name) != getattr(ours, name) for name in _ALIKE):
        raise UserError(
            f"there is no going on from adapter {adapter.name}: it is not a LoRA of rank {ours.r} and alpha "
            f"{ours.lora_alpha:g} on the MLP of just these layers, with a task head"
        )
    with quiet():
        set_peft_model_state_dict(tuned.model, adapter.state)
    with torch.no_grad():
        for name, one in tuned.trained().items():
            if tuned.is_head(name):
                one.div_(scale)


def _shapes(state: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: one.shape for name, one in state.items()}
