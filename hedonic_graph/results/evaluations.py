"""What ``evaluate`` added to an analysis, read back as tables; absent units mean that nothing was evaluated."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from hedonic_graph.analysis import Analysis, layer_unit
from hedonic_graph.results.protocol import RunInfo

if TYPE_CHECKING:
    import pandas as pd

STAGES = {"synergy": ("pair", "ratio"), "drop": ("drop",), "alignment": ("r2", "feature")}
"""The stages that have a table for each run and layer, with the properties of coalitions they give."""
EDGES = ("coalition", "feature", "family", "r2")


class Evaluations:
    """The part of an analysis's results that an evaluation made.

    A unit that was computed from a state of the analysis that is no more counts as absent.
    """

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    @property
    def evaluated(self) -> dict[str, Any]:
        """What the last evaluation was told, its task and metric, and how the adapter scored; empty without one."""
        return dict(self.analysis.manifest.get("evaluation", {}))

    def evaluation(self, stage: str, run: RunInfo, layer: int) -> "pd.DataFrame | None":
        """A row per coalition that ``stage`` (``synergy``, ``drop`` or ``alignment``) evaluated, or None.

        All have ``coalition``, ``size`` and ``size_class``. Synergy: ``psi``, ``pair``, ``ratio``, ``pair_error``,
        ``order``, ``second_pair``, ``chance``, ``chance_sd``, ``z``, ``p``. Drop: ``drop`` and ``low`` to ``high``.
        Alignment: ``r2``, ``feature``, ``family``, ``chance``, ``chance_95``, ``p``.
        """
        return self._frame(_unit(stage, run, layer), ".parquet")

    def evaluation_record(self, stage: str, run: RunInfo, layer: int) -> dict[str, Any] | None:
        """How many coalitions a stage evaluated, by which rule and on what; None without one."""
        unit = _unit(stage, run, layer)
        if not self.analysis.holds(unit):
            return None
        record: dict[str, Any] = json.loads(self.analysis.file(unit, ".json").read_text(encoding="utf-8"))
        return record

    def predictivity(self, valuation: str, layer: int) -> "pd.DataFrame | None":
        """Runs of a valuation, and the bounds ``raw neurons`` and ``mean``, by what they foretell; None without it.

        Columns ``run``, ``features``, ``neurons``, ``penalty``, ``r2``, ``low``, ``high``, ``correlation``.
        """
        return self._frame(layer_unit(f"predictivity.{valuation}", layer), ".parquet")

    def random_drops(self, layer: int) -> "pd.DataFrame | None":
        """Drops of random groups: ``size``, ``size_class``, ``drop``, ``low``, ``high``; None without them."""
        return self._frame(layer_unit("drop.random", layer), ".parquet")

    def alignments(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        """See :class:`hedonic_graph.results.protocol.Results`."""
        import pandas as pd

        found = self._frame(_unit("alignment", run, layer), ".edges.parquet")
        return pd.DataFrame({name: [] for name in EDGES}) if found is None else found

    def _properties(self, run: RunInfo, layer: int, count: int) -> dict[str, np.ndarray]:
        """What evaluations say of the ``count`` coalitions of a layer, by property; NaN or None where nothing."""
        found: dict[str, np.ndarray] = {}
        for stage, names in STAGES.items():
            table = self.evaluation(stage, run, layer)
            for name in names if table is not None else ():
                text = name == "feature"
                found[name] = np.full(count, None, object) if text else np.full(count, np.nan)
                found[name][table["coalition"]] = table[name]  # type: ignore[index]
        return found

    def _evaluation_contents(self, run: RunInfo) -> dict[str, dict[int, str]]:
        """Checksums of what evaluations give a run, by stage and layer, where they do."""
        found = {}
        for stage in STAGES:
            units = {layer: _unit(stage, run, layer) for layer in run.layers}
            held = {layer: self.analysis.content(unit) for layer, unit in units.items() if self.analysis.holds(unit)}
            if held:
                found[stage] = held
        return found

    def _frame(self, unit: str, suffix: str) -> "pd.DataFrame | None":
        import pandas as pd

        return pd.read_parquet(self.analysis.file(unit, suffix)) if self.analysis.holds(unit) else None


def _unit(stage: str, run: RunInfo, layer: int) -> str:
    return layer_unit(f"{stage}.{run.id.removeprefix(f'{run.analysis}/')}", layer)
