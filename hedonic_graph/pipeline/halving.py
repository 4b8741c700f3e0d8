"""The stage ``halves.VALUATION``: what two halves of the examples say of one layer, each alone (DESIGN §3.8)."""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.config import Config
from hedonic_graph.game.agreement import adjusted_rand, choices, overlap, pair_correlation
from hedonic_graph.game.top_cover import exact_top_cover
from hedonic_graph.models.examples import halves
from hedonic_graph.pipeline.context import Context
from hedonic_graph.pipeline.valuing import Values, load_phi
from hedonic_graph.text.pairs import query_numbers
from hedonic_graph.valuation.error import HALVES_MEDIAN, halves_error

VERSION = 2
"""Part of every key: raise it when a change alters what is said of the halves."""


def halve_layer(context: Context[Config], valuation: str, layer: int) -> None:
    """Compute ``halves.VALUATION/L..`` where the folder lacks it: a record, and a table of the choices.

    The table has each neuron's k strongest partners by the whole text: ``neuron``, ``other``, ``phi`` and
    ``error``, phi's standard error over the queries; NaN where there is one query. Nothing is kept of each example for
    OCA over all tokens: there it is half the distance between the two halves' phi (:func:`halves_error`). Two n x n
    arrays are held at a time.
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
        pairs, phi = _choices(context, values)
        found, first, second = _compare(values, 0, pairs)
        errors, typical = values.errors(pairs), 1.0
        if errors is None:
            errors, typical = halves_error(first, second), HALVES_MEDIAN
        table = pd.DataFrame(
            {
                "neuron": pairs[:, 0].int().cpu().numpy(),
                "other": pairs[:, 1].int().cpu().numpy(),
                "phi": phi.cpu().numpy(),
                "error": errors.cpu().numpy(),
            }
        )
        table.to_parquet(path.with_suffix(".parquet"), index=False)
        known = table[table["phi"] != 0]
        error = float((known["error"] / known["phi"].abs()).median()) / typical
        record = found | _queries(context) | {"choice_error": None if math.isnan(error) else error}
        path.with_suffix(".json").write_text(json.dumps(record, indent=1), encoding="utf-8")

    analysis.commit(name, key, write)
    context.done.append(name)


def load_halves(context: Context[Config], valuation: str, layer: int) -> dict[str, Any]:
    """Read the record."""
    path = context.analysis.file(layer_unit(f"halves.{valuation}", layer), ".json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def part_figures(values: Values, depth: int) -> dict[str, Any]:
    """How smaller parts of the two halves (:func:`halves`) agree on phi, on choices and on the exact partition."""
    return _compare(values, depth, torch.zeros(0, 2, dtype=torch.int64))[0]


def _compare(values: Values, depth: int, pairs: Tensor) -> tuple[dict[str, Any], Tensor, Tensor]:
    """The figures, and both parts' phi of ``pairs`` [P, 2]; None and NaN where a part has no example."""
    k, counts = values.context.config.k, halves(len(values.context.pairs), depth=depth).sum(1).tolist()
    if not all(counts):
        unknown = torch.full((len(pairs),), torch.nan, device=pairs.device)
        return {"examples": counts, "correlation": None, "overlap": None, "adjusted_rand": None}, unknown, unknown
    first, second = values.half(0, depth), values.half(1, depth)
    figures = {
        "examples": counts,
        "correlation": pair_correlation(first, second),
        "overlap": overlap(choices(first, k), choices(second, k)),
        "adjusted_rand": adjusted_rand(*(exact_top_cover(phi, k=k).partition for phi in (first, second))),
    }
    one, other = pairs.unbind(1)
    return figures, first[one, other], second[one, other]


def _choices(context: Context[Config], values: Values) -> tuple[Tensor, Tensor]:
    """Each neuron with each of its choices, int64 [P, 2], and their phi [P]."""
    phi = load_phi(context, values.valuation, values.layer)
    chosen = choices(phi, context.config.k)
    neurons = torch.arange(len(phi), device=phi.device).repeat_interleave(chosen.shape[1])
    pairs = torch.stack([neurons, chosen.flatten()], 1)
    return pairs, phi[pairs[:, 0], pairs[:, 1]]


def _queries(context: Context[Config]) -> dict[str, int]:
    """How many queries the examples have, and how many of them are in both halves."""
    queries = torch.tensor(query_numbers(context.pairs))
    first, second = (set(queries[half].tolist()) for half in halves(len(queries)))
    return {"queries": len(first | second), "shared_queries": len(first & second)}
