"""Claim 9: intervals over seeds are narrow."""

import math

import numpy as np

from hedonic_graph.report.coalitions import Contest, Figure
from hedonic_graph.report.estimates import plain
from hedonic_graph.report.verdicts import Verdict, Word, untold
from hedonic_graph.solvers import SOLVERS

PUBLISHED = {"pair": 0.067, "ratio": 0.013, "drop": 0.05, "r2": 0.019}
"""The widest half of an interval over three seeds that the paper gives for PAS, as a share of its mean."""
LEAST = 3
"""Seeds, as in the paper; two say nothing of how wide an interval is."""

_SAYS = (
    "intervals over seeds are narrow; holds where half of a 95 % interval over three seeds would be at most {:.1%} of "
    "the mean, as the paper's widest, with 95 % confidence"
)


def verdict(contest: Contest, figure: Figure) -> Verdict:
    """Return whether the means of a figure agree over seeds as they do in the paper."""
    widest = PUBLISHED[figure.value]
    claim, says = f"9 {figure.heading}", _SAYS.format(widest)
    if not SOLVERS[contest.method.solver].draws:
        return untold(claim, says, contest.about, "nothing is drawn, so there are no seeds")
    means = np.array([plain(one, figure.value).mean for _, one in contest.mine.groupby("seed")])
    return _judge(claim, says, contest.about, means, widest)


def _judge(claim: str, says: str, about: str, means: np.ndarray, widest: float) -> Verdict:
    from scipy import special

    means = means[~np.isnan(means)]
    if len(means) < LEAST:
        return untold(claim, says, about, f"{len(means)} seed{'s'[: len(means) != 1]}, and it takes {LEAST}")
    # Half of an interval over three seeds, from the scatter of however many there are.
    half = float(special.stdtrit(LEAST - 1, 0.975) * means.std(ddof=1) / math.sqrt(LEAST))
    share = half / abs(means.mean()) if means.mean() else math.inf
    free = len(means) - 1
    low, high = (share * math.sqrt(free / special.chdtri(free, q)) for q in (0.025, 0.975))
    numbers = {"seeds": means.tolist(), "share": share, "low": low, "high": high, "published": widest}
    shown = f"half an interval over three seeds is {share:.2%} of the mean [{low:.2%}, {high:.2%}]"
    reason = f"{shown}, by {len(means)} seeds; the paper's widest {widest:.1%}"
    word: Word = "holds here" if high <= widest else "does not" if low > widest else "cannot tell"
    return Verdict(claim, says, about, word, reason, numbers)
