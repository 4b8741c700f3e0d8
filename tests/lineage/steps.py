"""Layer steps to look at: drawn by hand and by chance, and what is counted of them."""

import numpy as np
import torch

from hedonic_graph.game.partition import Partition
from hedonic_graph.lineage.events import Kind
from hedonic_graph.lineage.step import LayerStep

ARRAYS = ("source", "target", "mass", "flow", "alpha", "beta", "lift", "z", "matched", "event", "fate", "origin")
COUNTS = {
    *("edges", "significant", "persist", "split", "merge", "vanish", "emerge"),
    *("persists_as", "splits_into", "merges_into"),
}


def blocks(*sizes: int) -> Partition:
    """Consecutive neurons; give sizes in descending order so that ids follow."""
    return Partition.from_labels(np.repeat(np.arange(len(sizes)), sizes))


def random_step(seed: int) -> tuple[torch.Tensor, Partition, Partition]:
    generator = np.random.default_rng(seed)
    source = Partition.from_labels(generator.integers(0, 12, 40))
    target = Partition.from_labels(generator.integers(0, 14, 60))
    flows = generator.lognormal(0, 1, (len(source), 60))
    # A few strong ties, so that there are events to see.
    for c in range(4):
        flows[c, target.labels == c] *= 6
    flows[5, target.labels == 1] *= 6
    return torch.from_numpy(flows).float(), source, target


def drawn() -> tuple[torch.Tensor, Partition, Partition]:
    """Five sources and six targets drawn by hand, on a faint background, among 100 neurons fed evenly.

    0 -> 0 persists; 1 -> 1 and 1 -> 2 split; 2 -> 3 and 3 -> 3 merge; 4 vanishes; 4 and 5 emerge. Target
    neurons beyond the six coalitions are singletons.
    """
    source = blocks(5, 4, 3, 2, 2)
    target = blocks(*[10] * 6, *[1] * 140)
    flows = np.random.default_rng(0).uniform(0.9, 1.1, (5, 200))
    for c, t in [(0, 0), (1, 1), (1, 2), (2, 3), (3, 3)]:
        flows[c, target.labels == t] += 20
    return torch.from_numpy(flows).float(), source, target


def counted(step: LayerStep) -> dict[str, int]:
    """The counts, from the arrays."""
    return {
        "edges": step.event.size,
        "significant": int(np.nansum(step.z >= 3)),
        "persist": int((step.fate == Kind.PERSIST).sum()),
        "split": int((step.fate == Kind.SPLIT).sum()),
        "merge": int((step.fate == Kind.MERGE).sum()),
        "vanish": int((step.fate == Kind.VANISH).sum()),
        "emerge": int((step.origin == Kind.EMERGE).sum()),
        "persists_as": int((step.event == Kind.PERSIST).sum()),
        "splits_into": int((step.event == Kind.SPLIT).sum()),
        "merges_into": int((step.event == Kind.MERGE).sum()),
    }


def same(one: LayerStep, other: LayerStep) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.counts, one.chance) == (other.counts, other.chance)
