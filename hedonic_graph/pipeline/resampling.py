"""The stage ``resamples.VALUATION.SEED``: exact partitions of one layer by resamples of the examples (DESIGN §3.5)."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.config import Config, RunSpec
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.top_cover import exact_top_cover
from hedonic_graph.pipeline.context import Context
from hedonic_graph.pipeline.valuing import Values
from hedonic_graph.progress import Named, Progress
from hedonic_graph.solvers import SOLVERS

VERSION = 1
"""Part of every key: raise it when a change alters what a resample gives."""


def resampling(config: Config) -> list[RunSpec]:
    """The runs whose solver looks at resamples."""
    return [spec for spec in config.runs if SOLVERS[spec.solver].resamples]


def resample_layer(context: Context[Config], valuation: str, layer: int, progress: Progress) -> None:
    """Compute ``resamples.VALUATION.SEED/L..`` where a run needs it and the folder lacks it.

    It is a table of one column of labels for each resample. ``progress`` takes as many neurons for each run as
    the layer has.
    """
    config, analysis = context.config, context.analysis
    neurons = context.subject.shape["d_ff"]
    for spec in resampling(config):
        if spec.valuation != valuation:
            continue
        name = _unit(spec, layer)
        key = key_of(
            stage="resamples",
            version=VERSION,
            phi=analysis.content(layer_unit(f"phi.{valuation}", layer), ".safetensors"),
            # Resamples are draws of places among the examples, which phi says nothing of.
            text=analysis.content("text/pairs"),
            k=config.k,
            resamples=config.resamples,
            share=config.resample_share,
            seed=spec.seed,
        )
        if analysis.has(name, key, context.report):
            progress.update(neurons)
            continue

        def write(path: Path, spec: RunSpec = spec) -> None:
            values = Values(context, valuation, layer)
            remarks = Named(progress, f"{spec.id} L{layer:02d}")
            table = {}
            for number in range(config.resamples):
                remarks.set_postfix_str(f"resample {number + 1} of {config.resamples}")
                times = bootstrap(len(context.pairs), spec.seed or 0, number, config.resample_share)
                phi = values.of(torch.from_numpy(times))
                table[f"resample {number}"] = exact_top_cover(phi, k=config.k).partition.labels
                progress.update(neurons * (number + 1) // config.resamples - neurons * number // config.resamples)
            pd.DataFrame(table).to_parquet(path.with_suffix(".parquet"), index=False)

        analysis.commit(name, key, write)
        context.done.append(name)


def load_resamples(context: Context[Config], spec: RunSpec, layer: int) -> list[Partition]:
    """Read the partition of each resample."""
    table = pd.read_parquet(context.analysis.file(_unit(spec, layer), ".parquet"))
    return [Partition(table[column].to_numpy(np.int32)) for column in table]


def bootstrap(examples: int, seed: int, number: int, share: float = 1.0) -> np.ndarray:
    """How often each example is in a draw with replacement, int64 [examples]; one draw for each ``number``.

    It draws ``share`` times as many as there are, and at least one.
    """
    drawn = np.random.default_rng([seed, number]).integers(examples, size=max(1, round(share * examples)))
    return np.bincount(drawn, minlength=examples)


def _unit(spec: RunSpec, layer: int) -> str:
    return layer_unit(f"resamples.{spec.valuation}.{spec.seed}", layer)
