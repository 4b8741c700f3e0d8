"""The units ``synergy.RUN/L..``: what coalitions do together, beside random groups of their sizes."""

import json
from pathlib import Path

import numpy as np
from torch import Tensor

from hedonic_graph.analysis import layer_unit
from hedonic_graph.config import RunSpec
from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.chance import random_pairs
from hedonic_graph.evaluation.choice import RULE, choose, size_class
from hedonic_graph.evaluation.synergy import synergy_of
from hedonic_graph.game.partition import Partition
from hedonic_graph.pipeline.analyze import bends
from hedonic_graph.pipeline.evaluation.work import Unit, Work, capture_file, members_file, text_file
from hedonic_graph.pipeline.valuing import Values, load_phi
from hedonic_graph.progress import Progress

VERSION = 1
"""Part of every key: raise it when a change alters synergy."""


def chosen(work: Work, partition: Partition) -> np.ndarray:
    """The coalitions of a partition that are evaluated, int64."""
    options = work.options
    return choose(partition.sizes, per_class=options.per_class, min_size=options.min_size, seed=options.seed)


def rule(work: Work) -> str:
    """How they are chosen, in a sentence."""
    options = work.options
    return RULE.format(min_size=options.min_size, per_class=options.per_class, seed=options.seed)


class Synergies:
    """Synergy of the chosen coalitions of all runs."""

    def __init__(self, work: Work) -> None:
        if not bends(work.config, work.context.subject):
            raise UserError(
                "synergy needs --readout-norm on: without the final norm the logit of this analysis is additive over "
                "neurons, so every pairwise interaction is exactly zero"
            )
        self.work = work

    @property
    def steps(self) -> int:
        """Units there are to compute."""
        return len(self.work.layers) * len(self.work.runs)

    def layer(self, layer: int, progress: Progress) -> None:
        """Evaluate the coalitions of a layer where the folder lacks it; a step of ``progress`` for each run."""
        units = {spec: self._unit(spec, layer) for spec in self.work.runs}
        missing = {spec: unit for spec, unit in units.items() if unit.missing}
        progress.update(len(units) - len(missing))
        if not missing:
            return
        values = Values(self.work.context, "pas", layer)
        stored = layer_unit("phi.pas", layer) in self.work.analysis.manifest["units"]
        phi = load_phi(self.work.context, "pas", layer) if stored else values.whole()
        for spec, unit in missing.items():
            self._keep(unit, spec, layer, values, phi)
            progress.update(1)

    def _unit(self, spec: RunSpec, layer: int) -> Unit:
        options, config = self.work.options, self.work.config
        return self.work.unit(
            layer_unit(f"synergy.{spec.id}", layer),
            VERSION,
            [capture_file(layer), text_file(), members_file(spec, layer)],
            model=self.work.context.subject.fingerprint,
            readout=[config.readout, config.readout_norm, config.reference],
            per_class=options.per_class,
            min_size=options.min_size,
            groups=options.groups,
            seed=options.seed,
        )

    def _keep(self, unit: Unit, spec: RunSpec, layer: int, values: Values, phi: Tensor) -> None:
        work, options = self.work, self.work.options
        partition = work.partition(spec, layer)
        numbers = chosen(work, partition)
        sizes = partition.sizes[numbers]
        members = partition.coalitions()

        def write(path: Path) -> None:
            found = synergy_of(*values.arguments, [members[one] for one in numbers], queries=work.queries)
            chance = random_pairs(phi, sizes, groups=options.groups, seed=options.seed)
            beside = chance.beside(sizes, found["pair"].to_numpy())
            for place, (name, column) in enumerate(
                (("coalition", numbers), ("size", sizes), ("size_class", size_class(sizes)))
            ):
                found.insert(place, name, column)
            found.join(beside).to_parquet(path.with_suffix(".parquet"), index=False)
            record = {
                "coalitions": len(partition),
                "evaluated": len(numbers),
                "rule": rule(work),
                "examples": len(work.pairs),
                "queries": len(set(work.queries)),
                "groups": options.groups,
            }
            path.with_suffix(".json").write_text(json.dumps(record, indent=1), encoding="utf-8")

        unit.keep(write)
