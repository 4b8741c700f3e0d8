"""The solvers by name, and what each needs: one table that the configuration, the keys and the stages read.

It stands here, and not beside the code of the solvers, so that help needs no torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Solver:
    """What a solver needs beside the valuation."""

    draws: bool = False
    """Whether chance has a say: each seed is a run."""
    baseline: bool = False
    """Whether it plays no game, and is there to compare with."""
    follows: bool = False
    """Whether it takes the number or sizes of its coalitions from another solver, see `leader`."""
    activations: bool = False
    """Whether it looks at activations, beside the valuation or in its place."""
    resamples: bool = False
    """Whether it looks at the exact partitions that resamples of the examples give."""
    options: tuple[str, ...] = ()
    """Fields of the configuration that its partition, or what is said of it, hangs on."""

    def utility(self, chosen: str) -> str:
        """The utility that the members are measured by: the one ``chosen``, if the solver lets choose."""
        return chosen if "utility" in self.options else "sum"


SOLVERS = {
    "exact": Solver(),
    "pac": Solver(draws=True, options=("kmin", "kmax", "samples", "window", "utility", "emit", "retain", "sampler")),
    "consensus": Solver(draws=True, resamples=True, options=("resamples", "resample_share", "resolution")),
    "random": Solver(baseline=True, draws=True, follows=True, options=("utility",)),
    "kmeans": Solver(baseline=True, draws=True, follows=True, activations=True, options=("utility",)),
    "ward": Solver(baseline=True, follows=True, activations=True, options=("utility",)),
    "leiden": Solver(baseline=True, draws=True, options=("utility", "leiden_resolution")),
}


def leader(solvers: Sequence[str]) -> str | None:
    """The solver that those of ``solvers`` which follow take the number or sizes of their coalitions from.

    It is the first that is no baseline; without any, the first baseline that follows nobody; else None.
    """
    free = [solver for solver in solvers if not SOLVERS[solver].follows]
    return min(free, key=lambda solver: SOLVERS[solver].baseline, default=None)
