"""What tables call a valuation with its solver, and in what order they stand."""

from collections.abc import Collection
from dataclasses import dataclass

from hedonic_graph.solvers import SOLVERS

_BASELINES = {"random": "Random", "kmeans": "K-means", "ward": "Hier. clustering"}
"""Baselines that look at no valuation; they take only the number or sizes of their coalitions from one."""

_ORDER = ("random", "kmeans", "ward", "leiden", "pac", "exact", "consensus", "imported")
_VALUATIONS = ("oca", "pas")


@dataclass(frozen=True)
class Method:
    """How coalitions were found, whatever the seed."""

    valuation: str | None
    """``pas`` or ``oca``; None where partitions were imported."""
    solver: str
    imported: str | None = None
    """What imported partitions are called."""

    @property
    def plain(self) -> str:
        """The name in a table where no other valuation has the same baseline: the paper's, where it has one."""
        if self.valuation is None:
            return f"imported ({self.imported})" if self.imported else "imported"
        if self.solver in _BASELINES:
            return _BASELINES[self.solver]
        name = {"pac": "Hedonic", "leiden": "Leiden"}.get(self.solver, self.solver)
        return f"{name} ({self.valuation.upper()})"

    @property
    def hedonic(self) -> bool:
        """Whether it plays the game."""
        return self.solver in SOLVERS and not SOLVERS[self.solver].baseline

    @property
    def place(self) -> tuple[int, int, str]:
        """Where it stands among others: baselines, the paper's two methods, the other solvers."""
        solver = _ORDER.index(self.solver) if self.solver in _ORDER else len(_ORDER)
        valuation = _VALUATIONS.index(self.valuation) if self.valuation in _VALUATIONS else len(_VALUATIONS)
        return solver, valuation, self.imported or ""


def names(methods: Collection[Method]) -> dict[Method, str]:
    """Return a name for each method, in the order of a table.

    A baseline that follows the coalitions of two valuations has two rows: ``K-means (as PAS)`` and ``(as OCA)``.
    """
    ordered = sorted(set(methods), key=lambda method: method.place)
    plain = [method.plain for method in ordered]
    return {
        method: f"{method.plain} (as {method.valuation.upper()})"
        if method.valuation and plain.count(method.plain) > 1
        else method.plain
        for method in ordered
    }


def rank(name: str) -> int:
    """Where a name of the paper's stands among the paper's."""
    known = [*_BASELINES.values(), "Hedonic (OCA)", "Hedonic (PAS)"]
    return known.index(name) if name in known else len(known)
