"""How far a mean over examples can be trusted."""

from statistics import NormalDist

import torch
from torch import Tensor

HALVES_MEDIAN = NormalDist().inv_cdf(0.75)
"""The median of :func:`halves_error` where the standard error is one: that of a standard normal's distance from 0."""


def standard_error(values: Tensor, groups: Tensor | None = None) -> Tensor:
    """The standard error of the mean of ``values`` [B, P] over their rows, [P].

    Rows of one group, such as pairs that share their query, hang together: ``groups`` int64 [B] numbers them from 0,
    and with S_g the sum over a group of its rows' distances from the mean the error is
    ``sqrt(G / (G - 1) * sum_g S_g^2) / B``. Each row is a group of its own by default. NaN for fewer than two groups.
    """
    sums = values - values.mean(0)
    if groups is not None:
        count = int(groups.max()) + 1 if len(groups) else 0
        sums = values.new_zeros(count, *values.shape[1:]).index_add_(0, groups, sums)
    if len(sums) < 2:
        return values.new_full(values.shape[1:], torch.nan)
    return (sums.square().sum(0) * (len(sums) / (len(sums) - 1))).sqrt() / len(values)


def halves_error(first: Tensor, second: Tensor) -> Tensor:
    """The standard error of a mean over examples from the means of two halves of them, ``|first - second| / 2``.

    With s the standard error of either half, that of their mean is ``s / sqrt(2)``, and ``first - second`` has the
    standard deviation ``s * sqrt(2)``, twice as much. So the square of this is right on average, but has one degree of
    freedom: where the means are normal, half of many such errors lie below `HALVES_MEDIAN` of what they should be, and
    their median divided by it is the figure to look at.
    """
    return (first - second).abs() / 2
