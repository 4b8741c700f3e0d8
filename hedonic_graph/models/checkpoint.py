"""The weights of a model as named tensors, read from its files one by one when they are needed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from hedonic_graph.errors import UserError
from hedonic_graph.models.locate import Files

_INDEX = "model.safetensors.index.json"
_PICKLED = "pytorch_model.bin"


_PLAIN = ("F64", "F32", "F16", "BF16", *map(str, (torch.float64, torch.float32, torch.float16, torch.bfloat16)))
"""Types of numbers, as files and PyTorch call them, that are what they say; others need a scale from elsewhere."""


@dataclass(frozen=True)
class Stored:
    """One tensor in a file, or in memory, and what it is; that is known without reading it."""

    place: Path | Tensor
    shape: tuple[int, ...]
    dtype: str

    @classmethod
    def tensors(cls, state: Mapping[str, Any]) -> dict[str, "Stored"]:
        """The tensors in a state dictionary, by name."""
        found = {name: one for name, one in state.items() if isinstance(one, Tensor)}
        return {name: cls(one, tuple(one.shape), str(one.dtype)) for name, one in found.items()}


class Checkpoint:
    """Named tensors. Nothing stays in memory but what a file of PyTorch's own format maps."""

    def __init__(self, name: str, found: dict[str, Stored], aliases: Iterable[tuple[str, str]] = ()) -> None:
        self.name = name
        self._found = found
        self._aliases = tuple(aliases)

    @classmethod
    def open(cls, files: Files, aliases: Iterable[tuple[str, str]] = ()) -> "Checkpoint":
        """Find every tensor in a model's folder.

        ``aliases`` are pairs of prefixes of which the second may stand for the first. Raises UserError where
        the folder has no weights, lacks a shard or holds a damaged one.
        """
        return cls(files.name, _find(files), aliases)

    def stored(self, name: str) -> str | None:
        """The name that a tensor has in the files; None where they lack it."""
        if name in self._found:
            return name
        for wanted, other in self._aliases:
            if name.startswith(wanted) and (renamed := other + name.removeprefix(wanted)) in self._found:
                return renamed
        return None

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor; raises UserError where it is missing. Reads nothing."""
        return self._entry(name)[1].shape

    def check(self, name: str, shape: Sequence[int]) -> None:
        """Raise UserError unless a tensor is there, in floating point numbers and of this shape. Reads nothing."""
        stored, entry = self._entry(name)
        if entry.dtype not in _PLAIN:
            raise UserError(
                f"{stored} of {self.name} is stored as {entry.dtype.removeprefix('torch.')}: "
                "quantised weights are not covered; give the checkpoint they were made from"
            )
        if entry.shape != tuple(shape):
            raise UserError(
                f"{stored} of {self.name} is {list(entry.shape)}, its configuration says {list(shape)}: "
                "the two do not belong together"
            )

    def tensor(self, name: str) -> Tensor:
        """A copy of one tensor in float32, on the CPU; raises UserError where it is missing or not finite."""
        stored, entry = self._entry(name)
        values = entry.place
        if isinstance(values, Path):
            with safe_open(values, "pt") as shard:
                values = shard.get_tensor(stored)
        values = values.detach().to(torch.float32, copy=True)
        if not bool(torch.isfinite(values).all()):
            raise UserError(f"{stored} of {self.name} holds values that are not finite (NaN or infinite)")
        return values

    def _entry(self, name: str) -> tuple[str, Stored]:
        stored = self.stored(name)
        if stored is None:
            raise UserError(f"{self.name} lacks {name}")
        return stored, self._found[stored]

    def fill(self, module: nn.Module, prefix: str, device: torch.device) -> None:
        """Give every parameter of ``module`` that lies on the meta device its stored values, float32 on ``device``.

        ``prefix`` is the name of ``module`` in the model. Parameters with values of their own, and buffers,
        move along.
        """
        for path, owner in module.named_modules():
            place = f"{prefix}.{path}" if path else prefix
            for name, parameter in owner._parameters.items():
                stored = plain_name(f"{place}.{name}")
                if parameter is None or stored is None:
                    continue
                if parameter.is_meta:
                    self.check(stored, parameter.shape)
                    values = self.tensor(stored)
                else:
                    values = parameter.detach().float()
                owner._parameters[name] = nn.Parameter(values.to(device), requires_grad=False)
            for name, buffer in owner._buffers.items():
                if buffer is not None:
                    owner._buffers[name] = buffer.to(device)


def plain_name(name: str) -> str | None:
    """The name that a parameter, perhaps of a module that an adapter wraps, has in the model by itself.

    None for a parameter that the adapter replaces.
    """
    return None if ".original_module." in name else name.replace(".base_layer.", ".")


def _find(files: Files) -> dict[str, Stored]:
    if (files.folder / _INDEX).is_file():
        return _in_shards(files, _shards(files, files.folder / _INDEX))
    if (files.folder / "model.safetensors").is_file():
        return _in_shards(files, ["model.safetensors"])
    pickled = files.folder / _PICKLED
    if (index := files.folder / f"{_PICKLED}.index.json").is_file():
        return _in_pickles(files, _shards(files, index))
    if pickled.is_file():
        return _in_pickles(files, [_PICKLED])
    raise UserError(f"model {files.name} has no weights: neither model.safetensors, {_INDEX} nor {_PICKLED}")


def _shards(files: Files, index: Path) -> list[str]:
    try:
        shards = sorted({str(shard) for shard in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{index.name} of {files.name} is damaged: it maps no weights to files") from error
    if missing := [shard for shard in shards if not (files.folder / shard).is_file()]:
        raise UserError(
            f"model {files.name} lacks {missing[0]} ({len(missing)} of {len(shards)} shards are missing): "
            "download it again"
        )
    return shards


def _in_shards(files: Files, shards: list[str]) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    for shard in shards:
        path = files.folder / shard
        try:
            with safe_open(path, "pt") as stored:
                for name in stored.keys():  # noqa: SIM118
                    one = stored.get_slice(name)
                    found[name] = Stored(path, tuple(one.get_shape()), one.get_dtype())
        except SafetensorError as error:
            raise UserError(f"model {files.name} cannot be loaded: {shard} is damaged ({error})") from error
    return found


def _in_pickles(files: Files, shards: list[str]) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    for shard in shards:
        try:
            state: Any = torch.load(files.folder / shard, map_location="cpu", mmap=True, weights_only=True)
            found |= Stored.tensors(state)
        except Exception as error:  # Whatever torch makes of a damaged or hostile file.
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise UserError(f"model {files.name} cannot be loaded: {shard} is damaged ({reason})") from error
    return found
