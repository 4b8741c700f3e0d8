"""A base model under a fresh LoRA and task head: what is trained of it, how it scores, how it is saved."""

import contextlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, TaskType, get_peft_model
from torch import Tensor, nn

from hedonic_graph.errors import UserError
from hedonic_graph.models.architectures import HEAD, architecture_of
from hedonic_graph.models.load import check_layers, load_classifier, shape_of
from hedonic_graph.models.locate import Files
from hedonic_graph.models.quiet import quiet
from hedonic_graph.tuning.config import TuningConfig

_HEAD_SPREAD = 0.1
"""Spread of a fresh head's logits, about: small beside that of the labels, which are scaled to 1, so that the first
steps are not spent on undoing it."""


@dataclass(frozen=True)
class Tuned:
    """A base model with a LoRA that does nothing yet and a fresh head, in float32."""

    model: Any
    """PEFT's."""
    tokenizer: Any

    def trained(self) -> dict[str, nn.Parameter]:
        """What is trained, by PEFT's names."""
        return {name: one for name, one in self.model.named_parameters() if one.requires_grad}

    def weights(self) -> dict[str, Tensor]:
        """A copy of what is trained."""
        return {name: one.detach().cpu().clone() for name, one in self.trained().items()}

    @torch.no_grad()
    def put(self, weights: dict[str, Tensor]) -> None:
        """Set what is trained to a copy that :meth:`weights` made."""
        for name, one in self.trained().items():
            one.copy_(weights[name])

    def is_head(self, name: str) -> bool:
        """Whether a trained parameter is the head's."""
        return f".{HEAD}." in name


def prepare(files: Files, config: TuningConfig) -> Tuned:
    """Load the base model and wrap the MLP projections of ``config.layers``; all else stays frozen.

    The LoRA and the head come from the seed. Raises UserError for a model that is not covered and for layers
    that it does not have.
    """
    check_layers(config.layers, shape_of(files)["layers"], files.name)
    classifier, tokenizer = load_classifier(files)
    classifier.config.use_cache = False
    row = architecture_of(classifier.config)
    projections = dict.fromkeys(one for one in (row.gate, row.up, row.down) if one)
    draw = torch.Generator().manual_seed(config.seed)
    with torch.no_grad():
        # The final norm's output is about one per feature.
        head: Any = classifier.get_submodule(HEAD)
        spread = _HEAD_SPREAD / head.weight.shape[1] ** 0.5
        head.weight.copy_(torch.randn(head.weight.shape, generator=draw) * spread)
        if head.bias is not None:
            head.bias.zero_()
    torch.manual_seed(config.seed)
    lora = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=config.rank,
        lora_alpha=config.alpha,  # type: ignore[arg-type]
        # A pattern, because the same name may stand elsewhere in a layer (GPT-2's attention has a c_proj too).
        target_modules=_pattern(f"{row.backbone}.{row.layers}", config.layers, row.mlp, list(projections)),
        modules_to_save=[HEAD],
        fan_in_fan_out=classifier.config.model_type == "gpt2",
        base_model_name_or_path=files.name if files.gguf else config.model,
    )
    with quiet():
        model = get_peft_model(classifier, lora)
    model.peft_config["default"].base_model_name_or_path = files.name if files.gguf else config.model
    return Tuned(model.eval(), tokenizer)


def _pattern(stack: str, layers: Sequence[int], mlp: str, projections: list[str]) -> str:
    numbers, names = "|".join(map(str, layers)), "|".join(map(re.escape, projections))
    return rf"{re.escape(stack)}\.({numbers})\.{re.escape(mlp)}\.({names})"


def score(model: Any, prompts: Sequence[Sequence[int]], padding: int, device: torch.device, half: bool) -> Tensor:
    """Logits of prompts, float32 [prompts]; matrix products in bfloat16 where ``half``."""
    longest = max(map(len, prompts))
    ids = torch.full((len(prompts), longest), padding)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, : len(prompt)] = torch.tensor(prompt)
        mask[row, : len(prompt)] = 1
    context: Any = torch.autocast(device.type, torch.bfloat16) if half else contextlib.nullcontext()
    with context:
        logits: Tensor = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
    return logits[:, 0].float()


def runs_half(precision: str, device: torch.device) -> bool:
    """Whether to run matrix products in bfloat16, where ``precision`` is as in the configuration."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Only processors with instructions for it are faster by it.
    return device.type == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def save(tuned: Tuned, folder: Path, scale: float) -> None:
    """Write the adapter in PEFT's form, its head multiplied by ``scale``.

    The configuration comes last, so that a folder that was not finished is no adapter.
    """
    partial = folder / ".adapter.partial"
    shutil.rmtree(partial, ignore_errors=True)
    head = next(one for name, one in tuned.trained().items() if tuned.is_head(name))
    with torch.no_grad(), quiet():
        before = head.detach().clone()
        head.mul_(scale)
        tuned.model.save_pretrained(str(partial), save_embedding_layers=False)
        head.copy_(before)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        (partial / name).replace(folder / name)
    shutil.rmtree(partial)


def check_finite(loss: float, step: int) -> None:
    """Raise UserError where training has blown up."""
    if not loss < float("inf"):
        raise UserError(f"the loss is {loss} at step {step}: try a smaller --learning-rate, or --precision float32")
