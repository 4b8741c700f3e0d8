"""What Tables 1 and 6 share: means over coalitions by method, plain and at equal size, and who is held against whom."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hedonic_graph.report import estimates
from hedonic_graph.report.estimates import CLASSES, Estimate, at_equal_size, difference, equal, plain
from hedonic_graph.report.layout import By, Measure, Record
from hedonic_graph.report.methods import Method, names, rank
from hedonic_graph.report.paper import published
from hedonic_graph.report.verdicts import Test
from hedonic_graph.solvers import SOLVERS

if TYPE_CHECKING:
    import pandas as pd

_GROUPS: dict[By, str] = {"layer": "layer", "size": "size_class"}
"""The column of an evaluation that says which."""

Part = tuple[str, str, "pd.DataFrame"]
"""Task, model, and the rows of all methods there."""


@dataclass(frozen=True)
class Figure:
    """One number of a coalition that a table gives the mean of."""

    value: str
    """Its column in the evaluation."""
    name: str
    """What the table calls it."""
    heading: str
    chance: bool = True
    """Whether the evaluation says what a random group of that size reaches."""

    @property
    def measures(self) -> tuple[Measure, Measure]:
        """The plain mean and the one at equal size."""
        return Measure(self.name, self.heading), Measure(f"{self.name}_equal", f"{self.heading}, equal size")


def parts(rows: "pd.DataFrame") -> Iterator[Part]:
    """Yield the rows of each task and model, in the order of the analyses."""
    if not rows.empty:
        for (task, model), part in rows.groupby(["task", "model"], sort=False):
            yield str(task), str(model), part


def by_method(part: "pd.DataFrame") -> dict[Method, "pd.DataFrame"]:
    """Return the rows of each method, in the order of a table."""
    return {method: part[part["method"] == method] for method in names(list(part["method"].unique()))}


def records(rows: "pd.DataFrame", figures: Sequence[Figure], *, by: By | None = None) -> tuple[list[Record], list[str]]:
    """Return a record for each task, method and model, and what must be said of equal size.

    ``by`` makes one for each layer, or for each class of sizes, where all that is compared is of equal size.
    """
    found: list[Record] = []
    notes: list[str] = []
    for task, model, part in parts(rows):
        for key, some in part.groupby(_GROUPS[by]) if by else [(None, part)]:
            methods = by_method(some)
            called = names(list(methods))
            lines: dict[Method, Record] = {
                method: {
                    "task": task,
                    "method": called[method],
                    "published_as": method.plain,
                    "layer": key if by == "layer" else None,
                    "size": _sizes(int(some["size_class"].iloc[0])) if by == "size" else None,
                    "model": model,
                }
                for method in methods
            }
            for figure in figures:
                cells, left_out = _compared(methods, figure.value)
                at_equal = partial(equal, cells=cells)
                for method, line in lines.items():
                    _put(line, figure.name, methods[method], figure, plain)
                    if by != "size" and method not in left_out and len(cells):
                        _put(line, f"{figure.name}_equal", methods[method], figure, at_equal)
                if not by:
                    outside = [called[method] for method in left_out]
                    notes.append(_said(f"{task or 'no task'}, {model}", figure, cells, outside))
            found += lines.values()
    return found, notes


def paper_records(number: int, figures: Sequence[Figure], tasks: Sequence[str]) -> list[Record]:
    """Return the paper's figures of ``tasks``, or of all its tasks where it has none of these."""
    table = published(number)
    known = set(table["task"])
    chosen = [task for task in tasks if task in known] or list(dict.fromkeys(table["task"]))
    return [
        {
            "task": one["task"],
            "method": one["method"],
            "layer": None,
            "size": None,
            "model": one["model"],
            **{name: one[name] for figure in figures for name in (figure.name, f"{figure.name}_ci")},
        }
        for one in table.to_dict("records")
        if one["task"] in chosen
    ]


@dataclass(frozen=True, eq=False)
class Contest:
    """A method that plays on PAS, and those evaluated beside it: what a claim is held against."""

    method: Method
    about: str
    """Method, task and model in words."""
    methods: "dict[Method, pd.DataFrame]"
    called: dict[Method, str]

    @property
    def mine(self) -> "pd.DataFrame":
        """The rows of the method."""
        return self.methods[self.method]

    def rival(self, solver: str) -> Method | None:
        """The baseline that follows the sizes of the same valuation; None where it is not evaluated."""
        one = replace(self.method, solver=solver)
        return one if one in self.methods else None

    @property
    def thin(self) -> str:
        """Why its rows are too few for any verdict; empty where they are not."""
        if SOLVERS[self.method.solver].draws and self.mine["seed"].nunique() < 2:
            return "one seed: how far it hangs on the seed is not known"
        if self.mine["layer"].nunique() < 2:
            return "one layer: how far it hangs on the layer is not known"
        return ""


def contests(rows: "pd.DataFrame") -> Iterator[Contest]:
    """Yield every method that plays on PAS, by task and model."""
    for task, model, part in parts(rows):
        methods = by_method(part)
        called = names(list(methods))
        for method in methods:
            if method.valuation == "pas" and method.hedonic:
                yield Contest(method, f"{called[method]}, {task or 'no task'}, {model}", methods, called)


def above(
    one: "pd.DataFrame",
    other: "pd.DataFrame",
    value: str,
    what: str,
    published: float,
    *,
    relative_to: float | None = None,
    times: float = 1.0,
) -> Test:
    """Return how far a method lies above ``times`` another at equal size, beside the published distance.

    Where the unit is not the paper's, ``published`` counts as a share of ``relative_to``, the larger of the paper's two
    means, and so of the larger of the two at hand.
    """
    mine, theirs = at_equal_size(one, other, value)
    if relative_to is not None:
        published *= max(abs(mine.mean), abs(theirs.mean)) / relative_to
    return Test(what, difference(mine, theirs, times=times), published)


def above_chance(rows: "pd.DataFrame", value: str, what: str, published: float, *, relative: bool = False) -> Test:
    """Return how far a method lies above random groups of the sizes of its coalitions, beside the published distance.

    ``relative`` says that this is a share of the larger of the two means.
    """
    found = plain(rows.assign(over=rows[value] - rows["chance"]), "over")
    if relative:
        published *= max(abs(plain(rows, one).mean) for one in (value, "chance"))
    return Test(what, found, published)


def _compared(methods: dict[Method, "pd.DataFrame"], value: str) -> tuple[np.ndarray, list[Method]]:
    """Return the cells that methods share, the paper's before others, and who shares none with those before."""
    order = sorted(methods, key=lambda method: (rank(method.plain) > 4, -rank(method.plain)))
    cells, left_out = None, []
    taken: list[pd.DataFrame] = []
    for method in order:
        now = estimates.shared_cells([*taken, methods[method]], value)
        if len(now):
            cells, taken = now, [*taken, methods[method]]
        else:
            left_out.append(method)
    return (cells if cells is not None else now), left_out


def _put(
    line: Record,
    name: str,
    rows: "pd.DataFrame",
    figure: Figure,
    mean: "Callable[[pd.DataFrame, str], Estimate]",
) -> None:
    found = mean(rows, figure.value)
    line[name], line[f"{name}_ci"] = found.mean, found.half
    if figure.chance:
        line[f"{name}_chance"] = mean(rows, "chance").mean


def _said(where: str, figure: Figure, cells: np.ndarray, outside: Sequence[str]) -> str:
    classes = np.unique(cells % CLASSES)
    shown = ", ".join(_sizes(int(one)) for one in classes)
    line = f"{figure.heading} at equal size ({where}): sizes {shown}, layer by layer" if len(classes) else ""
    alone = f"no class shared with the others: {', '.join(outside)}" if outside else ""
    return "; ".join(part for part in (line or f"{figure.heading} ({where}): nothing at equal size", alone) if part)


def _sizes(size_class: int) -> str:
    last = 2**size_class
    first = last // 2 + 1
    return str(last) if first >= last else f"{first}-{last}"
