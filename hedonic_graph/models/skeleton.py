"""What a model's folder says of it: configuration, modules without weights, where the weights are, tokenizer."""

import copy
import json
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, TypeVar

import torch
from accelerate import init_empty_weights
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from hedonic_graph.errors import UserError
from hedonic_graph.models.architectures import HEAD, Architecture, architecture_of
from hedonic_graph.models.checkpoint import Checkpoint, Stored
from hedonic_graph.models.locate import Files
from hedonic_graph.models.quiet import quiet

_T = TypeVar("_T")

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")
"""One of these holds a tokenizer's tokens."""


def read_config(files: Files) -> Any:
    """The configuration of a model that is covered; raises UserError for others, and for quantised weights."""
    try:
        config = reading(lambda: _config(files), files)
    except UserError as error:
        # A type that transformers does not know, or only with code of its own: say what this package covers.
        architecture_of(SimpleNamespace(model_type=_model_type(files, otherwise=error)))
        raise
    architecture_of(config)
    if not files.gguf and (found := getattr(config, "quantization_config", None)):
        kind = found.get("quant_method") if isinstance(found, dict) else getattr(found, "quant_method", None)
        raise UserError(
            f"model {files.name} is quantised ({getattr(kind, 'value', kind) or 'unknown method'}), which is not "
            "covered: give the checkpoint it was made from, or a GGUF file"
        )
    return config


def _config(files: Files) -> Any:
    if not files.gguf:
        return AutoConfig.from_pretrained(files.folder)
    known = (files.folder / files.gguf).stat()
    return copy.deepcopy(_gguf_config(files, known.st_mtime_ns, known.st_size))


@lru_cache(1)
def _gguf_config(files: Files, changed: int, size: int) -> Any:
    """Kept, because transformers takes seconds to read it: it reads the vocabulary along with it."""
    return AutoConfig.from_pretrained(files.folder, gguf_file=files.gguf)


def _model_type(files: Files, *, otherwise: UserError) -> str:
    """What the configuration's file says; raises ``otherwise`` where it says nothing that can be read."""
    try:
        return str(json.loads((files.folder / "config.json").read_text(encoding="utf-8"))["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        raise otherwise from otherwise.__cause__


def build(config: Any, files: Files, *, causal: bool) -> Any:
    """The modules of a language model (``causal``) or a sequence classifier with one output, without weights.

    Every parameter lies on the meta device, buffers are as they should be, dropout is at rest.
    """
    kind: Any = AutoModelForCausalLM if causal else AutoModelForSequenceClassification
    if type(config) not in kind._model_mapping:
        raise UserError(
            f"this release of transformers has no {'language model' if causal else 'sequence classifier'} "
            f"for {config.model_type!r}"
        )
    config = copy.deepcopy(config)
    config.num_labels = 1
    if getattr(config, "attn_logit_softcapping", None):
        # Fused kernels cannot cap; some releases leave it out then, without a word.
        config._attn_implementation = "eager"

    def load() -> Any:
        with init_empty_weights(include_buffers=False):
            return kind.from_config(config, dtype=torch.float32)

    return reading(load, files).eval()


def head_of(model: Any) -> str:
    """Path of the head below a model that :func:`build` made."""
    unembedding = model.get_output_embeddings()
    return HEAD if unembedding is None else path_of(model, unembedding)


def path_of(root: nn.Module, module: nn.Module) -> str:
    """Where ``module`` is below ``root``."""
    return next(path for path, one in root.named_modules() if one is module)


def open_weights(files: Files, model: Any, row: Architecture) -> Checkpoint:
    """Find the weights for the modules that :func:`build` made, under whatever names they were saved."""
    aliases = [(f"{name}.", f"{other}.") for name, other in row.renamed.items()]
    # A backbone that was saved by itself has no prefix.
    own = f"{row.backbone}."
    if getattr(model.config, "tie_word_embeddings", False) and model.get_output_embeddings() is not None:
        head = f"{head_of(model)}.weight"
        embedding = f"{path_of(model, model.get_input_embeddings())}.weight"
        aliases += [(head, embedding), (head, embedding.removeprefix(own))]
    aliases.append((own, ""))
    if not files.gguf:
        return Checkpoint.open(files, aliases)
    whole = reading(
        lambda: AutoModelForCausalLM.from_pretrained(
            files.folder, config=read_config(files), dtype=torch.float32, **gguf_option(files)
        ),
        files,
    )
    return Checkpoint(files.name, Stored.tensors(whole.state_dict()), aliases)


def read_tokenizer(files: Files, tuned: Files | None = None, adapter: Files | None = None) -> Any:
    """The tokenizer that comes with what tuned the model, else the base's; with a padding token."""

    def has_one(one: Files) -> bool:
        return bool(one.gguf) or any((one.folder / name).is_file() for name in _TOKENIZER_FILES)

    source = files
    if tuned is not None and has_one(tuned):
        source = tuned
    elif adapter is not None and has_one(adapter) and (adapter.folder / "tokenizer_config.json").is_file():
        # Without a model's configuration it takes this file to say what kind of tokenizer it is.
        source = adapter
    if not has_one(source):
        raise UserError(f"model {source.name} has no tokenizer: none of {', '.join(_TOKENIZER_FILES)}")
    tokenizer = reading(lambda: AutoTokenizer.from_pretrained(source.folder, **gguf_option(source)), source)
    tokenizer.truncation_side = "right"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token is None:
        raise UserError(f"the tokenizer of {source.name} has neither a padding nor an end-of-text token")
    return tokenizer


def gguf_option(files: Files) -> dict[str, str]:
    """What the loading functions of ``transformers`` need for a GGUF file."""
    return {"gguf_file": files.gguf} if files.gguf else {}


def reading(load: Callable[[], _T], files: Files) -> _T:
    """Call a loading function of ``transformers`` quietly; what it raises becomes one line."""
    try:
        with quiet():
            return load()
    except UserError:
        raise
    except Exception as error:  # Whatever transformers makes of a configuration that nobody checked.
        raise UserError(f"model {files.name} cannot be loaded: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What an error of ``transformers`` says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    if isinstance(error, KeyError):
        return f"{lines[0]} is unknown to transformers, or missing"
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
