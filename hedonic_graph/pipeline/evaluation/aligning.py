"""The units ``alignment.RUN/L..``: which feature of the text each coalition follows, beside chance."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from hedonic_graph.analysis import layer_unit
from hedonic_graph.config import RunSpec
from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.alignment import align, squared_correlations
from hedonic_graph.evaluation.choice import size_class
from hedonic_graph.evaluation.means import coalition_means
from hedonic_graph.pipeline.evaluation.work import Unit, Work, capture_file, members_file
from hedonic_graph.progress import Progress
from hedonic_graph.text.collection import Collection
from hedonic_graph.text.features import FAMILIES, mslr_features
from hedonic_graph.text.trec import read_collection

VERSION = 1
"""Part of every key: raise it when a change alters an alignment."""
EDGES = 3
"""Features of a coalition that go into the graph, at most."""


def alignments(work: Work) -> "Alignments":
    """Prepare the alignment of all runs; raises UserError where the text gives no chance level."""
    folder = Path(work.config.text).expanduser()
    passages = list(read_collection(folder).values()) if folder.is_dir() else [pair.passage for pair in work.pairs]
    features = mslr_features(
        [pair.query for pair in work.pairs], [pair.passage for pair in work.pairs], Collection.of(passages)
    )
    _, counts = np.unique(work.queries, return_counts=True)
    if len(np.unique(counts)) == len(counts):
        raise UserError(
            "alignment: no two queries have equally many passages, so chance cannot be told by "
            "permuting them: leave it out (--what synergy)"
        )
    source = str(folder) if folder.is_dir() else "the analysed pairs"
    return Alignments(work, features, {"passages": len(set(passages)), "source": source})


class Alignments:
    """Alignment of coalitions with the features of one text."""

    def __init__(self, work: Work, features: pd.DataFrame, collection: dict[str, object]) -> None:
        self.work = work
        self.features = features
        self.collection = collection
        self._content = hashlib.sha256(features.to_numpy().tobytes()).hexdigest()

    @property
    def steps(self) -> int:
        """Units there are to compute."""
        return len(self.work.layers) * len(self.work.runs)

    def layer(self, layer: int, progress: Progress) -> None:
        """Align the coalitions of a layer where the folder lacks it; a step of ``progress`` for each run."""
        tuned: np.ndarray | None = None
        for spec in self.work.runs:
            unit = self._unit(spec, layer)
            if unit.missing:
                tuned = self.work.captured("tuned", layer) if tuned is None else tuned
                self._keep(unit, spec, layer, tuned)
            progress.update(1)

    def _unit(self, spec: RunSpec, layer: int) -> Unit:
        options = self.work.options
        return self.work.unit(
            layer_unit(f"alignment.{spec.id}", layer),
            VERSION,
            [capture_file(layer), members_file(spec, layer)],
            features=self._content,
            queries=self.work.queries,
            min_size=options.min_size,
            permutations=options.permutations,
            seed=options.seed,
        )

    def _keep(self, unit: Unit, spec: RunSpec, layer: int, tuned: np.ndarray) -> None:
        partition, options = self.work.partition(spec, layer), self.work.options
        # Coalitions are numbered by size, so these are the first ones.
        sizes = partition.sizes[partition.sizes >= options.min_size]
        means = coalition_means(tuned, partition)[:, : len(sizes)]

        def write(path: Path) -> None:
            found = align(
                means, self.features, permutations=options.permutations, groups=self.work.queries, seed=options.seed
            )
            found["feature"] = found["feature"].astype(object)
            found.insert(0, "coalition", np.arange(len(sizes)))
            found.insert(1, "size", sizes)
            found.insert(2, "size_class", size_class(sizes))
            found.insert(5, "family", np.array([FAMILIES.get(one) for one in found["feature"]], dtype=object))
            found.to_parquet(path.with_suffix(".parquet"), index=False)
            edges = strongest(squared_correlations(means, self.features), found["chance_95"].to_numpy())
            edges.to_parquet(path.with_suffix(".edges.parquet"), index=False)
            record = {
                "coalitions": len(partition),
                "evaluated": len(sizes),
                "rule": f"all coalitions of {options.min_size} neurons or more",
                "examples": len(self.features),
                "queries": len(set(self.work.queries)),
                "permutations": options.permutations,
                "collection": self.collection,
            }
            path.with_suffix(".json").write_text(json.dumps(record, indent=1), encoding="utf-8")

        unit.keep(write)


def strongest(squares: np.ndarray, beyond: np.ndarray) -> pd.DataFrame:
    """Return the features that each coalition follows ``beyond`` [C] its chance, at most ``EDGES`` of each.

    ``squares`` [C, F] are in the order of FAMILIES. Columns coalition, feature, family, r2, the largest first.
    """
    order = np.argsort(-squares, axis=1, kind="stable")[:, :EDGES]
    values = np.take_along_axis(squares, order, axis=1)
    coalition, place = np.nonzero(values > beyond[:, None])
    names = np.array(list(FAMILIES), dtype=object)[order[coalition, place]]
    return pd.DataFrame(
        {
            "coalition": coalition,
            "feature": names,
            "family": np.array([FAMILIES[name] for name in names], dtype=object),
            "r2": values[coalition, place],
        }
    )
