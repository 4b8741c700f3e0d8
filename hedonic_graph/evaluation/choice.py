"""Which coalitions are evaluated: one rule for every method, so that their sizes can be matched."""

from collections.abc import Iterable

import numpy as np

from hedonic_graph.errors import UserError
from hedonic_graph.game.checks import check_at_least

RULE = (
    "coalitions of {min_size} neurons or more are put into classes by size (2, 3-4, 5-8, 9-16, ...); "
    "of each class all are evaluated where it has at most {per_class}, else so many drawn by chance (seed {seed})"
)
"""The rule of :func:`choose` in a sentence, to be filled in with ``str.format``."""


def size_class(sizes: np.ndarray) -> np.ndarray:
    """Return the class of each of the positive ``sizes``, int64: 0 for 1, 1 for 2, 2 for 3-4, 3 for 5-8 and so on."""
    # ceil(log2(size)) without its rounding: the number of bits of size - 1.
    return np.frexp(np.asarray(sizes, np.int64) - 1.0)[1].astype(np.int64)


def choose(sizes: np.ndarray, *, per_class: int | None, min_size: int = 2, seed: int = 0) -> np.ndarray:
    """Return the numbers of the coalitions to evaluate, int64, ascending, from all coalitions' ``sizes`` [C].

    All of at least ``min_size`` where ``per_class`` is None; else no more than so many of each size class. A
    larger ``per_class`` with the same seed keeps those of a smaller one and adds to them. Raises UserError
    for numbers that make no sense.
    """
    check_at_least(1, min_size=min_size)
    check_at_least(0, seed=seed)
    known = np.flatnonzero(np.asarray(sizes) >= min_size)
    if per_class is None:
        return known
    check_at_least(1, per_class=per_class)
    classes = size_class(np.asarray(sizes)[known])
    # Each class has a generator of its own: what one holds does not change what is drawn from another.
    drawn = [
        np.random.default_rng([seed, one]).permutation(known[classes == one])[:per_class] for one in np.unique(classes)
    ]
    return np.sort(np.concatenate([known[:0], *drawn]))


def random_groups(n: int, sizes: Iterable[int], *, seed: int) -> list[np.ndarray]:
    """Return a uniformly random group of distinct neurons out of 0..n-1 for each size, int64, ascending.

    Groups may overlap. Raises UserError for a size that is not between 1 and n.
    """
    check_at_least(0, seed=seed)
    counts = [int(size) for size in sizes]
    for size in counts:
        if not 1 <= size <= n:
            raise UserError(f"a group of {size} neurons cannot be drawn from {n}")
    random = np.random.default_rng(seed)
    return [np.sort(random.choice(n, size, replace=False)) for size in counts]
