"""Load a base model as a sequence classifier with one output, and put a LoRA adapter on it."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging as transformers_logging

from hedonic_graph.errors import UserError
from hedonic_graph.models.adapter import attach
from hedonic_graph.models.architectures import Architecture, architecture_of
from hedonic_graph.models.locate import Files
from hedonic_graph.models.mlp import MLPBlock, view
from hedonic_graph.models.norm import Norm
from hedonic_graph.models.readout import Readout


@dataclass(frozen=True)
class Base:
    """A sequence classifier with its tokenizer, before any adapter."""

    classifier: Any
    tokenizer: Any
    architecture: Architecture
    head_is_new: bool
    """The checkpoint has no task head: the one here is random."""


@dataclass(frozen=True)
class LoadedModel:
    """A tuned model, ready for capture: everything above the last analysed layer is gone."""

    classifier: nn.Module
    tokenizer: Any
    architecture: Architecture
    device: torch.device
    has_adapter: bool

    @property
    def backbone(self) -> Any:
        """The stack of layers without the head."""
        return self.classifier.get_submodule(self.architecture.backbone)

    def layer(self, number: int) -> nn.Module:
        """The module of one layer."""
        return self.backbone.get_submodule(f"{self.architecture.layers}.{number}")

    def block(self, number: int) -> MLPBlock:
        """The view of one layer's MLP, float32 on the model's device."""
        return view(self.layer(number), number, self.architecture, self.device)

    @cached_property
    def readout(self) -> Readout:
        """The task head read through the final norm."""
        head: Any = self.classifier.get_submodule(self.architecture.head)
        while hasattr(head, "modules_to_save"):
            head = head.modules_to_save[head.active_adapters[0]]
        bias = 0.0 if getattr(head, "bias", None) is None else float(head.bias.detach()[0])
        norm = Norm.of(self.backbone.get_submodule(self.architecture.final_norm), self.architecture.norm)
        weight = head.weight.detach()[0].float()
        return Readout(weight, bias, norm).to(self.device)


def shape_of(files: Files) -> dict[str, Any]:
    """Read what a model's configuration says without loading weights.

    Returns ``model_type``, ``layers``, ``d_model`` and ``d_ff``; raises UserError for an unreadable or
    uncovered configuration.
    """
    config = _read(lambda: AutoConfig.from_pretrained(files.folder, **_gguf(files)), files)
    architecture_of(config.model_type)
    return {
        "model_type": config.model_type,
        "layers": config.num_hidden_layers,
        "d_model": config.hidden_size,
        "d_ff": config.intermediate_size,
    }


def load_base(files: Files) -> Base:
    """Load a base model in float32 as a sequence classifier with one output, and its tokenizer."""
    architecture = architecture_of(shape_of(files)["model_type"])

    def load() -> tuple[Any, Any]:
        tokenizer = AutoTokenizer.from_pretrained(files.folder, **_gguf(files))
        classifier, report = AutoModelForSequenceClassification.from_pretrained(
            files.folder, num_labels=1, dtype=torch.float32, output_loading_info=True, **_gguf(files)
        )
        return tokenizer, (classifier, report)

    tokenizer, (classifier, report) = _read(load, files)
    missing = sorted(set(report["missing_keys"]))
    head = [name for name in missing if name.startswith(f"{architecture.head}.")]
    if lost := [name for name in missing if name not in head]:
        raise UserError(f"{files.name} lacks {len(lost)} of its weights, the first is {lost[0]}")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token is None:
        raise UserError(f"the tokenizer of {files.name} has neither a padding nor an end-of-text token")
    classifier.config.pad_token_id = tokenizer.pad_token_id
    return Base(classifier.eval(), tokenizer, architecture, head_is_new=bool(head))


def load_model(
    files: Files,
    adapter: Files | None,
    layers: tuple[int, ...],
    device: torch.device,
    reference: str,
    *,
    needs_head: bool = True,
) -> LoadedModel:
    """Load base and adapter, check that they belong together, and cut the stack after the last of ``layers``.

    Raises UserError for a layer that does not exist, an adapter made for another base, an adapter that
    changes nothing in a layer of ``layers`` (with ``reference="base"``) and, with ``needs_head``, a missing
    task head.
    """
    if reference == "base" and adapter is None:
        raise UserError(
            "without an adapter there is no base to compare with: give --adapter, or --reference zero or mean"
        )
    base = load_base(files)
    stack = base.classifier.get_submodule(f"{base.architecture.backbone}.{base.architecture.layers}")
    check_layers(layers, len(stack), files.name)
    brings_head = False
    if adapter is not None:
        with _quiet():
            brings_head = attach(base.classifier, adapter, base.architecture.head)
        # The modules of a fresh LoRA are in training mode, their dropout at work.
        base.classifier.eval()
    if needs_head and base.head_is_new and not brings_head:
        where = f"neither {files.name} nor the adapter has" if adapter else f"{files.name} does not have"
        raise UserError(
            f"no task head: {where} the weights of {base.architecture.head!r}, which the logit is read from"
        )
    del stack[max(layers) + 1 :]
    _check_finite(base.classifier, files.name)
    model = LoadedModel(
        base.classifier.to(device), base.tokenizer, base.architecture, device, has_adapter=adapter is not None
    )
    if reference == "base" and adapter is not None:
        _check_delta(model, layers, adapter.name)
    return model


def check_layers(layers: tuple[int, ...], count: int, name: str) -> None:
    """Raise UserError unless every one of ``layers`` exists in a model of ``count`` layers."""
    if outside := [layer for layer in layers if not 0 <= layer < count]:
        raise UserError(f"{name} has no layer {outside[0]}: its layers are 0-{count - 1}")


def _check_finite(classifier: nn.Module, name: str) -> None:
    for parameter, values in classifier.named_parameters():
        if not bool(torch.isfinite(values).all()):
            raise UserError(f"{parameter} of {name} holds values that are not finite (NaN or infinite)")


def _check_delta(model: LoadedModel, layers: tuple[int, ...], adapter: str) -> None:
    for layer in layers:
        block = model.block(layer)
        pairs: list[tuple[Tensor | None, Tensor | None]] = [
            (block.tuned.up, block.base.up),
            (block.tuned.down, block.base.down),
            (block.tuned.gate, block.base.gate),
        ]
        if all(now is None or before is None or torch.equal(now, before) for now, before in pairs):
            raise UserError(
                f"adapter {adapter} changes nothing in the MLP of layer {layer} (its delta is exactly zero): "
                "untrained, not loaded, or meant for other layers"
            )


def _gguf(files: Files) -> dict[str, str]:
    return {"gguf_file": files.gguf} if files.gguf else {}


def _read(load: Any, files: Files) -> Any:
    """Call a loading function of ``transformers`` quietly; what it raises becomes one line."""
    try:
        with _quiet():
            return load()
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(f"model {files.name} cannot be loaded: {reason}") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the loading chatter of the libraries off the user's terminal."""
    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    root = logging.getLogger("gguf")
    before, root.level = root.level, logging.ERROR
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.level = before
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
