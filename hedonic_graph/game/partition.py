"""A partition of one layer's neurons into coalitions, in one canonical numbering."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hedonic_graph.errors import UserError


@dataclass(frozen=True, eq=False)
class Partition:
    """Disjoint coalitions that cover a layer of n neurons.

    ``labels`` is int32 [n]: the coalition of each neuron. Coalitions are numbered by size, the largest
    is 0; equal sizes go by their smallest member. Two partitions into the same sets therefore have equal
    labels, whatever produced them.
    """

    labels: np.ndarray

    @classmethod
    def from_labels(cls, labels: np.ndarray) -> "Partition":
        """Renumber arbitrary integer labels [n] canonically."""
        _, first, inverse, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
        order = np.lexsort((first, -sizes))
        rank = np.empty(len(order), dtype=np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        return cls(rank[inverse.reshape(-1)])

    @classmethod
    def from_coalitions(cls, coalitions: Iterable[Sequence[int]], n: int) -> "Partition":
        """Build from member lists over neurons 0..n-1; they must be disjoint and cover all of them."""
        labels = np.full(n, -1, dtype=np.int32)
        for number, members in enumerate(coalitions):
            index = np.asarray(members, dtype=np.int64)
            if index.size and (index.min() < 0 or index.max() >= n):
                raise UserError(f"coalition {number} holds a neuron outside 0..{n - 1}")
            if (labels[index] >= 0).any() or np.unique(index).size != index.size:
                raise UserError(f"coalition {number} holds a neuron that already has a coalition")
            labels[index] = number
        if (labels < 0).any():
            raise UserError(f"neuron {int(np.argmax(labels < 0))} is in no coalition")
        return cls.from_labels(labels)

    @property
    def n(self) -> int:
        """Number of neurons."""
        return len(self.labels)

    @property
    def sizes(self) -> np.ndarray:
        """Members of each coalition, int64 [number of coalitions], in descending order."""
        return np.bincount(self.labels)

    def __len__(self) -> int:
        return int(self.labels.max()) + 1 if self.n else 0

    def coalitions(self) -> list[np.ndarray]:
        """Member indices of each coalition, ascending, the largest coalition first."""
        if not self.n:
            return []
        order = np.argsort(self.labels, kind="stable")
        return np.split(order, np.cumsum(self.sizes)[:-1])
