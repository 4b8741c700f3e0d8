"""What an analysis needs at least of disk and memory, told before it begins (DESIGN §7)."""

import shutil
from pathlib import Path

import psutil
import torch

from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.solvers import SOLVERS

_FLOAT = 4
_LIBRARIES = 900e6
"""Bytes that torch, transformers and what they bring hold."""
_GB = 1e9


def check_room(config: Config, folder: Path, *, neurons: int, width: int, examples: int, device: torch.device) -> None:
    """Raise UserError where the disk of ``folder`` or the memory is smaller than what is certainly needed.

    ``neurons`` are those of a layer, ``width`` is that of the residual stream. What the folder holds already counts
    as needed no more. Memory is foreseen on the CPU only.
    """
    needed, there = _disk(config, neurons, width, examples), _held(folder)
    free = shutil.disk_usage(_existing(folder)).free
    if needed - there > free:
        raise UserError(
            f"{folder} will take {_size(needed - there)} or more, and its disk has {_size(free)} left: "
            "make room, name another folder, or analyse fewer layers or valuations"
        )
    memory = _memory(config, neurons, width, examples)
    if device.type == "cpu" and memory > (available := psutil.virtual_memory().available):
        raise UserError(
            f"layers of {neurons:,} neurons take {_size(memory)} of memory or more, and {_size(available)} are left: "
            "close other programs, or use a larger machine"
        )


def _disk(config: Config, neurons: int, width: int, examples: int) -> float:
    """Bytes of captures, moments and valuations; the rest is small beside them."""
    layers = len(config.layers)
    capture = examples * (width + 2 * neurons)
    moments = 2 * neurons**2 if config.all_tokens else 0
    phi = len(config.valuation) * neurons**2 * getattr(torch, config.phi_precision).itemsize
    streams = (layers - 1) * examples * width if config.mass == "effect" else 0
    return layers * (_FLOAT * (capture + moments) + phi) + _FLOAT * streams


def _memory(config: Config, neurons: int, width: int, examples: int) -> float:
    """Bytes held when a layer is valued: two valuations or moments at once, three of OCA, and the layer's weights."""
    # A consensus holds a valuation, as many likenesses, and counts of a byte.
    most = 3 if config.all_tokens else 2.25 if any(SOLVERS[name].resamples for name in config.solver) else 2
    pairs = most * neurons**2
    # Tuned and base, gate or up and down; read, and as they are worked with.
    weights = 4 * neurons * width
    return _LIBRARIES + _FLOAT * (pairs + weights + examples * (width + 4 * neurons))


def _size(count: float) -> str:
    return f"{count / _GB:.2f} GB" if count >= _GB / 10 else f"{count / 1e6:.3g} MB"


def _held(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else 0


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
