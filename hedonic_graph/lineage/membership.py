"""Sums over the members of each coalition, the one reduction every lineage quantity needs."""

import numpy as np
import torch

from hedonic_graph.errors import UserError
from hedonic_graph.game.partition import Partition


def kept_labels(partition: Partition, min_size: int, largest: int | None = None) -> np.ndarray:
    """Labels int32 [n] with -1 for the members of coalitions smaller than ``min_size``, or not of the ``largest``.

    A partition is numbered by descending size, so the coalitions kept are 0..K-1 and keep their ids; of equal
    sizes those of smaller number are kept.
    """
    kept = partition.sizes[partition.labels] >= min_size
    if largest is not None:
        kept &= partition.labels < largest
    return np.where(kept, partition.labels, -1).astype(np.int32)


class Membership:
    """Which of ``count`` coalitions (largest label + 1) each of n neurons belongs to, -1 for those left out.

    ``labels`` is int64 [n], ``sizes`` float32 [count], both on ``device``. Raises UserError for labels that
    are no vector or lie below -1.
    """

    def __init__(self, labels: np.ndarray | torch.Tensor, device: torch.device | str = "cpu"):
        # A copy: torch warns of arrays that cannot be written to, and files are read into such.
        given = torch.from_numpy(labels.astype(np.int64)) if isinstance(labels, np.ndarray) else labels.long()
        self.labels = given.to(device)
        if self.labels.ndim != 1:
            raise UserError(f"labels must be a vector, one coalition per neuron; got shape {tuple(labels.shape)}")
        if (self.labels < -1).any():
            raise UserError(f"labels must not lie below -1, which leaves a neuron out; got {int(self.labels.min())}")
        self.count = int(self.labels.max()) + 1 if len(self.labels) else 0
        self._row = torch.where(self.labels >= 0, self.labels, self.count)
        self.sizes = torch.bincount(self._row)[: self.count].float()
        self._indicator: torch.Tensor | None = None

    @property
    def n(self) -> int:
        """Number of neurons, left-out ones included."""
        return len(self.labels)

    def sums(self, values: torch.Tensor) -> torch.Tensor:
        """Sum the rows of ``values`` [n, b] over the members of each coalition: [count, b]."""
        # Atomic adds on a GPU come in any order, and a count at a threshold must not depend on it; on a CPU
        # the product would cost `count` times as much as the additions.
        return self._sums_by_product(values) if values.is_cuda else self._sums_by_addition(values)

    def _sums_by_addition(self, values: torch.Tensor) -> torch.Tensor:
        sums = values.new_zeros(self.count + 1, values.shape[1])
        return sums.index_add_(0, self._row, values)[: self.count]

    def _sums_by_product(self, values: torch.Tensor) -> torch.Tensor:
        if self._indicator is None:
            indicator = values.new_zeros(self.count + 1, self.n)
            self._indicator = indicator.scatter_(0, self._row[None], 1.0)[: self.count]
        return self._indicator @ values
