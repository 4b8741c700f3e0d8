"""Lineage at size: composite flows and what is told from them, measured flows, and the matching."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from hedonic_graph.bench.draws import even_sizes, normal
from hedonic_graph.bench.kernel import Figure, Kernel, Prepared, Task, held_against
from hedonic_graph.bench.valuations import synergy
from hedonic_graph.game.random import random_partition
from hedonic_graph.lineage.effect import LARGEST, effect_flow
from hedonic_graph.lineage.mass import composite_flow
from hedonic_graph.lineage.matching import maximum_matching
from hedonic_graph.lineage.membership import kept_labels
from hedonic_graph.lineage.step import track
from hedonic_graph.models.mlp import Projections

MATCHED = 4
"""Mean size of the coalitions that are matched: many small ones, as the exact solver leaves them."""
SAME = 1e-9
"""Two totals that differ by no more of either are equal."""


def _lineage(task: Task, n: int, generator: torch.Generator) -> Prepared:
    down = normal(task.width, n, generator)
    up, gate = normal(n, task.width, generator), normal(n, task.width, generator)
    strength = normal(1, n, generator)[0].abs()
    source, target = (random_partition(even_sizes(n).numpy(), n, task.seed + one) for one in range(2))

    def ours() -> None:
        (flow,) = composite_flow(down, up, gate, strength, [source.labels])
        track(flow, source, target)

    def limit() -> None:
        for start in range(0, n, 512):
            down.T @ up[start : start + 512].T
            down.T @ gate[start : start + 512].T

    return Prepared(ours, held_against(limit, generator.device))


def _effect(task: Task, n: int, generator: torch.Generator) -> Prepared:
    source, readout, entering, tuned, base = synergy(task, n, generator)
    up, gate = normal(n, task.width, generator), normal(n, task.width, generator)
    weights = Projections(up=up, down=source.tuned.down, gate=gate)
    target = replace(source, layer=1, tuned=weights, base=weights, pre_norm=readout.norm)
    labels = kept_labels(random_partition(even_sizes(n).numpy(), n, task.seed), 2, LARGEST)
    count = int(labels.max()) + 1
    members = [torch.from_numpy(np.flatnonzero(labels == one)).to(generator.device) for one in range(count)]

    def limit() -> None:
        # Each source's deltas in the factors that they come in, read by both projections.
        for neurons in members:
            left, right = source.sum_of_deltas(tuned, base, neurons)
            for projection in (up, gate):
                left @ (right @ projection.T)

    return Prepared(
        lambda: effect_flow(source, target, tuned, base, entering, [labels]),
        held_against(limit, generator.device),
        lambda _: Figure(note=f"{count} sources"),
    )


def _matching(task: Task, n: int, generator: torch.Generator) -> Prepared:
    mass = masses(n // MATCHED, task.seed)

    def figure(matched: np.ndarray) -> Figure:
        kept = matched >= 0
        ours = float(mass[kept, matched[kept]].sum(dtype=np.float64))
        theirs = float(mass[linear_sum_assignment(mass, maximize=True)].sum(dtype=np.float64))
        equal = abs(ours - theirs) <= SAME * theirs
        return Figure(note=f"{len(mass):,} coalitions, {'equal totals' if equal else 'TOTALS DIFFER'}")

    def theirs() -> Any:
        return linear_sum_assignment(mass, maximize=True)

    return Prepared(lambda: maximum_matching(mass), held_against(theirs, torch.device("cpu")), figure)


def masses(count: int, seed: int) -> np.ndarray:
    """Masses [count, count] with heavy tails, where rows and columns differ by large factors: as real ones are."""
    draw = np.random.default_rng(seed)
    rows, columns = np.exp(draw.normal(size=(count, 1))), np.exp(draw.normal(size=count))
    return (rows * columns * np.exp(0.3 * draw.normal(size=(count, count)))).astype(np.float32)


FLOWS = {
    "lineage": Kernel(_lineage, "matrix products"),
    "effect": Kernel(_effect, "matrix products", everywhere=False),
    "matching": Kernel(_matching, "scipy", everywhere=False),
}
