"""Table 6: how much more a coalition's members do together than one by one (the paper's Pair and Ratio)."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hedonic_graph.report import reading, seeds
from hedonic_graph.report.coalitions import Contest, Figure, above, above_chance, contests, paper_records, records
from hedonic_graph.report.layout import By, Table
from hedonic_graph.report.methods import Method
from hedonic_graph.report.paper import paper_note
from hedonic_graph.report.sources import Source
from hedonic_graph.report.verdicts import Test, Verdict, judge, untold

if TYPE_CHECKING:
    import pandas as pd

FIGURES = (Figure("pair", "pair", "Pair"), Figure("ratio", "ratio", "Ratio", chance=False))
PUBLISHED = {"pair": (0.29, 0.18), "ratio": (0.49, None)}
"""How far PAS lies above k-means in the paper; and, of Pair, whose unit the paper does not say, the larger of the two
means there."""
OVER_RANDOM = {"pair": 0.98, "ratio": 0.38}
"""How far PAS lies above random groups there: Pair as a share of its own, Ratio as it is."""
BASELINES = ("random", "kmeans", "ward")
"""The paper's baselines."""
LEVEL = 0.01

_CLAIM_1 = (
    "{} of PAS exceeds that of k-means by {:+.2f}; holds where it lies above that of k-means and of random groups, at "
    "equal size"
)
_OTHER_UNIT = " (the published size counts as a share of the larger mean, as the unit is another)"
_CLAIM_10 = "Pair and Ratio of PAS beat the best baseline with p < 0.01 in every layer, at equal size"


def table(sources: Sequence[Source], *, by: By | None, paper: bool) -> tuple[Table, list[Verdict]]:
    """Return Table 6 and the verdicts on claims 1, 9 and 10; UserError where an analysis has no synergy."""
    reading.require(sources, ["synergy"])
    rows = reading.coalitions(sources, "synergy")
    found, notes = records(rows, FIGURES, by=by)
    made = Table(
        "Table 6: intrinsic synergy",
        rows=("task", "method", by) if by else ("task", "method"),
        columns=("model",),
        measures=tuple(measure for figure in FIGURES for measure in figure.measures),
        records=found,
        notes=[
            "± is half a 95 % interval over coalitions, seeds and examples; in brackets Pair of random groups "
            "of the same sizes",
            "Pair is in units of the logit, which are not the paper's",
            *notes,
            *paper_note(paper),
        ],
        paper=paper_records(6, FIGURES, [source.task for source in sources]) if paper else [],
    )
    verdicts = []
    for contest in contests(rows):
        verdicts += [_beats_kmeans(contest, figure) for figure in FIGURES]
        verdicts += [seeds.verdict(contest, figure) for figure in FIGURES]
        verdicts.append(_in_every_layer(contest))
    return made, verdicts


def _beats_kmeans(contest: Contest, figure: Figure) -> Verdict:
    size, of = PUBLISHED[figure.value]
    claim, says = f"1 {figure.heading}", _CLAIM_1.format(figure.heading, size) + (_OTHER_UNIT if of else "")
    other = contest.rival("kmeans")
    if other is None or contest.thin:
        return untold(claim, says, contest.about, contest.thin or "no run of kmeans beside it is evaluated")
    what = f"{figure.heading} above {contest.called[other]}"
    tests = [above(contest.mine, contest.methods[other], figure.value, what, size, relative_to=of)]
    random = contest.rival("random")
    if figure.chance:
        groups = "Pair above random groups of equal size"
        tests.append(above_chance(contest.mine, figure.value, groups, OVER_RANDOM[figure.value], relative=True))
    elif random:
        what = f"{figure.heading} above {contest.called[random]}"
        tests.append(above(contest.mine, contest.methods[random], figure.value, what, OVER_RANDOM[figure.value]))
    return Verdict(claim, says, contest.about, *judge(tests))


def _in_every_layer(contest: Contest) -> Verdict:
    others = [other for one in BASELINES if (other := contest.rival(one))]
    if len(others) < len(BASELINES):
        missing = ", ".join(one for one in BASELINES if not contest.rival(one))
        reason = f"the best of the baselines is not known: no run of {missing} beside it is evaluated"
        return untold("10", _CLAIM_10, contest.about, reason)
    if contest.thin:
        return untold("10", _CLAIM_10, contest.about, contest.thin)
    tests = [
        _in_layer(contest, layer, mine, other, figure)
        for layer, mine in contest.mine.groupby("layer")
        for other in others
        for figure in FIGURES
    ]
    ps = [_p(test.found.mean, test.found.error) for test in tests]
    numbers = {"tests": [test.numbers() | {"p": p} for test, p in zip(tests, ps, strict=True)]}
    # The best baseline is beaten where all of them are.
    fails = [(p, test) for p, test in zip(ps, tests, strict=True) if not test.unclear and not p < LEVEL]
    unclear = next((test.unclear for test in tests if test.unclear), "")
    if fails:
        p, worst = max(fails, key=lambda one: one[0])
        reason = f"{worst.shown}, p = {p:.2g} (power {worst.power:.0%})"
        return Verdict("10", _CLAIM_10, contest.about, "does not", reason, numbers)
    if unclear:
        return Verdict("10", _CLAIM_10, contest.about, "cannot tell", unclear, numbers)
    reason = f"the largest p against a baseline in a layer is {max(ps):.2g}"
    return Verdict("10", _CLAIM_10, contest.about, "holds here", reason, numbers)


def _in_layer(contest: Contest, layer: Any, mine: "pd.DataFrame", other: Method, figure: Figure) -> Test:
    size, of = PUBLISHED[figure.value]
    theirs = contest.methods[other]
    what = f"layer {layer}: {figure.heading} above {contest.called[other]}"
    return above(mine, theirs[theirs["layer"] == layer], figure.value, what, size, relative_to=of)


def _p(mean: float, error: float) -> float:
    """Two-sided p of a difference above zero; 1 for one below."""
    if math.isnan(error):
        return math.nan
    if mean <= 0:
        return 1.0
    return math.erfc(mean / error / math.sqrt(2)) if error else 0.0
