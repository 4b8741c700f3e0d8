"""The paper's tables by number."""

from collections.abc import Sequence
from pathlib import Path

from hedonic_graph.errors import UserError
from hedonic_graph.report.layout import By, Table
from hedonic_graph.report.verdicts import Verdict

_BY: dict[By, tuple[int, ...]] = {"layer": (1, 2, 6), "size": (1, 6)}
"""Tables that average over layers, or over sizes, and can be had by them."""


def make(
    number: int, paths: Sequence[Path], *, by: By | None = None, paper: bool = False
) -> tuple[Table, list[Verdict]]:
    """Return a table of the paper from analysis folders, and what it lets one say of the paper's claims.

    With ``paper`` the paper's own figures stand beside. Raises UserError for folders that are no analyses or lack
    what the table needs.
    """
    if by and number not in _BY[by]:
        *first, last = map(str, _BY[by])
        raise UserError(
            f"Table {number} is not an average over {by}s; --by {by} is for Tables {', '.join(first)} and {last}"
        )
    if number in (4, 5):
        from hedonic_graph.report import tuning

        return tuning.table(number, paths, paper=paper), []
    from hedonic_graph.report.sources import open_sources

    sources = open_sources(paths)
    if number == 3:
        from hedonic_graph.report import dynamics, fates, sizes

        made, rows = dynamics.table(sources, paper=paper)
        return made, [*fates.verdicts(rows), *sizes.verdicts(sources)]
    from hedonic_graph.report import impact, predictivity, synergy

    makers = {1: impact.table, 2: predictivity.table, 6: synergy.table}
    return makers[number](sources, by=by, paper=paper)
