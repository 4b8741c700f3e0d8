"""The stage ``halves.VALUATION``: what two halves of the examples say of one layer, each alone (DESIGN §3.8)."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.config import Config
from hedonic_graph.game.agreement import adjusted_rand, choices, overlap, pair_correlation
from hedonic_graph.game.top_cover import exact_top_cover
from hedonic_graph.models.examples import halves
from hedonic_graph.pipeline.context import Context
from hedonic_graph.pipeline.valuing import Values, load_phi

VERSION = 1
"""Part of every key: raise it when a change alters what is said of the halves."""


def halve_layer(context: Context[Config], valuation: str, layer: int) -> None:
    """Compute ``halves.VALUATION/L..`` where the folder lacks it: a record, and a table of the choices.

    The table has each neuron's k strongest partners by the whole text: ``neuron``, ``other``, ``phi`` and
    ``error``, phi's standard error over the examples; NaN for OCA over all tokens, of which nothing is kept for
    each example. Two n x n arrays are held at a time.
    """
    config, analysis = context.config, context.analysis
    name = layer_unit(f"halves.{valuation}", layer)
    key = key_of(
        stage="halves",
        version=VERSION,
        phi=analysis.content(layer_unit(f"phi.{valuation}", layer), ".safetensors"),
        # Halves are told apart by places among the examples, which phi says nothing of.
        text=analysis.content("text/pairs"),
        k=config.k,
    )
    if analysis.has(name, key, context.report):
        return

    def write(path: Path) -> None:
        values = Values(context, valuation, layer)
        table = _choices(context, values)
        table.to_parquet(path.with_suffix(".parquet"), index=False)
        known = table[table["phi"] != 0]
        record = _halves(values, config.k, len(context.pairs)) | {
            "choice_error": _number((known["error"] / known["phi"].abs()).median())
        }
        path.with_suffix(".json").write_text(json.dumps(record, indent=1), encoding="utf-8")

    analysis.commit(name, key, write)
    context.done.append(name)


def _halves(values: Values, k: int, examples: int) -> dict[str, Any]:
    counts = halves(examples).sum(1).tolist()
    if not all(counts):
        return {"examples": counts, "correlation": None, "overlap": None, "adjusted_rand": None}
    first, second = values.half(0), values.half(1)
    return {
        "examples": counts,
        "correlation": pair_correlation(first, second),
        "overlap": overlap(choices(first, k), choices(second, k)),
        "adjusted_rand": adjusted_rand(*(exact_top_cover(phi, k=k).partition for phi in (first, second))),
    }


def _choices(context: Context[Config], values: Values) -> pd.DataFrame:
    phi = load_phi(context, values.valuation, values.layer)
    chosen = choices(phi, context.config.k)
    neurons = torch.arange(len(phi), device=phi.device).repeat_interleave(chosen.shape[1])
    pairs = torch.stack([neurons, chosen.flatten()], 1)
    found = phi[pairs[:, 0], pairs[:, 1]]
    del phi
    errors = values.errors(pairs) if len(pairs) else None
    return pd.DataFrame(
        {
            "neuron": pairs[:, 0].int().cpu().numpy(),
            "other": pairs[:, 1].int().cpu().numpy(),
            "phi": found.cpu().numpy(),
            "error": (torch.full_like(found, torch.nan) if errors is None else errors).cpu().numpy(),
        }
    )


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return None if value != value else float(value)
