"""Exact partitions of one layer by resamples of the examples (DESIGN §3.5), of all and of each half of them (§3.8).

The stages ``resamples.VALUATION.SEED`` and ``halved.VALUATION.HALVING.DEPTH``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.config import Config, RunSpec
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.top_cover import exact_top_cover
from hedonic_graph.models.examples import bootstrap, halves
from hedonic_graph.pipeline.context import Context
from hedonic_graph.pipeline.valuing import Values
from hedonic_graph.progress import Named, Progress
from hedonic_graph.solvers import SOLVERS

VERSION = 1
"""Part of every key: raise it when a change alters what a resample gives."""
LEAST_EXAMPLES = 2
"""Parts of fewer examples are not looked at: all their resamples would be the same."""


def resampling(config: Config) -> list[RunSpec]:
    """The runs whose solver looks at resamples."""
    return [spec for spec in config.runs if SOLVERS[spec.solver].resamples]


def halved(config: Config) -> list[tuple[int, int]]:
    """Each halving, and depth in it, whose two parts are resampled (:func:`halves`); the first halving's depths last.

    None where no run looks at resamples.
    """
    if not resampling(config) or not config.halvings:
        return []
    return [(one, 0) for one in range(config.halvings)] + [(0, depth) for depth in range(1, config.growth + 1)]


def works(config: Config) -> int:
    """How often all neurons of a layer go through resamples: once for each run, twice for each pair of parts."""
    return len(resampling(config)) + 2 * len(config.valuation) * len(halved(config))


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
        key = _key(context, valuation, layer, stage="resamples", seed=spec.seed)
        if analysis.has(name, key, context.report):
            progress.update(neurons)
            continue

        def write(path: Path, spec: RunSpec = spec) -> None:
            draws = {
                f"resample {number}": bootstrap(len(context.pairs), spec.seed or 0, number, config.resample_share)
                for number in range(config.resamples)
            }
            values = Values(context, valuation, layer)
            table = _partitions(values, draws, neurons, Named(progress, f"{spec.id} L{layer:02d}"))
            table.to_parquet(path.with_suffix(".parquet"), index=False)

        analysis.commit(name, key, write)
        context.done.append(name)


def resample_halves(context: Context[Config], valuation: str, layer: int, progress: Progress) -> None:
    """Compute ``halved.VALUATION.HALVING.DEPTH/L..`` where a consensus is asked for and the folder lacks it.

    It is a table of one column of labels for each resample of each of the two parts, drawn by the first seed.
    ``progress`` takes twice as many neurons for each unit as the layer has.
    """
    config, analysis = context.config, context.analysis
    neurons, seed = context.subject.shape["d_ff"], config.seed[0]
    for halving, depth in halved(config):
        name = _halved_unit(valuation, halving, depth, layer)
        key = _key(context, valuation, layer, stage="halved", seed=seed, halving=halving, depth=depth)
        parts = halves(len(context.pairs), halving, depth).numpy()
        if parts.sum(1).min() < LEAST_EXAMPLES or analysis.has(name, key, context.report):
            progress.update(2 * neurons)
            continue

        def write(path: Path, halving: int = halving, depth: int = depth, parts: np.ndarray = parts) -> None:
            draws = {}
            for half, part in enumerate(parts):
                for number in range(config.resamples):
                    times = np.zeros(len(part), dtype=np.int64)
                    # A number of its own for each half of each halving.
                    own = (2 * halving + half) * config.resamples + number
                    times[part] = bootstrap(int(part.sum()), seed, own, config.resample_share)
                    draws[f"half {half} resample {number}"] = times
            values = Values(context, valuation, layer)
            remark = f"{valuation} L{layer:02d}, halving {halving + 1}" + (f", part {depth}" if depth else "")
            _partitions(values, draws, 2 * neurons, Named(progress, remark)).to_parquet(
                path.with_suffix(".parquet"), index=False
            )

        analysis.commit(name, key, write)
        context.done.append(name)


def load_resamples(context: Context[Config], spec: RunSpec, layer: int) -> list[Partition]:
    """Read the partition of each resample."""
    table = pd.read_parquet(context.analysis.file(_unit(spec, layer), ".parquet"))
    return [Partition(table[column].to_numpy(np.int32)) for column in table]


def resamples_content(context: Context[Config], spec: RunSpec, layer: int) -> str:
    """Checksum of what :func:`load_resamples` reads."""
    return context.analysis.content(_unit(spec, layer), ".parquet")


def load_halved(
    context: Context[Config], valuation: str, halving: int, depth: int, layer: int
) -> tuple[list[Partition], list[Partition]] | None:
    """Read the partitions of the resamples of both parts; None where a part has too few examples."""
    if halves(len(context.pairs), halving, depth).sum(1).min() < LEAST_EXAMPLES:
        return None
    table = pd.read_parquet(context.analysis.file(_halved_unit(valuation, halving, depth, layer), ".parquet"))
    found = [Partition(table[column].to_numpy(np.int32)) for column in table]
    return found[: len(found) // 2], found[len(found) // 2 :]


def halved_contents(context: Context[Config], valuation: str, layer: int) -> list[str | None]:
    """Checksums of all that :func:`load_halved` reads, None where there is nothing to read."""
    held, content = context.analysis.manifest["units"], context.analysis.content
    units = [_halved_unit(valuation, halving, depth, layer) for halving, depth in halved(context.config)]
    return [content(unit) if unit in held else None for unit in units]


def _partitions(values: Values, draws: Mapping[str, np.ndarray], neurons: int, progress: Progress) -> pd.DataFrame:
    """The exact partition of each draw of examples, a column of labels each; ``progress`` takes ``neurons`` in all."""
    table = {}
    for number, (name, times) in enumerate(draws.items()):
        progress.set_postfix_str(f"resample {number + 1} of {len(draws)}")
        # Nothing holds phi when the next one is computed.
        found = exact_top_cover(values.of(torch.from_numpy(times)), k=values.context.config.k)
        table[name] = found.partition.labels
        progress.update(neurons * (number + 1) // len(draws) - neurons * number // len(draws))
    return pd.DataFrame(table)


def _key(context: Context[Config], valuation: str, layer: int, **own: Any) -> str:
    config, analysis = context.config, context.analysis
    return key_of(
        version=VERSION,
        phi=analysis.content(layer_unit(f"phi.{valuation}", layer), ".safetensors"),
        # Resamples are draws of places among the examples, which phi says nothing of.
        text=analysis.content("text/pairs"),
        k=config.k,
        resamples=config.resamples,
        share=config.resample_share,
        **own,
    )


def _unit(spec: RunSpec, layer: int) -> str:
    return layer_unit(f"resamples.{spec.valuation}.{spec.seed}", layer)


def _halved_unit(valuation: str, halving: int, depth: int, layer: int) -> str:
    return layer_unit(f"halved.{valuation}.{halving}.{depth}", layer)
