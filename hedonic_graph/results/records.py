"""What the stages of an analysis said of a run beside its tables: records, and how far halves of the examples agree."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hedonic_graph.analysis import Analysis, layer_unit
from hedonic_graph.config import Config, ImportConfig, RunSpec, imported
from hedonic_graph.errors import UserError
from hedonic_graph.results.evaluations import Evaluations
from hedonic_graph.results.protocol import ModelInfo, RunInfo
from hedonic_graph.solvers import SOLVERS

if TYPE_CHECKING:
    import pandas as pd


class Records(Evaluations):
    """The part of an analysis's results that says how they came about."""

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(analysis)
        manifest = analysis.manifest
        fields = {name: manifest["model"][name] for name in ModelInfo.__dataclass_fields__}
        self.model = ModelInfo(**fields)
        self.config = _config(analysis)
        self.layers = self.config.layers
        self.followed = self.layers[:-1] if self.config.followed else ()
        """Layers whose coalitions are followed into the next."""
        self._specs = {f"{analysis.name}/{spec.id}": spec for spec in _specs(self.config, manifest)}

    def partition_record(self, run: RunInfo, layer: int) -> dict[str, Any]:
        """What the solver said of a layer: coalitions, largest share, warning, certificates."""
        return self._json(self._partition(run, layer))

    def lineage_record(self, run: RunInfo, layer: int) -> dict[str, Any]:
        """Counts of a layer step, and their means under shuffled membership."""
        return self._json(self._lineage(run, layer))

    def second_order(self, run: RunInfo, layer: int) -> dict[str, Any] | None:
        """How PAS agrees with exact double ablation on the strongest pairs; None for other valuations."""
        return self._json(layer_unit("phi.pas", layer)) if run.valuation == "pas" else None

    def halves(self, run: RunInfo, layer: int) -> dict[str, Any] | None:
        """How two halves of the examples agree on the run's valuation; None where nothing was valued.

        None, too, in a folder of before there were halves.
        """
        unit = layer_unit(f"halves.{run.valuation}", layer)
        return self._json(unit) if unit in self.analysis.manifest["units"] else None

    def resolutions(self, valuation: str, layer: int) -> "pd.DataFrame | None":
        """How far two halves of the examples agree on a consensus, a row for each resolution and halving.

        Columns are those of ``hedonic_graph.game.resolution.compare`` and ``halving``; None where none was asked for.
        """
        return self._table(f"resolutions.{valuation}", layer, self._resampled)

    def growth(self, valuation: str, layer: int) -> "pd.DataFrame | None":
        """How far two halves of the examples agree, and smaller parts of them, a row each.

        Columns ``examples_a_half``, ``exact``, ``consensus`` (NaN without one), ``correlation`` and ``overlap``; None
        where none was asked for, and for OCA over all tokens.
        """
        config = self.config
        known = isinstance(config, Config) and not (valuation == "oca" and config.positions == "all")
        return self._table(f"growth.{valuation}", layer, known and self.game.growth > 0)

    def agreement(self, run: RunInfo, layer: int) -> float | None:
        """Mean adjusted Rand index over the seeds of the run's solver; None with one seed."""
        if run.seed is None or len(self.game.seed) < 2:
            return None
        record = self._json(layer_unit(f"agreement.{run.valuation}.{run.solver}", layer))
        return float(record["adjusted_rand"]["mean"])

    @property
    def game(self) -> Config:
        """How neurons were valued and coalitions found."""
        if not isinstance(self.config, Config):
            raise UserError(f"{self.analysis.path} holds imported partitions: nothing is known of any valuation")
        return self.config

    @property
    def _resampled(self) -> bool:
        """Whether there is a consensus whose halves were looked at."""
        config = self.config
        return (
            isinstance(config, Config) and any(SOLVERS[one].resamples for one in config.solver) and config.halvings > 0
        )

    def _table(self, stage: str, layer: int, asked: bool) -> "pd.DataFrame | None":
        """A table that not every analysis has; what an earlier configuration left behind is not read."""
        import pandas as pd

        unit = layer_unit(stage, layer)
        if not asked or unit not in self.analysis.manifest["units"]:
            return None
        table = pd.read_parquet(self.analysis.file(unit, ".parquet"))
        return table if len(table) else None

    def _partition(self, run: RunInfo, layer: int) -> str:
        return layer_unit(f"partition.{self._specs[run.id].id}", layer)

    def _lineage(self, run: RunInfo, layer: int) -> str:
        return layer_unit(f"lineage.{self._specs[run.id].id}", layer)

    def _json(self, unit: str) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self.analysis.file(unit, ".json").read_text(encoding="utf-8"))
        return record


def _config(analysis: Analysis) -> Config | ImportConfig:
    values = analysis.manifest["config"].items()
    fields: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in values}
    return ImportConfig(**fields) if analysis.command == "import" else Config(**fields)


def _specs(config: Config | ImportConfig, manifest: dict[str, Any]) -> Sequence[RunSpec]:
    if isinstance(config, Config):
        return config.runs
    return [imported(run.partition(".")[2] or None) for run in manifest["imports"]]
