"""A partition of one layer's neurons into coalitions, in one canonical numbering."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

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
    def from_coalitions(
        cls, coalitions: Iterable[Sequence[int]], n: int, names: Sequence[str] | None = None
    ) -> "Partition":
        """Build from member lists over neurons 0..n-1; they must be disjoint and cover all of them.

        Raises UserError for the first neuron that is out of range, in two places or in none, with the coalitions
        it is in by their ``names``, or by their numbers without.
        """
        held = list(coalitions)

        def name(number: int) -> str:
            return str(number) if names is None else names[number]

        sizes = np.fromiter(map(len, held), np.int64, len(held))
        if (sizes == 0).any():
            raise UserError(f"coalition {name(int(np.argmin(sizes)))} is empty")
        members = np.fromiter(chain.from_iterable(held), np.int64, int(sizes.sum()))
        owner = np.repeat(np.arange(len(held)), sizes)
        outside = (members < 0) | (members >= n)
        if outside.any():
            first = int(np.argmax(outside))
            raise UserError(f"coalition {name(owner[first])} holds neuron {members[first]}: neurons are 0 to {n - 1}")
        order = np.argsort(members, kind="stable")
        again = np.flatnonzero(np.diff(members[order]) == 0)
        if again.size:
            first = again[np.argmin(order[again + 1])]
            one, other = owner[order[first]], owner[order[first + 1]]
            where = (
                f"in coalition {name(one)} twice" if one == other else f"in coalitions {name(one)} and {name(other)}"
            )
            raise UserError(f"neuron {members[order[first]]} is {where}")
        if members.size < n:
            gaps = np.flatnonzero(members[order] != np.arange(members.size))
            lost, missing = int(gaps[0]) if gaps.size else members.size, n - members.size
            more = f", the first of {missing:,}" if missing > 1 else ""
            raise UserError(f"neuron {lost} is in no coalition{more}")
        labels = np.empty(n, dtype=np.int32)
        labels[members] = owner
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
