"""A checkpoint of a real model's shapes and random weights, with an adapter on it: what loading at size is tried on."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoConfig

from hedonic_graph.errors import UserError
from hedonic_graph.models.architectures import HEAD, Architecture, architecture_of
from hedonic_graph.models.locate import Files, locate_model
from hedonic_graph.models.skeleton import build, read_tokenizer

SHAPES: dict[str, dict[str, Any]] = {
    "llama-3.1-8b": {
        "model_type": "llama",
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
        "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5,
    },
    "gemma-2-9b": {
        "model_type": "gemma2",
        "hidden_size": 3584,
        "intermediate_size": 14336,
        "num_hidden_layers": 42,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 256,
        "query_pre_attn_scalar": 256,
        "vocab_size": 256000,
        "max_position_embeddings": 8192,
    },
    "pythia-6.9b": {
        "model_type": "gpt_neox",
        "hidden_size": 4096,
        "intermediate_size": 16384,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "vocab_size": 50432,
        "max_position_embeddings": 2048,
    },
}
"""What ``--like`` knows: settings of a ``transformers`` configuration."""

RANK = 8
_RECORD = "checkpoint.json"
"""Written last: what the folder was made from."""
_STEP = 0.01
"""Size of the adapter's change, relative to the weights."""


@dataclass(frozen=True)
class Scale:
    """What a checkpoint is made from; the same gives the same files."""

    like: str
    layers: int | None = None
    """The first so many of them; None is all."""
    vocabulary: int | None = None
    """Rows of the embedding and of the head; None is as many as the real model has."""
    seed: int = 0


def write_checkpoint(
    folder: Path, scale: Scale, *, report: Callable[[str], None] = lambda name: None
) -> tuple[Path, Path]:
    """Write ``folder/model``, a language model in bfloat16 shards, and ``folder/adapter``, a LoRA on its MLPs.

    One shard is written, and in memory, at a time, and ``report`` is told its name. The adapter brings a task head.
    The tokenizer is the packaged model's. Returns both folders; where they are there already from the same
    ``scale``, nothing is written. Raises UserError for a scale that makes no sense, a folder that holds something
    else, and too small a disk.
    """
    settings = _settings(scale)
    model_folder, adapter_folder = folder / "model", folder / "adapter"
    record = folder / _RECORD
    made = json.dumps(asdict(scale), indent=1)
    if record.is_file() and record.read_text(encoding="utf-8") == made:
        return model_folder, adapter_folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} holds something else, or a checkpoint half written: name a new folder")
    tokenizer = read_tokenizer(locate_model("smollm2"))
    if settings["vocab_size"] < len(tokenizer):
        raise UserError(
            f"the tokenizer has {len(tokenizer)} tokens, more than a vocabulary of {settings['vocab_size']}"
        )
    config = AutoConfig.for_model(
        **settings,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        dtype="bfloat16",
    )
    row = architecture_of(config)
    model = build(config, Files(scale.like, model_folder), causal=True)
    _check_room(folder, sum(parameter.numel() for parameter in model.parameters()) * torch.bfloat16.itemsize)
    model_folder.mkdir(parents=True)
    adapter_folder.mkdir()
    tokenizer.save_pretrained(model_folder)
    config.save_pretrained(model_folder)
    generator = torch.Generator().manual_seed(scale.seed)
    _write_shards(model_folder, model, row, generator, report)
    _write_adapter(adapter_folder, model, row, generator, scale.like)
    report("adapter_model.safetensors")
    record.write_text(made, encoding="utf-8")
    return model_folder, adapter_folder


def _settings(scale: Scale) -> dict[str, Any]:
    if scale.like not in SHAPES:
        raise UserError(f"{scale.like!r} is none of {', '.join(SHAPES)}")
    settings = dict(SHAPES[scale.like])
    whole = settings["num_hidden_layers"]
    if scale.layers is not None:
        if not 1 <= scale.layers <= whole:
            raise UserError(f"{scale.like} has 1 to {whole} layers, not {scale.layers}")
        settings["num_hidden_layers"] = scale.layers
    if scale.vocabulary is not None:
        settings["vocab_size"] = scale.vocabulary
    return settings


def _check_room(folder: Path, needed: int) -> None:
    """Raise UserError where the disk has no room for the weights and a little more."""
    there = next(parent for parent in folder.absolute().parents if parent.is_dir())
    free = shutil.disk_usage(there).free
    if free < 1.1 * needed:
        raise UserError(
            f"{folder} needs {1.1 * needed / 1e9:.1f} GB, its disk has {free / 1e9:.1f} GB free: make room, name "
            "another folder, or take fewer --layers or a smaller --vocabulary"
        )


def _write_shards(
    folder: Path, model: nn.Module, row: Architecture, generator: torch.Generator, report: Callable[[str], None]
) -> None:
    shards = list(_by_shard(model, f"{row.backbone}.{row.layers}."))
    index: dict[str, str] = {}
    size = 0
    for number, parameters in enumerate(shards, start=1):
        name = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        tensors = {key: _drawn(key, one, row, generator) for key, one in parameters.items()}
        save_file(tensors, folder / name, metadata={"format": "pt"})
        index |= dict.fromkeys(tensors, name)
        size += sum(tensor.nbytes for tensor in tensors.values())
        report(name)
    record = {"metadata": {"total_size": size}, "weight_map": index}
    (folder / "model.safetensors.index.json").write_text(json.dumps(record, indent=1), encoding="utf-8")


def _by_shard(model: nn.Module, layers: str) -> Iterator[dict[str, Tensor]]:
    """Parameters by file: one for each layer, the first and the last for what stands around them."""
    shards: dict[str, dict[str, Tensor]] = {}
    for name, parameter in model.named_parameters():
        shard = name.removeprefix(layers).partition(".")[0] if name.startswith(layers) else "around"
        shards.setdefault(shard, {})[name] = parameter
    yield from shards.values()


def _drawn(name: str, parameter: Tensor, row: Architecture, generator: torch.Generator) -> Tensor:
    """Random values of about the size that trained weights have."""
    values = torch.randn(parameter.shape, generator=generator)
    if parameter.ndim > 1:
        values /= parameter.shape[-1] ** 0.5
    else:
        values *= 0.1
        if name.endswith("weight") and not row.one_plus_gain:
            values += 1
    return values.to(torch.bfloat16)


def _write_adapter(folder: Path, model: Any, row: Architecture, generator: torch.Generator, like: str) -> None:
    """A LoRA in PEFT's form on every projection of every MLP, with a task head."""
    stack = model.get_submodule(f"{row.backbone}.{row.layers}")
    names = [name for name in dict.fromkeys((row.gate, row.up, row.down)) if name]
    prefix = "base_model.model."
    state = {f"{prefix}{HEAD}.weight": torch.randn(1, model.config.hidden_size, generator=generator)}
    for number in range(len(stack)):
        for name in names:
            path = f"{row.mlp}.{name}"
            out, into = stack[number].get_submodule(path).weight.shape
            # The product of two random matrices with rank entries summed: step of the weights' own size.
            state |= {
                f"{prefix}{row.backbone}.{row.layers}.{number}.{path}.lora_{side}.weight": matrix
                for side, matrix in {
                    "A": torch.randn(RANK, into, generator=generator) / into**0.5,
                    "B": torch.randn(out, RANK, generator=generator) * _STEP / RANK**0.5,
                }.items()
            }
    save_file(state, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "task_type": "SEQ_CLS",
        "base_model_name_or_path": like,
        "r": RANK,
        "lora_alpha": RANK,
        "target_modules": names,
        "modules_to_save": [HEAD],
        "inference_mode": True,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
