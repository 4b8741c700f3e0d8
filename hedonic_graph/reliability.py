"""How far an analysis hangs on the examples it saw: what halves of them say, at which resolution, with how many."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hedonic_graph.config import Config
from hedonic_graph.results.protocol import RunInfo
from hedonic_graph.results.reader import AnalysisResults

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Shown:
    """A table with a line above it, and lines below."""

    title: str
    columns: list[str]
    cells: list[list[Any]]
    notes: list[str] = field(default_factory=list)


def reliability_tables(results: AnalysisResults) -> list[Shown]:
    """Of each valuation: how halves agree on a consensus by resolution, and how agreement grows with the text."""
    if not isinstance(results.config, Config):
        return []
    found = []
    for valuation in results.config.valuation:
        resolutions = _tables(results.resolutions(valuation, layer) for layer in results.layers)
        growth = _tables(results.growth(valuation, layer) for layer in results.layers)
        found += [_resolutions(valuation, resolutions, results.config.resolution)] if resolutions else []
        found += [_growth(valuation, growth)] if growth else []
    return found


def halves_lines(results: AnalysisResults, run: RunInfo) -> list[str]:
    """What the two halves of the examples say of a run's valuation; nothing of a folder that lacks them."""
    found = [one for layer in results.layers if (one := results.halves(run, layer))]
    if not found:
        return []
    if not all(found[0]["examples"]):
        return [f"{run.valuation}: one example has no halves, so nothing is known of how the result hangs on the text"]
    figures: Any = run.honesty
    said = []
    if "halves_correlation" in figures:
        said.append(f"phi correlates at {figures['halves_correlation']:.3f}")
    if "halves_overlap" in figures:
        said.append(
            f"{100 * figures['halves_overlap']:.0f}% of each neuron's {run.parameters['k']} choices are the same"
        )
    agreement = figures["halves_agreement"]
    said.append(f"the exact partitions agree with an adjusted Rand index of {index(agreement)}")
    examples = f"{sum(found[0]['examples']):,} examples"
    line = f"{run.valuation}: in two halves of the {examples} {', '.join(said)}"
    if agreement < 0.5:
        line += ": other examples would give other exact coalitions"
    lines = [line, *_consensus(results, run)]
    queries, shared = found[0].get("queries", 0), found[0].get("shared_queries", 0)
    if shared:
        these = f"the same {queries:,} queries" if shared == queries else f"{shared:,} of the {queries:,} queries"
        lines.append(
            f"{run.valuation}: both halves hold pairs of {these}: they agree better than texts with other queries would"
        )
    lines += _error(run, queries)
    tokens = run.valuation == "oca" and run.parameters["positions"] == "all"
    if tokens and run.parameters["growth"]:
        lines.append(
            "oca: nothing is kept of each example over all tokens, so how it grows with the text is not known: "
            "give --positions scored"
        )
    elif agreement < 0.5 and not tokens and not run.parameters["growth"]:
        lines.append(f"{run.valuation}: --growth 2 shows how this grows with the text, and so whether more would help")
    return lines


def index(value: float) -> str:
    """An adjusted Rand index as lines show it."""
    return f"{round(value, 3) + 0.0:.3f}"  # never -0.000


def _consensus(results: AnalysisResults, run: RunInfo) -> list[str]:
    name = "halves_agreement_consensus"
    mine = [one for one in results.runs if one.valuation == run.valuation and name in one.honesty]
    if not mine:
        return []
    agreement: Any = mine[0].honesty[name]
    resolution, halvings = mine[0].parameters["resolution"], mine[0].parameters["halvings"]
    means = f", the mean of {halvings} halvings" if halvings > 1 else ""
    return [
        f"{run.valuation}.{mine[0].solver}: in two halves its partitions at resolution {resolution:g} agree with an "
        f"adjusted Rand index of {index(agreement)}{means}"
    ]


def _error(run: RunInfo, queries: int) -> list[str]:
    figures: Any = run.honesty
    tokens = run.valuation == "oca" and run.parameters["positions"] == "all"
    if "choice_error" not in figures:
        return [f"{run.valuation}: one query only, so no standard error of phi is known"] if queries == 1 else []
    error = f"{100 * figures['choice_error']:.2g}%"
    if tokens:
        return [
            f"oca: the standard error of a choice's phi is about {error} of it (median), from how the halves differ: "
            "one degree of freedom for each choice, so that only the median over all of them means anything; too small "
            "where both halves share queries"
        ]
    over = f", over {queries:,} queries" if queries else ""
    return [f"{run.valuation}: the standard error of a choice's phi is {error} of it (median){over}"]


def _resolutions(valuation: str, tables: "Sequence[pd.DataFrame]", asked: float) -> Shown:
    from hedonic_graph.game.resolution import LARGEST, LEAST_COALITIONS, LEAST_COVER, chosen, pooled

    table, halvings = pooled(tables), tables[0]["halving"].nunique()
    best = chosen(table)
    rule = (
        f"the best agreement with at least {LEAST_COALITIONS} coalitions of three or more neurons that hold "
        f"{100 * LEAST_COVER:.0f}% of the layer, the largest below {100 * LARGEST:.0f}%"
    )
    note = f"No resolution gives {rule.removeprefix('the best agreement with ')}."
    if best is not None:
        note = f"--resolution {best:g} gives {rule}. Chosen and scored on the same halves, it is flattered."
    if best not in (None, asked):
        note += f" This analysis has {asked:g}."
    return Shown(
        f"{valuation}.consensus: how far two halves of the examples agree at each resolution"
        f"{_pools(len(tables), halvings, 'the fewest coalitions, the least cover and the largest of any')}",
        ["resolution", "agreement", "of three or more", "they hold %", "largest %"],
        [
            [
                one["resolution"],
                _rounded(one["adjusted_rand"]),
                one["coalitions"],
                _percent(one["cover"]),
                _percent(one["largest"]),
            ]
            for one in table.to_dict("records")
        ],
        [note],
    )


def _growth(valuation: str, tables: "Sequence[pd.DataFrame]") -> Shown:
    import pandas as pd

    table = pd.concat(tables).groupby("examples_a_half", as_index=False).mean()
    columns, names = ["examples in a half", "exact"], ["exact"]
    if table["consensus"].notna().any():
        columns, names = [*columns, "consensus"], [*names, "consensus"]
    cells = [
        [
            int(row["examples_a_half"]),
            *(_rounded(row[name]) for name in names),
            _rounded(row["correlation"]),
            None if pd.isna(row["overlap"]) else _percent(row["overlap"]),
        ]
        for row in table.to_dict("records")
    ]
    return Shown(
        f"{valuation}: how far two halves agree with more examples{_pools(len(tables), 1)}",
        [*columns, "phi", "choices %"],
        cells,
        [
            "Agreement of partitions is the adjusted Rand index; phi's is a correlation over all pairs. This is "
            "one halving: another would differ."
        ],
    )


def _pools(layers: int, halvings: int, worst: str = "") -> str:
    of = [f"{count} {name}" for count, name in ((layers, "layers"), (halvings, "halvings")) if count > 1]
    return f" (mean of {' and '.join(of)}{f'; {worst}' if worst else ''})" if of else ""


def _tables(found: "Any") -> "list[pd.DataFrame]":
    return [one for one in found if one is not None]


def _percent(share: float) -> float:
    return round(100 * share, 1)


def _rounded(value: float) -> float | None:
    return None if value != value else round(value, 3)
