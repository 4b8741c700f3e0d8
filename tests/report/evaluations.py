"""Evaluation units as ``evaluate`` writes them, made up, in an analysis folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hedonic_graph.analysis import Analysis, layer_unit
from hedonic_graph.evaluation.predictivity import MEAN, RAW
from hedonic_graph.results import open_results
from hedonic_graph.results.protocol import RunInfo
from hedonic_graph.results.reader import AnalysisResults

Values = Callable[[str, np.ndarray, np.random.Generator], dict[str, Any]]
"""Columns of a stage, for a run by its short id and the sizes of its coalitions."""


def put(analysis: Analysis, unit: str, table: pd.DataFrame) -> None:
    """Write one unit's table."""
    analysis.commit(unit, "made up", lambda stem: table.to_parquet(stem.with_suffix(".parquet")))


def classes(sizes: np.ndarray) -> np.ndarray:
    return np.array([int(np.ceil(np.log2(size))) for size in sizes], np.int64)


def write(folder: Path, stage: str, values: Values, *, runs: tuple[str, ...] = (), seed: int = 0) -> None:
    """Write a stage for every coalition of two neurons or more of every run, or of ``runs``."""
    draw = np.random.default_rng(seed)
    results = open_results(folder)
    with Analysis.writing(folder) as analysis:
        for run, short in short_ids(results):
            for layer in results.layers if not runs or short in runs else ():
                sizes = np.bincount(results.members(run, layer)["coalition"])
                chosen = np.flatnonzero(sizes >= 2)
                table = pd.DataFrame({"coalition": chosen, "size": sizes[chosen], "size_class": classes(sizes[chosen])})
                put(analysis, layer_unit(f"{stage}.{short}", layer), table.assign(**values(short, sizes[chosen], draw)))


def write_random_drops(folder: Path, drop: float) -> None:
    """Write random groups of every size class whose drop is so much."""
    results = open_results(folder)
    with Analysis.writing(folder) as analysis:
        for layer in results.layers:
            table = pd.DataFrame({"size": [2, 3, 5, 9, 17, 33], "size_class": [1, 2, 3, 4, 5, 6], "drop": drop})
            put(analysis, layer_unit("drop.random", layer), table.assign(low=0.0, high=0.0))


def write_predictivity(folder: Path, r2: Callable[[str], float], *, half: float = 0.01, features: int = 2) -> None:
    """Write how well each run and bound foretells the label."""
    results = open_results(folder)
    with Analysis.writing(folder) as analysis:
        for valuation in ("pas", "oca"):
            names = [short for _, short in short_ids(results) if short.startswith(valuation)]
            found = np.array([r2(name) for name in names] + [0.8, -0.01])
            table = pd.DataFrame({"run": [*names, RAW, MEAN], "features": features, "neurons": 9, "r2": found})
            table = table.assign(low=found - half, high=found + half, penalty=1.0, correlation=0.5)
            for layer in results.layers:
                put(analysis, layer_unit(f"predictivity.{valuation}", layer), table)


def note(folder: Path, **entries: Any) -> None:
    """Write the manifest's entry of the evaluation."""
    with Analysis.writing(folder) as analysis:
        analysis.manifest["evaluation"] = entries
        analysis.save()


def short_ids(results: AnalysisResults) -> list[tuple[RunInfo, str]]:
    return [(run, run.id.partition("/")[2]) for run in results.runs]
