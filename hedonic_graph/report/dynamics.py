"""Table 3: what becomes of coalitions from layer to layer, beside the same under shuffled membership."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hedonic_graph.errors import UserError
from hedonic_graph.report.estimates import NOTHING, Estimate
from hedonic_graph.report.layout import Measure, Record, Table
from hedonic_graph.report.methods import names
from hedonic_graph.report.paper import paper_note, published
from hedonic_graph.report.sources import Source
from hedonic_graph.results.protocol import FATES

if TYPE_CHECKING:
    import pandas as pd

ORDER = ("persist", "merge", "split", "vanish")
"""The paper's columns."""
PAPER_METHOD = "Hedonic (PAS)"
"""The paper does not say whose dynamics its Table 3 shows; PAS is what it calls its method."""


def table(sources: Sequence[Source], *, paper: bool) -> "tuple[Table, pd.DataFrame]":
    """Return Table 3 and the rows that it was made of (see :func:`steps`)."""
    rows = steps(sources)
    found: list[Record] = []
    for (task, model), part in rows.groupby(["task", "model"], sort=False):
        for method, name in names(list(part["method"].unique())).items():
            for (layer, to), some in part[part["method"] == method].groupby(["layer", "to"]):
                record: Record = {"task": task, "method": name, "published_as": method.plain}
                record |= {"step": f"{layer}→{to}", "model": model}
                for fate in ORDER:
                    mean = share(some, fate)
                    record |= {f"{fate}_pct": mean.mean, f"{fate}_pct_ci": mean.half}
                    record[f"{fate}_pct_chance"] = float(some[f"{fate}_shuffled"].mean())
                record["coalitions"] = float(some["coalitions"].mean())
                found.append(record)
    made = Table(
        "Table 3: what becomes of coalitions in the next layer, in per cent of those of the layer",
        rows=("task", "method", "step"),
        columns=("model",),
        measures=(
            *(Measure(f"{fate}_pct", f"{fate} %", ".1f") for fate in ORDER),
            Measure("coalitions", "coalitions", ".0f"),
        ),
        records=found,
        notes=[
            "± is half a 95 % interval over coalitions and seeds; in brackets the mean under shuffled membership of "
            "the next layer's coalitions, which is chance",
            *paper_note(paper),
        ],
        paper=_paper([source.task for source in sources]) if paper else [],
    )
    return made, rows


def steps(sources: Sequence[Source]) -> "pd.DataFrame":
    """Return a row for each run and layer step.

    Columns ``task``, ``model``, ``method``, ``seed``, ``layer``, ``to``, ``coalitions`` (followed), ``shuffles`` and,
    in per cent, each fate and ``..._shuffled``, its mean under shuffled membership. Raises UserError for an
    analysis that follows nothing.
    """
    import pandas as pd

    found = []
    for source in sources:
        results = source.results
        if not results.followed:
            raise UserError(f"{source.path} follows no coalitions from layer to layer: it has nothing for Table 3")
        for run in results.runs:
            for layer, to in zip(results.layers, results.layers[1:], strict=False):
                record = results.lineage_record(run, layer)
                number = sum(record["counts"][fate] for fate in FATES)
                row = {
                    "task": source.task,
                    "model": source.model,
                    "method": source.method(run),
                    "seed": source.seed(run),
                    "layer": layer,
                    "to": to,
                    "coalitions": number,
                    "shuffles": results.config.shuffles,
                }
                for fate in FATES:
                    for name, counts in ((fate, record["counts"]), (f"{fate}_shuffled", record["chance"])):
                        row[name] = 100 * counts[fate] / number if number and counts else math.nan
                found.append(row)
    return pd.DataFrame(found)


def share(rows: "pd.DataFrame", fate: str, *, beyond_chance: bool = False) -> Estimate:
    """Return the mean share of a fate over steps and seeds in per cent, or how far it lies above shuffled membership.

    Its error is over coalitions (a share of n, by Agresti and Coull, so that none of n is not without error), or
    over seeds where they scatter more.
    """
    rows = rows[rows["coalitions"] > 0]
    if rows.empty:
        return NOTHING
    value, number = rows[fate].to_numpy(np.float64), rows["coalitions"].to_numpy(np.float64)
    variance = _variance(value, number)
    if beyond_chance:
        chance = rows[f"{fate}_shuffled"].to_numpy(np.float64)
        value = value - chance
        variance = variance + _variance(chance, number) / rows["shuffles"].to_numpy(np.float64)
    between = float(variance.sum()) / len(rows) ** 2
    by_seed = rows.assign(value=value).groupby("seed")["value"].mean()
    if len(by_seed) > 1:
        between = max(between, float(by_seed.var() / len(by_seed)))
    return Estimate(float(value.mean()), math.sqrt(between), int(number.sum()), len(by_seed), 0)


def _variance(percent: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Of a share in per cent: two of each kind are added to the ``number``."""
    p = (percent / 100 * number + 2) / (number + 4)
    variance: np.ndarray = 1e4 * p * (1 - p) / (number + 4)
    return variance


def _paper(tasks: Sequence[str]) -> list[Record]:
    figures = published(3).to_dict("records")
    known = {one["task"] for one in figures}
    chosen = [task for task in tasks if task in known] or list(known)
    return [
        {
            "task": one["task"],
            "method": PAPER_METHOD,
            "step": f"{one['from_layer']}→{one['to_layer']}",
            "model": one["model"],
            **{f"{fate}_pct": one[f"{fate}_pct"] for fate in ORDER},
        }
        for one in figures
        if one["task"] in chosen
    ]
