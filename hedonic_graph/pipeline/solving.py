"""Each solver of the table in ``hedonic_graph.solvers``, at work on one layer of an analysis."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor

from hedonic_graph.config import Config, RunSpec
from hedonic_graph.game.clustering import spherical_kmeans, ward, ward_caveat
from hedonic_graph.game.communities import leiden_partition
from hedonic_graph.game.consensus import consensus
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.random import random_partition
from hedonic_graph.game.top_cover import exact_top_cover, pac_top_cover
from hedonic_graph.pipeline.capturing import load_capture
from hedonic_graph.pipeline.context import Context
from hedonic_graph.pipeline.partition_files import load_partition
from hedonic_graph.pipeline.resampling import load_resamples
from hedonic_graph.progress import Progress
from hedonic_graph.solvers import SOLVERS, leader


@dataclass(frozen=True)
class Task:
    """One layer of one run to be solved. ``progress`` takes the layer's neurons."""

    context: Context[Config]
    spec: RunSpec
    layer: int
    phi: Tensor
    progress: Progress

    @property
    def seed(self) -> int:
        """The seed of a solver that draws."""
        assert self.spec.seed is not None
        return self.spec.seed


@dataclass(frozen=True, eq=False)
class Solved:
    """A partition and what its solver says of it."""

    partition: Partition
    rounds: pd.DataFrame | None = None
    """What happened in each round, of a solver that has rounds; it has told the progress bar of its neurons."""
    caveat: str | None = None
    """What the user has to know of how this was found."""
    confidence: np.ndarray | None = None
    """Of each coalition, [c], of a solver that looks at resamples; NaN for singletons."""


def solve(task: Task) -> Solved:
    """Partition a layer by the solver that the run names."""
    solved = _SOLVE[task.spec.solver](task)
    if solved.rounds is None:
        task.progress.update(solved.partition.n)
    return solved


def leading(config: Config, spec: RunSpec) -> RunSpec:
    """The run that a run whose solver follows another takes the sizes of its coalitions from.

    It has the same seed; where only the leader draws, the first one.
    """
    solver = leader(config.solver)
    assert solver is not None
    seed = config.seed[0] if spec.seed is None else spec.seed
    return RunSpec(spec.valuation, solver, seed if SOLVERS[solver].draws else None)


def _exact(task: Task) -> Solved:
    found = exact_top_cover(task.phi, k=task.context.config.k, progress=task.progress)
    return Solved(found.partition, found.rounds)


def _pac(task: Task) -> Solved:
    config = task.context.config
    found = pac_top_cover(
        task.phi,
        k=config.k,
        kmin=config.kmin,
        kmax=config.kmax,
        samples=config.samples,
        window=config.window,
        seed=task.seed,
        utility=config.utility,  # type: ignore[arg-type]
        emit=config.emit,  # type: ignore[arg-type]
        retain=config.retain,  # type: ignore[arg-type]
        sampler=config.sampler,  # type: ignore[arg-type]
        progress=task.progress,
    )
    return Solved(found.partition, found.rounds)


def _consensus(task: Task) -> Solved:
    partitions = load_resamples(task.context, task.spec, task.layer)
    found = consensus(partitions, resolution=task.context.config.resolution, seed=task.seed, device=task.phi.device)
    return Solved(found.partition, confidence=found.confidence)


def _random(task: Task) -> Solved:
    return Solved(random_partition(_led(task).sizes, len(task.phi), task.seed))


def _kmeans(task: Task) -> Solved:
    return Solved(spherical_kmeans(_activations(task), len(_led(task)), seed=task.seed))


def _ward(task: Task) -> Solved:
    return Solved(ward(_activations(task), len(_led(task))), caveat=ward_caveat(len(task.phi)))


def _leiden(task: Task) -> Solved:
    return Solved(leiden_partition(task.phi, resolution=task.context.config.leiden_resolution, seed=task.seed))


def _led(task: Task) -> Partition:
    """The partition that a solver which follows another takes the number or sizes of its coalitions from."""
    return load_partition(task.context.analysis, leading(task.context.config, task.spec), task.layer)


def _activations(task: Task) -> np.ndarray:
    """The tuned activations at the scored positions, float32 [n, B]: one row a neuron."""
    return load_capture(task.context, task.layer).tuned.T.cpu().numpy()


_SOLVE: dict[str, Callable[[Task], Solved]] = {
    "exact": _exact,
    "pac": _pac,
    "consensus": _consensus,
    "random": _random,
    "kmeans": _kmeans,
    "ward": _ward,
    "leiden": _leiden,
}
