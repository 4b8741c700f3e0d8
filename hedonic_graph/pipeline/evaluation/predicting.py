"""The units ``predictivity.VALUATION/L..``: how well coalition means foretell the label in another domain."""

from pathlib import Path

import numpy as np

from hedonic_graph.analysis import layer_unit
from hedonic_graph.config import RunSpec
from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.predictivity import Domain, macro_features, predictivity
from hedonic_graph.game.partition import Partition
from hedonic_graph.pipeline.evaluation.judged import Judged
from hedonic_graph.pipeline.evaluation.training import CAPTURE, PAIRS, Training, capture_unit, read_training
from hedonic_graph.pipeline.evaluation.work import Work, capture_file, members_file, text_file
from hedonic_graph.progress import Progress

VERSION = 1
"""Part of every key: raise it when a change alters predictivity."""


def predictions(work: Work, judged: Judged) -> "Predictions":
    """Prepare the predictivity of all runs; raises UserError where a domain's labels do not vary."""
    training = read_training(work, judged.task)
    found = Predictions(work, judged, training)
    for where, labels in (("training text", training.label_array()), ("analysed text", found.labels)):
        if np.ptp(labels) == 0:
            raise UserError(f"the {judged.task} label is {labels[0]:g} for all of the {where}: nothing to foretell")
    return found


class Predictions:
    """Predictivity from one training text to the analysed one, in all valuations."""

    def __init__(self, work: Work, judged: Judged, training: Training) -> None:
        self.work = work
        self.judged = judged
        self.training = training
        # A positive counts 1 in training, whatever the highest grade is here.
        top = 1.0 if judged.qrels is None else float(max(np.nanmax(judged.labels), 1))
        self.labels = judged.labels[judged.known] / top

    @property
    def valuations(self) -> list[str]:
        """Those of the runs to evaluate."""
        return list(dict.fromkeys(str(spec.valuation) for spec in self.work.runs))

    @property
    def steps(self) -> int:
        """Units there are to compute."""
        return len(self.work.layers) * len(self.valuations)

    def layer(self, layer: int, progress: Progress) -> None:
        """Fit and foretell at a layer where the folder lacks it; a step of ``progress`` for each valuation."""
        for valuation in self.valuations:
            self._keep(valuation, [spec for spec in self.work.runs if spec.valuation == valuation], layer)
            progress.update(1)

    def _keep(self, valuation: str, runs: list[RunSpec], layer: int) -> None:
        options = self.work.options
        unit = self.work.unit(
            layer_unit(f"predictivity.{valuation}", layer),
            VERSION,
            [capture_file(layer), capture_unit(layer), text_file(), f"{PAIRS}.jsonl",
             *(members_file(spec, layer) for spec in runs)],
            labels=self.labels.tolist(),
            known=np.flatnonzero(self.judged.known).tolist(),
            features=options.features,
            min_size=options.min_size,
            seed=options.seed,
        )  # fmt: skip
        if not unit.missing:
            return
        partitions = self._partitions(runs, layer)
        if not partitions:
            wanted = f"{options.features} coalitions" if options.features else "a coalition"
            self.work.report(f"predictivity of {valuation}, layer {layer}: no run has {wanted} of {options.min_size}+")
            return
        known = self.judged.known
        count = options.features or macro_features(list(partitions.values()), min_size=options.min_size)
        train = Domain(
            self.work.captured("tuned", layer, CAPTURE),
            self.training.label_array(),
            [pair.query for pair in self.training.pairs],
        )
        test = Domain(
            self.work.captured("tuned", layer)[known],
            self.labels,
            [query for query, one in zip(self.work.queries, known, strict=True) if one],
        )

        def write(path: Path) -> None:
            found = predictivity(train, test, partitions, count=count, seed=options.seed)
            found.index.name = "run"
            found.reset_index().to_parquet(path.with_suffix(".parquet"), index=False)

        unit.keep(write)

    def _partitions(self, runs: list[RunSpec], layer: int) -> dict[str, Partition]:
        """The runs that have as many macro-features as are asked for."""
        options = self.work.options
        found = {}
        for spec in runs:
            partition = self.work.partition(spec, layer)
            there = int((partition.sizes >= options.min_size).sum())
            if there >= (options.features or 1):
                found[spec.id] = partition
            else:
                self.work.report(f"predictivity leaves out {spec.id} at layer {layer}: it has {there} coalitions of "
                                 f"{options.min_size} neurons or more")  # fmt: skip
        return found
