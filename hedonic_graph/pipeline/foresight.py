"""What an analysis needs at least of disk and memory, told before it begins (DESIGN §7)."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.pipeline.memory_left import memory_held, memory_left
from hedonic_graph.pipeline.resampling import resampling

MARGIN = 0.9
"""Share of what is foreseen that must be there: nothing is refused that might fit."""
_FLOAT = 4
_LIBRARIES = 900e6
"""Bytes that torch, transformers, what they bring and the model's skeleton hold."""
_GB = 1e9


@dataclass(frozen=True)
class Sizes:
    """What needs hang on. Of the prompts nothing is known before they are tokenised."""

    neurons: int
    """Of a layer."""
    width: int
    """Of the residual stream."""
    examples: int
    projections: int = 3
    """Of an MLP: gate, up and down, or the two of a plain one."""
    longest: int = 1
    """Tokens of the longest prompt."""
    tokens: int = 0
    """Of all prompts."""

    def with_prompts(self, prompts: dict[str, Any]) -> "Sizes":
        """The same with what the manifest says of the prompts."""
        longest = min(prompts["longest"], prompts["max_tokens"])
        return replace(self, longest=longest, tokens=prompts.get("tokens", prompts["count"]))


def check_room(config: Config, folder: Path, sizes: Sizes, device: torch.device) -> None:
    """Raise UserError where the disk of ``folder`` or the memory is smaller than what is certainly needed.

    What the folder and this process hold already counts as needed no more. Memory is foreseen on the CPU only, and
    refused where not even `MARGIN` of it is there.
    """
    needed, there = _disk(config, sizes), _held(folder)
    free = shutil.disk_usage(_existing(folder)).free
    if needed - there > free:
        raise UserError(
            f"{folder} will take {_size(needed - there)} or more, and its disk has {_size(free)} left: "
            "make room, name another folder, or analyse fewer layers or valuations"
        )
    if device.type != "cpu":
        return
    memory, available = _memory(config, sizes), memory_left() + memory_held()
    if MARGIN * memory > available:
        raise UserError(
            f"layers of {sizes.neurons:,} neurons take about {_size(memory)} of memory, and {_size(available)} are "
            "there: close other programs, raise the limit that this one runs under, or use a larger machine"
        )


def _disk(config: Config, sizes: Sizes) -> float:
    """Bytes of captures, moments and valuations, or of captures and the residual stream between two layers.

    The stream is gone before anything is valued; while a layer is walked through, it is there twice. The rest is
    small beside these.
    """
    n, layers = sizes.neurons, len(config.layers)
    capture = sizes.examples * (sizes.width + 2 * n)
    moments = 2 * n**2 if config.all_tokens else 0
    inputs = (layers - 1) * sizes.examples * sizes.width if config.mass == "effect" else 0
    kept = layers * (capture + moments) + inputs
    phi = layers * len(config.valuation) * n**2 * getattr(torch, config.phi_precision).itemsize
    stream = sizes.tokens * sizes.width
    walked = max(kept + stream, 2 * stream if config.layers[-1] else 0)
    return max(_FLOAT * kept + phi, _FLOAT * walked)


def _memory(config: Config, sizes: Sizes) -> float:
    """Bytes held at most: when a batch goes through a layer, when one is valued or agreed on, or between two layers."""
    stages = [_captured(config, sizes), _valued(config, sizes)]
    if len(config.layers) > 1:
        stages.append(_tracked(config, sizes))
    if resampling(config):
        stages.append(_agreed(sizes))
    return _LIBRARIES + _FLOAT * max(stages)


def _captured(config: Config, sizes: Sizes) -> float:
    """Numbers held when the longest batch is in the MLP of an analysed layer.

    Its weights; what its projections but the last give for every token, and their product; the stream before and
    behind it; moments of two halves.
    """
    n, d = sizes.neurons, sizes.width
    tokens = min(config.batch_size, sizes.examples) * sizes.longest
    moments = 2 * n**2 if config.all_tokens else 0
    return sizes.projections * n * d + tokens * (sizes.projections * n + 2 * d) + moments


def _valued(config: Config, sizes: Sizes) -> float:
    """Numbers held when the two halves of the examples are valued.

    Two valuations, or three with moments over all tokens; a layer's weights; what was captured, and what PAS makes of
    it.
    """
    pairs = (3 if config.all_tokens else 2) * sizes.neurons**2
    return pairs + _weights(config, sizes) + sizes.examples * (sizes.width + 4 * sizes.neurons)


def _agreed(sizes: Sizes) -> float:
    """Numbers held when a consensus is found: the valuation, and two matrices of who keeps company with whom.

    These are as large as the valuation where the coalitions of all resamples are as many as neurons or more, and
    smaller where they are fewer, which only the resamples tell.
    """
    return 3 * sizes.neurons**2


def _tracked(config: Config, sizes: Sizes) -> float:
    """Numbers held when one layer's coalitions are followed into the next: weights of both, and what reads them."""
    return 2 * _weights(config, sizes) + sizes.projections * sizes.neurons * sizes.width


def _weights(config: Config, sizes: Sizes) -> float:
    """Numbers of an MLP, tuned and, where neurons go back to that, base."""
    return (2 if config.reference == "base" else 1) * sizes.projections * sizes.neurons * sizes.width


def _size(count: float) -> str:
    return f"{count / _GB:.2f} GB" if count >= _GB / 10 else f"{count / 1e6:.3g} MB"


def _held(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else 0


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
