"""What one measurement of ``bench compute`` is: a computation, its inputs, and what it is held against."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

LONG = 5.0
"""Seconds; what can be timed three times within them is, and the best is taken: a machine is seldom quiet."""

Work = Callable[[], Any]


@dataclass(frozen=True)
class Task:
    """One kernel at several sizes."""

    kernel: str
    sizes: tuple[int, ...]
    """Numbers of neurons n, ascending."""
    examples: int
    width: int
    """Of the residual stream."""
    device: str
    seed: int


@dataclass(frozen=True)
class Figure:
    """What a kernel says of itself, where the clock around it does not say all."""

    seconds: float | None = None
    """Of all of it, where only a part was run; None where the clock says it."""
    compared: float | None = None
    """Seconds of what is held against the reference; None where that is all of it."""
    rounds: int | None = None
    """Of a game."""
    note: str | None = None


@dataclass(frozen=True)
class Reference:
    """What a kernel is held against took."""

    seconds: float
    note: str | None = None


@dataclass(frozen=True)
class Prepared:
    """Inputs drawn, ready to be run."""

    ours: Work
    reference: Callable[[], Reference] | None = None
    """Runs what it is held against."""
    figure: Callable[[Any], Figure] = lambda result: Figure()
    """Of what ``ours`` gave."""


@dataclass(frozen=True)
class Kernel:
    """A computation that is measured."""

    prepare: Callable[[Task, int, torch.Generator], Prepared]
    """Draws the inputs of a layer of n neurons, where the generator lives."""
    against: str | None = None
    """What it is held against."""
    everywhere: bool = True
    """Whether it is measured at every size; else at the smallest, the middle and the largest."""


def timed(work: Work, device: torch.device) -> tuple[float, Any]:
    """Run ``work`` up to three times; return the seconds of the fastest and the last result."""
    took: list[float] = []
    result = None
    while len(took) < 3 and sum(took) + min(took, default=0) < LONG:
        result = None
        settle(device)
        began = time.perf_counter()
        result = work()
        settle(device)
        took.append(time.perf_counter() - began)
    return min(took), result


def held_against(work: Work, device: torch.device, times: int = 1) -> Callable[[], Reference]:
    """What runs ``work`` and takes its seconds so many times."""
    return lambda: Reference(times * timed(work, device)[0])


def settle(device: torch.device) -> None:
    """Wait until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
