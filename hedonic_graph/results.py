"""What an analysis found, read back from its folder as tables (DESIGN §5): the loader and reports start here."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hedonic_graph.analysis import Analysis, key_of, layer_unit
from hedonic_graph.config import Config, ImportConfig, RunSpec, imported
from hedonic_graph.errors import UserError
from hedonic_graph.evaluations import Evaluations
from hedonic_graph.game.sample_size import guaranteed_samples
from hedonic_graph.solvers import SOLVERS

if TYPE_CHECKING:
    import pandas as pd

    from hedonic_graph.lineage.step import LayerStep

# Of a valuation, held at once.
ROWS = 256
FATES = ("persist", "split", "merge", "vanish")
HALVES = {
    "halves_correlation": "correlation",
    "halves_overlap": "overlap",
    "halves_agreement": "adjusted_rand",
    "choice_error": "choice_error",
}
"""Figures of a run, means over its layers, that come from what two halves of the examples say, as they are kept."""


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
        """Each neuron's k strongest phi in the layer: ``neuron``, ``other``, ``rank`` (1 = strongest), ``phi``."""
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


class AnalysisResults(Evaluations):
    """The results of a finished analysis folder; every file is checked against its checksum when first read."""

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
        self.runs = [self._info(run, spec) for run, spec in self._specs.items()]

    def members(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        """See :class:`Results`."""
        import pandas as pd

        return pd.read_parquet(self.analysis.file(self._partition(run, layer), ".parquet"))

    def coalitions(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        """See :class:`Results`."""
        import pandas as pd

        members = self.members(run, layer)
        sizes = np.bincount(members["coalition"])
        table = pd.DataFrame({"coalition": np.arange(len(sizes)), "size": sizes})
        if "confidence" in members:
            table["confidence"] = members.groupby("coalition")["confidence"].first()
        position = self.layers.index(layer)
        table["fate"] = self._kinds(run, layer, "source", "fate", len(sizes))
        before = self.layers[position - 1] if position else None
        table["origin"] = self._kinds(run, before, "target", "origin", len(sizes))
        return table.assign(**self._properties(run, layer, len(sizes)))

    def edges(self, run: RunInfo, layer: int, keep: int) -> "pd.DataFrame":
        """See :class:`Results`."""
        import pandas as pd

        from hedonic_graph.lineage.step import edge_table

        if layer not in self.followed:
            names = ("source", "target", "mass", "flow", "alpha", "beta", "lift", "z", "matched", "event")
            return pd.DataFrame({name: [] for name in names})
        return edge_table(self.step(run, layer), keep)

    def preferences(self, valuation: str, layer: int) -> "pd.DataFrame":
        """See :class:`Results`."""
        import pandas as pd
        import torch

        from hedonic_graph.valuation.storage import read_rows

        path = self.analysis.file(layer_unit(f"phi.{valuation}", layer), ".safetensors")
        values, others = [], []
        first, n = 0, 1
        while first < n:
            rows, n = read_rows(path, first, ROWS)
            rows[torch.arange(len(rows)), first + torch.arange(len(rows))] = -torch.inf
            value, other = rows.topk(min(self._game.k, n - 1), dim=1)
            values.append(value.numpy())
            others.append(other.numpy())
            first += ROWS
        k = values[0].shape[1]
        return pd.DataFrame(
            {
                "neuron": np.repeat(np.arange(n), k),
                "other": np.concatenate(others).ravel(),
                "rank": np.tile(np.arange(1, k + 1), n),
                "phi": np.concatenate(values).ravel(),
            }
        )

    def contents(self, run: RunInfo) -> dict[str, dict[int, str]]:
        """See :class:`Results`."""
        content = self.analysis.content
        found = {}
        if run.valuation is not None:
            found["valuation"] = {layer: content(layer_unit(f"phi.{run.valuation}", layer)) for layer in self.layers}
        for table, suffix in (("members", ".parquet"), ("figures", ".json")):
            found[table] = {layer: content(self._partition(run, layer), suffix) for layer in self.layers}
        found["lineage"] = {layer: content(self._lineage(run, layer)) for layer in self.followed}
        return found | self._evaluation_contents(run)

    def fingerprint(self, run: RunInfo) -> str:
        """See :class:`Results`."""
        contents = [checksum for layers in self.contents(run).values() for checksum in layers.values()]
        agreement = [self.agreement(run, layer) for layer in self.layers]
        halves = [self.halves(run, layer) for layer in self.layers]
        consensus = run.honesty.get("halves_agreement_consensus")
        return key_of(
            model=self.model.id,
            task=run.task,
            layers=run.layers,
            contents=contents,
            agreement=agreement,
            **({"halves": halves} if any(halves) else {}),
            **({"halves_consensus": consensus} if consensus is not None else {}),
        )

    def preferences_fingerprint(self, valuation: str, layer: int) -> str:
        """See :class:`Results`."""
        return key_of(content=self.analysis.content(layer_unit(f"phi.{valuation}", layer)), k=self._game.k)

    def step(self, run: RunInfo, layer: int) -> "LayerStep":
        """The lineage of a run from ``layer`` to the next analysed one."""
        from hedonic_graph.lineage.storage import load_step

        unit = self._lineage(run, layer)
        return load_step(self.analysis.file(unit, ".safetensors"), self.analysis.file(unit, ".json"))

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
        return self._table(f"growth.{valuation}", layer, known and self._game.growth > 0)

    def agreement(self, run: RunInfo, layer: int) -> float | None:
        """Mean adjusted Rand index over the seeds of the run's solver; None with one seed."""
        if run.seed is None or len(self._game.seed) < 2:
            return None
        record = self._json(layer_unit(f"agreement.{run.valuation}.{run.solver}", layer))
        return float(record["adjusted_rand"]["mean"])

    @property
    def _game(self) -> Config:
        """How neurons were valued and coalitions found."""
        if not isinstance(self.config, Config):
            raise UserError(f"{self.analysis.path} holds imported partitions: nothing is known of any valuation")
        return self.config

    def _info(self, run: str, spec: RunSpec) -> RunInfo:
        manifest = self.analysis.manifest
        values = self.config.parameters()
        scalars = {name: one for name, one in values.items() if one is not None and not isinstance(one, tuple)}
        created = manifest.get("finished", manifest["created"])
        if isinstance(self.config, ImportConfig):
            record = manifest["imports"][spec.id]
            created, values["files"] = record["created"], record["files"]
            scalars["files"] = ", ".join(file["file"] for file in record["files"])
        info = RunInfo(
            id=run,
            analysis=self.analysis.name,
            task=self.config.task,
            valuation=spec.valuation,
            solver=spec.solver,
            seed=spec.seed,
            created=created,
            layers=self.layers,
            parameters=scalars,
            config=json.dumps(values),
        )
        info.honesty.update(self._honesty(info))
        return info

    def _honesty(self, run: RunInfo) -> dict[str, float | list[float]]:
        records = [self.partition_record(run, layer) for layer in self.layers]
        checks = [self.second_order(run, layer) for layer in self.layers]
        found: dict[str, float | list[float]] = {"largest_share": max(record["largest_share"] for record in records)}
        for sampler in records[0]["certificates"]:
            certificates = [record["certificates"][sampler] for record in records]
            found[f"blocking_rate_{sampler}"] = max(one["rate"] for one in certificates)
            found[f"blocking_bound_{sampler}"] = max(one["bound"] for one in certificates)
            found[f"blocking_rate_{sampler}_random"] = max(one["random_rate"] for one in certificates)
        if sampled := min(record.get("sampled") or 0 for record in records):
            game = self._game
            asked = guaranteed_samples(self.model.d_ff, epsilon=game.epsilon, delta=game.delta)
            found |= {"sampled_coalitions": float(sampled), "sampled_coalitions_by_theorem": float(asked)}
        correlations = [check["correlation"] for check in checks if check and check["correlation"] is not None]
        if correlations:
            found["second_order_correlation"] = min(correlations)
        halves = [one for layer in self.layers if (one := self.halves(run, layer))]
        for figure, name in HALVES.items():
            values = [one[name] for one in halves if one[name] is not None]
            if values:
                found[figure] = float(np.mean(values))
        if run.valuation is not None and SOLVERS[run.solver].resamples:
            tables = [table for layer in self.layers if (table := self.resolutions(run.valuation, layer)) is not None]
            if tables:
                resolution = self._game.resolution
                means = [table["adjusted_rand"][table["resolution"] == resolution].mean() for table in tables]
                found["halves_agreement_consensus"] = float(np.mean(means))
        confidences = [one for record in records if (one := record.get("confidence")) is not None]
        if confidences:
            found["confidence"] = float(np.mean(confidences))
        agreements = [value for layer in self.layers if (value := self.agreement(run, layer)) is not None]
        if agreements:
            found["seed_agreement"] = float(np.mean(agreements))
        steps = [self.lineage_record(run, layer) for layer in self.followed]
        if steps:
            found["significant_edges"] = sum(step["counts"]["significant"] for step in steps)
            found["significant_edges_shuffled"] = sum(step["chance"]["significant"] for step in steps)
            for fate in FATES:
                found[f"{fate}_shuffled"] = [
                    100 * step["chance"][fate] / max(sum(step["chance"][one] for one in FATES), 1) for step in steps
                ]
        return found

    def _kinds(self, run: RunInfo, layer: int | None, ids: str, kinds: str, count: int) -> np.ndarray:
        from hedonic_graph.lineage.events import Kind

        found = np.full(count, None, dtype=object)
        if layer not in self.followed:
            return found
        step = self.step(run, layer)
        labels = np.array([kind.label for kind in Kind], dtype=object)
        found[getattr(step, ids)] = labels[getattr(step, kinds)]
        return found

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


def open_results(path: Path | str, *, check: bool = False) -> AnalysisResults:
    """Open a finished analysis; raises UserError where there is none, it is unfinished or a file is damaged.

    A file is compared with its checksum when it is first read, with ``check`` all of them are at once.
    """
    analysis = Analysis.open(Path(path))
    if analysis.command not in ("analyze", "import"):
        raise UserError(f"{path} holds no runs: it was made by `hedonic-graph {analysis.command}`")
    if check:
        analysis.check()
    if not analysis.manifest.get("complete"):
        again = f"run the {analysis.command} command again, it continues where it stopped"
        raise UserError(f"{path} is not finished: {again}")
    return AnalysisResults(analysis)


def _config(analysis: Analysis) -> Config | ImportConfig:
    values = analysis.manifest["config"].items()
    fields: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in values}
    return ImportConfig(**fields) if analysis.command == "import" else Config(**fields)


def _specs(config: Config | ImportConfig, manifest: dict[str, Any]) -> Sequence[RunSpec]:
    if isinstance(config, Config):
        return config.runs
    return [imported(run.partition(".")[2] or None) for run in manifest["imports"]]
