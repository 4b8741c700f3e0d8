"""How far the consensus of one half of the examples is that of the other, and how that grows with the text (§3.8).

The stages ``resolutions.VALUATION`` and ``growth.VALUATION``.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.game.resolution import RESOLUTIONS, compare
from hedonic_graph.models.examples import halves
from hedonic_graph.pipeline.context import Context
from hedonic_graph.pipeline.halving import load_halves, part_figures
from hedonic_graph.pipeline.resampling import LEAST_EXAMPLES, halved, halved_contents, load_halved
from hedonic_graph.pipeline.valuing import Values

VERSION = 2
"""Part of every key: raise it when a change alters the tables."""


def compare_resolutions(context: Context[Config], valuation: str, layer: int) -> None:
    """Compute ``resolutions.VALUATION/L..`` where halves were resampled and the folder lacks it.

    It is a table of :func:`compare`'s rows for each halving, with a column ``halving``. The resolution of the
    configuration is among those tried.
    """
    config, analysis = context.config, context.analysis
    if not halved(config):
        return
    name = layer_unit(f"resolutions.{valuation}", layer)
    resolutions = sorted({*RESOLUTIONS, config.resolution})
    key = key_of(
        stage="resolutions",
        version=VERSION,
        halved=halved_contents(context, valuation, layer),
        resolutions=resolutions,
        halvings=config.halvings,
        seed=config.seed[0],
    )
    if analysis.has(name, key, context.report):
        return

    def write(path: Path) -> None:
        tables = []
        for halving in range(config.halvings):
            found = load_halved(context, valuation, halving, 0, layer)
            if found is not None:
                table = compare(*found, resolutions, seed=config.seed[0], device=context.device)
                tables.append(table.assign(halving=halving))
        (pd.concat(tables) if tables else pd.DataFrame()).to_parquet(path.with_suffix(".parquet"), index=False)

    analysis.commit(name, key, write)
    context.done.append(name)


def check_growth(config: Config, examples: int) -> None:
    """Raise UserError where ``growth`` would leave parts of fewer than ``LEAST_EXAMPLES`` of the ``examples``."""
    if not config.growth or examples // 2 >> config.growth >= LEAST_EXAMPLES:
        return
    most = (examples // 2 // LEAST_EXAMPLES).bit_length() - 1
    raise UserError(
        f"growth {config.growth} leaves parts of fewer than {LEAST_EXAMPLES} of the {examples} examples: "
        + (f"give {most} or less" if most > 0 else "give 0, or a larger text")
    )


def show_growth(context: Context[Config], valuation: str, layer: int) -> None:
    """Compute ``growth.VALUATION/L..`` where it is asked for, can be known, and the folder lacks it.

    It is a table with a row for all examples of each half and for each smaller part of them, largest first:
    ``examples_a_half``, ``exact`` and ``consensus`` (adjusted Rand index of the two halves' partitions; NaN where
    there is no consensus), ``correlation`` of phi and ``overlap`` of choices. All of the first halving.
    """
    config, analysis = context.config, context.analysis
    if not config.growth or Values(context, valuation, layer).tokens:
        return
    name = layer_unit(f"growth.{valuation}", layer)
    key = key_of(
        stage="growth",
        version=VERSION,
        halves=analysis.content(layer_unit(f"halves.{valuation}", layer)),
        halved=halved_contents(context, valuation, layer),
        resolution=config.resolution,
        seed=config.seed[0],
        growth=config.growth,
        k=config.k,
    )
    if analysis.has(name, key, context.report):
        return

    def write(path: Path) -> None:
        values = Values(context, valuation, layer)
        rows = []
        for depth in range(config.growth + 1):
            parts = halves(len(context.pairs), depth=depth)
            figures = part_figures(values, depth) if depth else load_halves(context, valuation, layer)
            rows.append(
                {
                    "examples_a_half": int(parts.sum(1).min()),
                    "exact": figures["adjusted_rand"],
                    "consensus": _consensus(context, valuation, layer, depth),
                    "correlation": figures["correlation"],
                    "overlap": figures["overlap"],
                }
            )
        # Figures that are not known are NaN, also where none is known.
        pd.DataFrame(rows).astype(float).to_parquet(path.with_suffix(".parquet"), index=False)

    analysis.commit(name, key, write)
    context.done.append(name)


def _consensus(context: Context[Config], valuation: str, layer: int, depth: int) -> float:
    """How far both parts' consensus partitions agree at the resolution of the configuration."""
    config = context.config
    found = load_halved(context, valuation, 0, depth, layer) if halved(config) else None
    if found is None:
        return np.nan
    table = compare(*found, [config.resolution], seed=config.seed[0], device=context.device)
    return float(table["adjusted_rand"].iloc[0])
