"""An analysis folder as the results that the graph is loaded from."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hedonic_graph.analysis import Analysis, key_of, layer_unit
from hedonic_graph.config import ImportConfig, RunSpec
from hedonic_graph.errors import UserError
from hedonic_graph.results.honesty import honesty
from hedonic_graph.results.protocol import RunInfo
from hedonic_graph.results.records import Records

if TYPE_CHECKING:
    import pandas as pd

    from hedonic_graph.lineage.step import LayerStep


class AnalysisResults(Records):
    """The results of a finished analysis folder; every file is checked against its checksum when first read."""

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(analysis)
        self.runs = [self._info(run, spec) for run, spec in self._specs.items()]

    def members(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        """See :class:`hedonic_graph.results.protocol.Results`."""
        import pandas as pd

        return pd.read_parquet(self.analysis.file(self._partition(run, layer), ".parquet"))

    def coalitions(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        """See :class:`hedonic_graph.results.protocol.Results`."""
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
        """See :class:`hedonic_graph.results.protocol.Results`."""
        import pandas as pd

        from hedonic_graph.lineage.step import edge_table

        if layer not in self.followed:
            names = ("source", "target", "mass", "flow", "alpha", "beta", "lift", "z", "matched", "event")
            return pd.DataFrame({name: [] for name in names})
        return edge_table(self.step(run, layer), keep)

    def preferences(self, valuation: str, layer: int) -> "pd.DataFrame":
        """See :class:`hedonic_graph.results.protocol.Results`."""
        from hedonic_graph.results.preferences import preferences

        return preferences(self.analysis.file(layer_unit(f"phi.{valuation}", layer), ".safetensors"), self.game.k)

    def contents(self, run: RunInfo) -> dict[str, dict[int, str]]:
        """See :class:`hedonic_graph.results.protocol.Results`."""
        content = self.analysis.content
        found = {}
        if run.valuation is not None:
            found["valuation"] = {layer: content(layer_unit(f"phi.{run.valuation}", layer)) for layer in self.layers}
        for table, suffix in (("members", ".parquet"), ("figures", ".json")):
            found[table] = {layer: content(self._partition(run, layer), suffix) for layer in self.layers}
        found["lineage"] = {layer: content(self._lineage(run, layer)) for layer in self.followed}
        return found | self._evaluation_contents(run)

    def fingerprint(self, run: RunInfo) -> str:
        """See :class:`hedonic_graph.results.protocol.Results`."""
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
        """See :class:`hedonic_graph.results.protocol.Results`."""
        return key_of(content=self.analysis.content(layer_unit(f"phi.{valuation}", layer)), k=self.game.k)

    def step(self, run: RunInfo, layer: int) -> "LayerStep":
        """The lineage of a run from ``layer`` to the next analysed one."""
        from hedonic_graph.lineage.storage import load_step

        unit = self._lineage(run, layer)
        return load_step(self.analysis.file(unit, ".safetensors"), self.analysis.file(unit, ".json"))

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
        info.honesty.update(honesty(self, info))
        return info

    def _kinds(self, run: RunInfo, layer: int | None, ids: str, kinds: str, count: int) -> np.ndarray:
        from hedonic_graph.lineage.events import Kind

        found = np.full(count, None, dtype=object)
        if layer not in self.followed:
            return found
        step = self.step(run, layer)
        labels = np.array([kind.label for kind in Kind], dtype=object)
        found[getattr(step, ids)] = labels[getattr(step, kinds)]
        return found


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
