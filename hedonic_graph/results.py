"""What an analysis found, read back from its folder as tables (DESIGN §5): the loader and the reports start here."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd


@dataclass(frozen=True)
class ModelInfo:
    """The model an analysis looked at."""

    id: str
    """Base name and adapter fingerprint; neurons of equal models are shared between runs."""
    name: str
    adapter: str | None
    architecture: str
    d_model: int
    d_ff: int
    layers: int
    """Number of layers of the whole model."""


@dataclass(frozen=True)
class RunInfo:
    """One valuation, solver and seed inside an analysis."""

    id: str
    """``ANALYSIS/pas.exact`` or ``ANALYSIS/pas.pac.0``."""
    analysis: str
    task: str | None
    valuation: str
    solver: str
    seed: int | None
    created: str
    """ISO 8601, UTC."""
    layers: tuple[int, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    """The scalars that made it."""
    config: str = "{}"
    """The whole configuration as one JSON string."""
    honesty: dict[str, float] = field(default_factory=dict)
    """The figures of DESIGN §3.8 by name: seeds' agreement, stability bound, lineage against shuffled membership ..."""


class Results(Protocol):
    """Everything the graph is loaded from. Tables are pandas frames; neurons and coalitions are 0-based integers."""

    model: ModelInfo
    runs: list[RunInfo]

    def members(self, run: RunInfo, layer: int) -> pd.DataFrame:
        """Every neuron of the layer: ``neuron``, ``coalition`` (rank by size), ``utility``."""
        ...

    def coalitions(self, run: RunInfo, layer: int) -> pd.DataFrame:
        """Every coalition of the layer: ``coalition``, ``size``, ``fate`` and ``origin`` (string or None).

        ``fate`` is persist, split, merge or vanish, ``origin`` persist, split, merge or emerge; None in the
        last and first layer, and for coalitions too small to be followed.
        """
        ...

    def edges(self, run: RunInfo, layer: int, keep: int) -> pd.DataFrame:
        """Kept edges from ``layer`` to the next analysed layer (DESIGN §3.6, "what goes into the graph").

        Columns ``source``, ``target``, ``mass``, ``flow``, ``alpha``, ``beta``, ``lift``, ``z`` (NaN where
        undefined), ``matched`` (bool), ``event`` (persist, split, merge or None). Empty for the last layer.
        """
        ...

    def preferences(self, valuation: str, layer: int) -> pd.DataFrame:
        """Each neuron's k strongest phi in the layer: ``neuron``, ``other``, ``rank`` (1 = strongest), ``phi``."""
        ...
