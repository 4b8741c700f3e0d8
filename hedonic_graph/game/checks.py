"""Checks of what a user passes in; each failure is one line that says what to change (DESIGN §7)."""

from collections.abc import Sequence

import torch

from hedonic_graph.errors import UserError
from hedonic_graph.game.partition import Partition


def check_phi(phi: torch.Tensor) -> None:
    """Refuse a valuation that is not a finite, square, contiguous float32 matrix [n, n], n >= 1.

    Symmetry is not asked for: the paper's game is defined for any pairwise valuation.
    """
    if phi.ndim != 2 or phi.shape[0] != phi.shape[1] or phi.shape[0] == 0:
        raise UserError(f"phi must be a square matrix [n, n] with n >= 1, not {list(phi.shape)}")
    if phi.dtype != torch.float32:
        raise UserError(f"phi must be float32, not {str(phi.dtype).removeprefix('torch.')}")
    if not phi.is_contiguous():
        raise UserError("phi must be contiguous in memory; pass phi.contiguous()")
    low, high = torch.aminmax(phi)  # NaN propagates, and no mask of n x n is made
    if not (torch.isfinite(low) and torch.isfinite(high)):
        raise UserError("phi holds NaN or infinity; look for constant or overflowing activations upstream")


def check_partition(partition: Partition, n: int) -> None:
    """Refuse a partition that is not one of ``n`` neurons."""
    if partition.n != n:
        raise UserError(f"the partition covers {partition.n} neurons, phi {n}; they must be of one layer")


def check_at_least(least: int, **values: int) -> None:
    """Refuse the first named value that is below ``least``."""
    for name, value in values.items():
        if value < least:
            raise UserError(f"{name} must be at least {least}, not {value}")


def check_sizes(kmin: int, kmax: int) -> None:
    """Refuse coalition sizes that are not 1 <= kmin <= kmax."""
    check_at_least(1, kmin=kmin)
    if kmin > kmax:
        raise UserError(f"kmin must not exceed kmax, but {kmin} > {kmax}")


def check_choice(allowed: Sequence[str], **values: str) -> None:
    """Refuse the first named value that is not one of ``allowed``."""
    for name, value in values.items():
        if value not in allowed:
            raise UserError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def check_between_0_and_1(**values: float) -> None:
    """Refuse the first named value that does not lie strictly between 0 and 1."""
    for name, value in values.items():
        if not 0 < value < 1:
            raise UserError(f"{name} must lie between 0 and 1, not {value}")
