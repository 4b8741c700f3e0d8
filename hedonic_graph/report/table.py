"""The paper's tables by number."""

from collections.abc import Sequence
from pathlib import Path

from hedonic_graph.errors import UserError
from hedonic_graph.report.layout import Table
from hedonic_graph.report.verdicts import Verdict

BY_LAYER = (1, 2, 6)
"""Tables that average over layers and can be had by layer."""


def make(
    number: int, paths: Sequence[Path], *, by_layer: bool = False, paper: bool = False
) -> tuple[Table, list[Verdict]]:
    """Return a table of the paper from analysis folders, and what it lets one say of the paper's claims.

    With ``paper`` the paper's own figures stand beside. Raises UserError for folders that are no analyses or lack
    what the table needs.
    """
    if by_layer and number not in BY_LAYER:
        raise UserError(f"Table {number} is not an average over layers; --by layer is for Tables 1, 2 and 6")
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
    return makers[number](sources, by_layer=by_layer, paper=paper)
