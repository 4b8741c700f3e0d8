"""Large arrays in blocks, and in smaller ones where the device has no memory for those."""

from collections.abc import Callable, Iterator
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar, cast

import torch
from torch import Tensor

from hedonic_graph.errors import UserError

SMALLEST = 64
"""Rows of a block below which it is not blocks that fill a device."""

_TILE = 512
"""Rows and columns that are turned at a time: both lie in a processor's cache."""

Args = ParamSpec("Args")
Result = TypeVar("Result")


def shrinking(work: Callable[Args, Result]) -> Callable[Args, Result]:
    """Let a function with the keyword ``block_size`` begin again with half of it when its device is out of memory.

    The function then raises UserError where blocks of ``SMALLEST`` rows do not fit either. Only accelerators run
    out so; a CPU's memory is foreseen (``pipeline.foresight``), as its system would end the process.
    """
    blocked: Any = work
    default: int = signature(work).parameters["block_size"].default

    @wraps(work)
    def run(*args: Any, block_size: int = default, **kwargs: Any) -> Any:
        while True:
            try:
                return blocked(*args, block_size=block_size, **kwargs)
            except torch.OutOfMemoryError as error:
                if block_size <= SMALLEST:
                    raise UserError(
                        f"the device has too little memory, even for blocks of {block_size} rows: "
                        "free some of it, or take --device cpu"
                    ) from error
            # Not in the handler: its traceback holds on to the arrays of the failed attempt.
            block_size //= 2
            torch.cuda.empty_cache()

    return cast(Callable[Args, Result], run)


def upper(n: int, block_size: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of tiles that cover the half of [n, n] above the diagonal, and the diagonal.

    Tiles are ``block_size`` rows high and at most four times as wide: an allocator keeps arrays of that size at
    hand, where it would return longer ones to the system and have them cleared at every use.
    """
    width = 4 * block_size
    for start in range(0, n, block_size):
        for first in range(start, n, width):
            yield slice(start, min(start + block_size, n)), slice(first, min(first + width, n))


def mirrored(matrix: Tensor) -> Tensor:
    """Copy the half of [n, n] above the diagonal onto the half below, in place, and return it."""
    for start in range(0, len(matrix), _TILE):
        rows = slice(start, start + _TILE)
        corner = matrix[rows, rows]
        corner.copy_(corner.triu() + corner.triu(1).T)
        for behind in range(start + _TILE, len(matrix), _TILE):
            matrix[behind : behind + _TILE, rows] = matrix[rows, behind : behind + _TILE].T
    return matrix
