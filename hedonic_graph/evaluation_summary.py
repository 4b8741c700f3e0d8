"""An evaluation in a few lines a person can judge: means of coalitions, what chance gives beside each."""

import math
from typing import TYPE_CHECKING, Any

from hedonic_graph.results.protocol import RunInfo
from hedonic_graph.results.reader import AnalysisResults

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05


def evaluation_rows(results: AnalysisResults, run: RunInfo) -> list[dict[str, Any]]:
    """One row for each layer of a run in which something was evaluated; values are None where it was not.

    Means over the evaluated coalitions of ``pair``, ``ratio``, ``r2`` and ``drop``, beside ``..._chance``: Pair
    of random groups of their sizes, r2 under permuted queries, the drop of random groups of their size classes.
    ``..._beyond`` is the number of coalitions with p up to 0.05, of which chance gives one in twenty.
    """
    rows = []
    for layer in results.layers:
        row: dict[str, Any] = {"layer": layer}
        for stage, value in (("synergy", "pair"), ("alignment", "r2")):
            table = results.evaluation(stage, run, layer)
            row[stage] = None if table is None else len(table)
            row[value], row[f"{value}_chance"] = _mean(table, value), _mean(table, "chance")
            row[f"{value}_beyond"] = None if table is None else int((table["p"] <= LEVEL).sum())
            if stage == "synergy":
                row["ratio"] = _mean(table, "ratio")
        row |= _drops(results, run, layer)
        if any(row[stage] is not None for stage in ("synergy", "alignment", "coalitions_dropped")):
            rows.append(row)
    return rows


def evaluation_table(rows: list[dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Columns and cells of :func:`evaluation_rows` for people, those of stages that were evaluated."""
    columns: dict[str, str] = {"layer": "layer"}
    groups = {
        "synergy": {"synergy": "coalitions", "pair": "Pair", "pair_chance": "(random)", "pair_beyond": "p <= 0.05",
                    "ratio": "Ratio"},
        "alignment": {"alignment": "aligned", "r2": "r2", "r2_chance": "(chance)", "r2_beyond": "p <= 0.05"},
        "coalitions_dropped": {"coalitions_dropped": "ablated", "drop": "drop", "drop_chance": "(random)"},
    }  # fmt: skip
    for stage, named in groups.items():
        if any(row[stage] is not None for row in rows):
            columns |= named
    return list(columns.values()), [[row[name] for name in columns] for row in rows]


def predictivity_table(results: AnalysisResults) -> tuple[list[str], list[list[Any]]]:
    """Columns and cells: R^2 in the analysed text of each run and bound, by valuation and layer."""
    columns = ["valuation", "layer", "macro-features of", "features", "neurons", "R2", "low", "high", "correlation"]
    cells: list[list[Any]] = []
    for valuation in dict.fromkeys(run.valuation for run in results.runs if run.valuation is not None):
        for layer in results.layers:
            found = results.predictivity(valuation, layer)
            if found is None:
                continue
            named = found[["run", "features", "neurons", "r2", "low", "high", "correlation"]]
            rows = named.astype(object).where(named.notna(), None).values.tolist()
            cells += [[valuation, layer, *row] for row in rows]
    return columns, cells


def evaluation_verdicts(results: AnalysisResults) -> list[str]:
    """What the figures let one say, chance named as chance."""
    from scipy.stats import binomtest

    lines = _seen(results)
    for run in results.runs:
        rows = evaluation_rows(results, run)
        for stage, value, what in (
            ("synergy", "pair", "have a Pair that random groups of their size seldom reach"),
            ("alignment", "r2", "follow a feature of the text more than permuted queries let them"),
        ):
            here = [row for row in rows if row[f"{value}_beyond"] is not None]
            tried, beyond = sum(row[stage] for row in here), sum(row[f"{value}_beyond"] for row in here)
            if not tried:
                continue
            by_chance = binomtest(beyond, tried, LEVEL, alternative="greater").pvalue > LEVEL
            end = "no more than chance gives" if by_chance else "where chance gives 5 % of each"
            lines.append(f"{run.id}: {beyond} of {tried} coalitions ({100 * beyond / tried:.0f} %) {what}, {end}")
    found_by_synergy = (run for run in results.runs if run.valuation == "pas")
    if any(row["synergy"] for run in found_by_synergy for row in evaluation_rows(results, run)):
        lines.append(
            "Pair is measured on the examples that PAS found its coalitions on: part of what lies above random groups "
            "is there because it was looked for"
        )
    if any(line.endswith("of each") for line in lines):
        lines.append(
            "each p is of one coalition alone: coalitions of a layer share examples and are alike, so that by the same "
            "chance many can be beyond it together"
        )
    return lines


def _drops(results: AnalysisResults, run: RunInfo, layer: int) -> dict[str, Any]:
    table, by_chance = results.evaluation("drop", run, layer), results.random_drops(layer)
    found: dict[str, Any] = {"coalitions_dropped": None if table is None else len(table), "drop": _mean(table, "drop")}
    if table is None or by_chance is None:
        return found | {"drop_chance": None}
    expected = table["size_class"].map(by_chance.groupby("size_class")["drop"].mean())
    return found | {"drop_chance": None if expected.isna().any() else _mean(expected.to_frame("drop"), "drop")}


def _mean(table: "pd.DataFrame | None", column: str) -> float | None:
    """The mean of what is known of a column; None where nothing is."""
    mean = float("nan") if table is None else float(table[column].mean())
    return None if math.isnan(mean) else mean


def _seen(results: AnalysisResults) -> list[str]:
    """What of the text the adapter was trained on, as far as its folder says."""
    overlap = results.evaluated.get("overlap")
    if overlap is None:
        return ["nothing says which text the adapter was trained on: whether it has seen this one is not known"]
    if "unknown" in overlap:
        return [f"whether the adapter was trained on this text is not known: {overlap['unknown']}"]
    if not overlap["queries"] and not overlap["passages"]:
        return [f"none of the {overlap['of']} queries and no passage is in the adapter's training text"]
    return [
        f"the adapter was trained on {overlap['queries']} of the {overlap['of']} queries, and on {overlap['passages']} "
        "passages that hold one of this text: it is not out of its domain"
    ]
