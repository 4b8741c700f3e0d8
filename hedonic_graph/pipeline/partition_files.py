"""One partition of one layer as files: a table of its members, and what is said of it."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hedonic_graph.analysis import Analysis, layer_unit
from hedonic_graph.config import RunSpec
from hedonic_graph.game.degenerate import degeneration_warning, largest_share
from hedonic_graph.game.partition import Partition

if TYPE_CHECKING:
    from hedonic_graph.game.stability import Stability


def save_partition(
    path: Path,
    partition: Partition,
    *,
    utilities: np.ndarray | None = None,
    utility: str | None = None,
    rounds: pd.DataFrame | None = None,
    certificates: "Sequence[Stability]" = (),
    caveat: str | None = None,
    confidence: np.ndarray | None = None,
) -> str | None:
    """Write ``path`` with the suffixes .parquet, .json and, of a solver, .rounds.parquet; return a warning to say.

    ``utilities`` are the members', float32 [n], by ``utility``; without a valuation they are NaN. The warning
    begins with the solver's own ``caveat``. ``confidence`` is that of each coalition, float64 [c], NaN for singletons.
    """
    warning = "; ".join(filter(None, [caveat, degeneration_warning(partition, rounds)])) or None
    table = pd.DataFrame(
        {
            "neuron": np.arange(partition.n, dtype=np.int32),
            "coalition": partition.labels,
            "utility": np.full(partition.n, np.nan, np.float32) if utilities is None else utilities,
        }
    )
    figures = {}
    if confidence is not None:
        table["confidence"] = confidence[partition.labels]
        mean = table["confidence"].mean()
        figures["confidence"] = None if np.isnan(mean) else float(mean)
    table.to_parquet(path.with_suffix(".parquet"), index=False)
    if rounds is not None:
        rounds.to_parquet(path.with_suffix(".rounds.parquet"), index=False)
    record = {
        "coalitions": len(partition),
        "singletons": int((partition.sizes == 1).sum()),
        "largest_share": largest_share(partition),
        "utility": utility,
        "rounds": None if rounds is None else len(rounds),
        "sampled": None if rounds is None else int(rounds["sampled"].sum()),
        "warning": warning,
        "certificates": {one.sampler: asdict(one) for one in certificates},
        **figures,
    }
    path.with_suffix(".json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    return warning


def load_partition(analysis: Analysis, spec: RunSpec, layer: int) -> Partition:
    """Read one run's partition of a layer."""
    path = analysis.file(partition_unit(spec, layer), ".parquet")
    return Partition(pd.read_parquet(path)["coalition"].to_numpy(np.int32))


def partition_unit(spec: RunSpec, layer: int) -> str:
    """Name of the unit of one run's partition of a layer."""
    return layer_unit(f"partition.{spec.id}", layer)
