"""What the graph is loaded from and the summary told from, wherever it comes from: a model, its runs, their tables."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd

FATES = ("persist", "split", "merge", "vanish")


@dataclass(frozen=True)
class ModelInfo:
    """The model an analysis looked at."""

    id: str
    """Base name, adapter name and fingerprint; neurons of equal models are shared between runs."""
    name: str
    adapter: str | None
    architecture: str | None
    """None, as the next two are, where partitions were imported without a model."""
    d_model: int | None
    d_ff: int
    layers: int | None
    """Number of layers of the whole model."""


@dataclass(frozen=True)
class RunInfo:
    """One valuation, solver and seed inside an analysis, or partitions that were imported into it."""

    id: str
    """``ANALYSIS/pas.exact``, ``ANALYSIS/pas.pac.0`` or ``ANALYSIS/imported.NAME``."""
    analysis: str
    task: str | None
    valuation: str | None
    """None where partitions were imported: nothing is known of what their neurons value."""
    solver: str
    seed: int | None
    created: str
    """ISO 8601, UTC."""
    layers: tuple[int, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    """The scalars that made it."""
    config: str = "{}"
    """The whole configuration as one JSON string."""
    honesty: dict[str, float | list[float]] = field(default_factory=dict)
    """The figures of DESIGN §3.8 by name: seeds' agreement, stability, samples, lineage against shuffled membership.

    Lists hold one number for each layer that is followed.
    """


class Results(Protocol):
    """Everything the graph is loaded from. Tables are pandas frames; neurons and coalitions are integers from 0."""

    model: ModelInfo
    runs: list[RunInfo]

    def members(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        """Every neuron of the layer: ``neuron``, ``coalition`` (rank by size), ``utility``.

        The utility is NaN where the run has no valuation. A solver that looks at resamples adds ``confidence``,
        that of the coalition.
        """
        ...

    def coalitions(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        """Every coalition of the layer: ``coalition``, ``size``, ``fate`` and ``origin`` (string or None).

        ``fate`` is persist, split, merge or vanish, ``origin`` persist, split, merge or emerge; None in the
        last and first layer, for coalitions too small to be followed, and where no lineage is known. Optional
        columns, NaN or None where undefined: ``confidence``, and of an evaluation ``pair``, ``ratio``, ``drop``,
        ``r2``, ``feature``.
        """
        ...

    def edges(self, run: RunInfo, layer: int, keep: int) -> "pd.DataFrame":
        """Kept edges from ``layer`` to the next analysed layer (DESIGN §3.6, "what goes into the graph").

        Columns ``source``, ``target``, ``mass``, ``flow``, ``alpha``, ``beta``, ``lift``, ``z`` (NaN where
        undefined), ``matched`` (bool), ``event`` (persist, split, merge or None). Empty for the last layer, and
        where no lineage is known.
        """
        ...

    def preferences(self, valuation: str, layer: int) -> "pd.DataFrame":
        """Each neuron's k strongest phi in the layer: ``neuron``, ``other``, ``rank`` (1 = strongest), ``phi``.

        Of equal ones the smaller ``other`` comes first, as in the game.
        """
        ...

    def alignments(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        """How coalitions align with features of the text: ``coalition``, ``feature``, ``family``, ``r2``.

        A feature is known by its name alone; empty where nothing was evaluated.
        """
        ...

    def contents(self, run: RunInfo) -> dict[str, dict[int, str]]:
        """Checksums of what a run is made of: name of a table, layer, checksum. They say where two states differ."""
        ...

    def fingerprint(self, run: RunInfo) -> str:
        """One hash over everything the folder says of a run."""
        ...

    def preferences_fingerprint(self, valuation: str, layer: int) -> str:
        """One hash over what the preferences of a layer are made from; equal ones are loaded once."""
        ...
