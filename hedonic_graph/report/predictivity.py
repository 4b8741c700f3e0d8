"""Table 2: how well coalition means foretell the label in another domain, with as many of them for every method."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hedonic_graph.report import reading
from hedonic_graph.report.estimates import Estimate, difference
from hedonic_graph.report.layout import By, Measure, Record, Table
from hedonic_graph.report.methods import Method, names
from hedonic_graph.report.paper import published
from hedonic_graph.report.sources import Source
from hedonic_graph.report.verdicts import Test, Verdict, judge, untold
from hedonic_graph.solvers import SOLVERS

if TYPE_CHECKING:
    import pandas as pd

BOUNDS = {"raw neurons": "all neurons (bound)", "mean": "training mean (bound)"}
RIVALS = {"kmeans": 0.26, "random": 0.34}
"""How far R2 of PAS lies above theirs in the paper, on average over tasks."""
COLUMNS = {"cqtr": "CQTR", "mean_tf_l": "Mean-TF/L", "rm": "RM"}

_CLAIM_4 = (
    "predictivity of 0.42-0.47 (PAS) against 0.15-0.21 (clusters) and 0.08-0.12 (random); holds where R2 less that of "
    "k-means and of random groups, of as many macro-features, lie above zero"
)


def table(sources: Sequence[Source], *, by: By | None, paper: bool) -> tuple[Table, list[Verdict]]:
    """Return Table 2 and the verdicts on claim 4; UserError where an analysis has no predictivity."""
    reading.require(sources, ["predictivity"])
    rows = _rows(sources)
    found: list[Record] = []
    for (task, model), part in rows.groupby(["task", "model"], sort=False):
        for layer, some in part.groupby("layer") if by else [(None, part)]:
            keys = {"task": task, "model": model, "layer": layer}
            found += [keys | record for record in _records(some)]
    made = Table(
        "Table 2: predictivity",
        rows=("method", "layer") if by else ("method",),
        columns=("task", "model"),
        measures=(
            Measure("r2", "R2"),
            Measure("features", "features", ".0f"),
            Measure("neurons", "neurons in them", ".0f"),
        ),
        records=found,
        notes=[
            "± is half a 95 % interval over queries and seeds; R2 is about the mean of the test labels, and below zero "
            "where that foretells better",
            "every method has as many macro-features in a layer, its largest coalitions; the neurons in them differ",
        ],
        paper=_paper([source.task for source in sources]) if paper else [],
    )
    return made, [verdict for _, part in rows.groupby(["task", "model"], sort=False) for verdict in _verdicts(part)]


def _rows(sources: Sequence[Source]) -> "pd.DataFrame":
    """A row per run or bound and layer, with ``method`` (or None), ``bound``, ``error`` over queries."""
    import pandas as pd

    return pd.concat(list(_tables(sources)), ignore_index=True)


def _tables(sources: Sequence[Source]) -> "Iterator[pd.DataFrame]":
    import pandas as pd

    for source in sources:
        runs = {run.id.removeprefix(f"{run.analysis}/"): run for run in source.results.runs}
        for valuation in dict.fromkeys(run.valuation for run in runs.values() if run.valuation):
            for layer in source.results.layers:
                rows = source.results.predictivity(valuation, layer)
                if rows is None:
                    continue
                ids = [str(one) for one in rows.get("run", rows.index)]
                yield rows.assign(
                    task=source.task,
                    model=source.model,
                    layer=layer,
                    method=pd.Series(
                        [source.method(runs[one]) if one in runs else None for one in ids], rows.index, object
                    ),
                    bound=pd.Series([BOUNDS.get(one) for one in ids], rows.index, object),
                    seed=[source.seed(runs[one]) if one in runs else str(source.path) for one in ids],
                    error=((rows["high"] - rows["low"]) / reading.SPAN).to_numpy(),
                )


def _records(part: "pd.DataFrame") -> Iterator[Record]:
    called = names([method for method in part["method"] if method is not None])
    lines = [(name, method.plain, part[part["method"] == method]) for method, name in called.items()]
    lines += [(bound, bound, part[part["bound"] == bound]) for bound in BOUNDS.values()]
    for name, published_as, rows in lines:
        if len(rows):
            found = _mean(rows)
            sizes = {one: float(rows[one].mean()) for one in ("features", "neurons")}
            yield {"method": name, "published_as": published_as, "r2": found.mean, "r2_ci": found.half, **sizes}


def _mean(rows: "pd.DataFrame") -> Estimate:
    """The mean over layers and seeds; all of them share the queries, so their errors do not average out."""
    by_seed = rows.groupby("seed")["r2"].mean()
    over_seeds = float(by_seed.var() / len(by_seed)) if len(by_seed) > 1 else 0.0
    error = math.sqrt(float(rows["error"].mean()) ** 2 + over_seeds)
    return Estimate(float(by_seed.mean()), error, int(rows["features"].min()), len(by_seed), 0)


def _verdicts(part: "pd.DataFrame") -> Iterator[Verdict]:
    called = names([method for method in part["method"] if method is not None])
    task, model = part[["task", "model"]].iloc[0]
    for method in called:
        if method.valuation != "pas" or not method.hedonic:
            continue
        about = f"{called[method]}, {task or 'no task'}, {model}"
        mine = part[part["method"] == method]
        missing = [one for one in RIVALS if replace(method, solver=one) not in called]
        if missing:
            yield untold("4", _CLAIM_4, about, f"no run of {', '.join(missing)} beside it is evaluated")
        elif reason := _thin(method, mine):
            yield untold("4", _CLAIM_4, about, reason)
        else:
            yield Verdict("4", _CLAIM_4, about, *judge([_above(part, mine, called, method, one) for one in RIVALS]))


def _above(part: "pd.DataFrame", mine: "pd.DataFrame", called: dict[Method, str], method: Method, one: str) -> Test:
    other = replace(method, solver=one)
    theirs = part[part["method"] == other]
    shared = np.intersect1d(mine["layer"], theirs["layer"])
    means = [_mean(rows[rows["layer"].isin(shared)]) for rows in (mine, theirs)]
    return Test(f"R2 above {called[other]}", difference(*means), RIVALS[one])


def _thin(method: Method, mine: "pd.DataFrame") -> str:
    if SOLVERS[method.solver].draws and mine["seed"].nunique() < 2:
        return "one seed: how far it hangs on the seed is not known"
    if mine["layer"].nunique() < 2:
        return "one layer: how far it hangs on the layer is not known"
    if (least := mine["features"].min()) < 2:
        return f"{least} macro-feature in a layer"
    return ""


def _paper(tasks: Sequence[str]) -> list[Record]:
    chosen = {name: task for name, task in COLUMNS.items() if task in tasks} or COLUMNS
    return [
        {
            "task": task,
            "model": "paper",
            "layer": None,
            "method": one["method"],
            "r2": one[name],
            "r2_ci": one[f"{name}_ci"],
        }
        for one in published(2).to_dict("records")
        for name, task in chosen.items()
    ]
