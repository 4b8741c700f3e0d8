"""Which examples each step sees: batches of like length, every example once an epoch, all from the seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

_WINDOW = 50
"""Batches' worth of examples that are sorted by length together."""


@dataclass(frozen=True)
class Plan:
    """The order of all steps; step s is the same whenever and however often it is asked for."""

    lengths: tuple[int, ...]
    """Tokens of each example's longest prompt."""
    batch_size: int
    seed: int

    @property
    def per_epoch(self) -> int:
        """Steps in an epoch."""
        return ceil(len(self.lengths) / self.batch_size)

    def batch(self, step: int) -> list[int]:
        """The examples of a step."""
        epoch, place = divmod(step, self.per_epoch)
        return _epoch(self, epoch)[place]


@lru_cache(2)
def _epoch(plan: Plan, epoch: int) -> list[list[int]]:
    """Shuffle, sort windows by length, cut them into batches, shuffle those. Only the last batch may be short."""
    draw = random.Random(f"epoch {plan.seed} {epoch}")
    order = list(range(len(plan.lengths)))
    draw.shuffle(order)
    size, window = plan.batch_size, plan.batch_size * _WINDOW
    batches: list[list[int]] = []
    for start in range(0, len(order), window):
        near = sorted(order[start : start + window], key=lambda one: plan.lengths[one])
        batches += [near[at : at + size] for at in range(0, len(near), size)]
    draw.shuffle(batches)
    return batches


def by_length(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Cut all positions into batches of ``size``, longest first, for passes whose order does not matter."""
    order = sorted(range(len(lengths)), key=lambda one: -lengths[one])
    return [order[at : at + size] for at in range(0, len(order), size)]
