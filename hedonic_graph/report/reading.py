"""What ``evaluate`` found, a row per coalition of every run, layer and analysis."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hedonic_graph.errors import UserError
from hedonic_graph.pipeline.reading import UNIT as TEXT
from hedonic_graph.report.sources import Source
from hedonic_graph.results.protocol import RunInfo
from hedonic_graph.results.reader import AnalysisResults
from hedonic_graph.text.pairs import load_pairs

if TYPE_CHECKING:
    import pandas as pd

# A 95 % interval spans so many standard errors.
SPAN = 2 * 1.959964


def require(sources: Sequence[Source], stages: Sequence[str]) -> None:
    """Raise UserError for the first analysis that holds none of the ``stages``, with the command that makes them."""
    for source in sources:
        units = source.results.analysis.manifest["units"]
        if not any(unit.startswith(f"{stage}.") for stage in stages for unit in units):
            what = " and ".join(stages)
            options = " ".join(f"--what {stage}" for stage in stages)
            raise UserError(
                f"{source.path} holds no evaluation of {what}: run `hedonic-graph evaluate {source.path} {options}`"
            )


def coalitions(sources: Sequence[Source], stage: str) -> "pd.DataFrame":
    """Return the rows of a stage over all analyses, runs and layers, empty where it was not run.

    Beside the stage's own columns: ``path`` of the analysis, ``task``, ``model``, ``method``, ``seed`` (tells runs of a
    method apart), ``layer``, ``stratum`` (run and layer), ``weight`` (how many coalitions of the partition a row stands
    for, as only some of each size class are evaluated; the weights of a stratum add up to 1), ``error`` (standard error
    over examples, 0 where unknown) and ``chance`` (what a random group of that size reaches).
    """
    import pandas as pd

    found = []
    for source in sources:
        for run in source.results.runs:
            for layer in source.results.layers:
                rows = source.results.evaluation(stage, run, layer)
                if rows is None or rows.empty:
                    continue
                method, seed = source.method(run), source.seed(run)
                rows = rows.assign(
                    path=str(source.path),
                    task=source.task,
                    model=source.model,
                    method=pd.Series([method] * len(rows), rows.index, dtype=object),
                    seed=seed,
                    layer=layer,
                    stratum=f"{seed}/{layer}",
                    weight=_weights(source.results, run, layer, rows),
                )
                found.append(_ADD[stage](source.results, layer, rows))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _weights(results: AnalysisResults, run: RunInfo, layer: int, rows: "pd.DataFrame") -> np.ndarray:
    sizes = np.bincount(results.members(run, layer)["coalition"])
    classes = rows["size_class"].to_numpy(np.int64)
    # The class of a size: 0 for 1, 1 for 2, 2 for 3-4, 3 for 5-8 and so on.
    whole = np.bincount(np.frexp(sizes - 1.0)[1], minlength=classes.max() + 1)
    if (whole[classes] == 0).any():
        raise UserError(
            f"the evaluation of {run.id} in layer {layer} is of other coalitions than the analysis now holds: "
            "run the evaluate command again"
        )
    weights = whole[classes] / np.bincount(classes)[classes]
    return weights / weights.sum()


def _synergy(results: AnalysisResults, layer: int, rows: "pd.DataFrame") -> "pd.DataFrame":
    return rows.assign(error=rows["pair_error"].fillna(0.0))


def _alignment(results: AnalysisResults, layer: int, rows: "pd.DataFrame") -> "pd.DataFrame":
    # Pairs of one query are alike, so that queries count and not pairs. The error is that of a correlation squared.
    queries = len({pair.qid or pair.query for pair in load_pairs(results.analysis.file(TEXT, ".jsonl"))})
    r2 = rows["r2"].clip(0, 1)
    return rows.assign(error=2 * np.sqrt(r2) * (1 - r2) / np.sqrt(max(queries - 1, 1)), chance=rows["chance_95"])


def _drop(results: AnalysisResults, layer: int, rows: "pd.DataFrame") -> "pd.DataFrame":
    random = results.random_drops(layer)
    by_class = {} if random is None else random.groupby("size_class")["drop"].mean().to_dict()
    return rows.assign(error=(rows["high"] - rows["low"]) / SPAN, chance=rows["size_class"].map(by_class).astype(float))


_ADD = {"synergy": _synergy, "alignment": _alignment, "drop": _drop}
