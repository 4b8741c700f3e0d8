"""Claims 5 to 7, on the dynamics of Table 3, each held against shuffled membership."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hedonic_graph.report.dynamics import share
from hedonic_graph.report.estimates import Estimate, difference
from hedonic_graph.report.methods import Method, names
from hedonic_graph.report.verdicts import POWER, Test, Verdict, Word, judge, untold
from hedonic_graph.solvers import SOLVERS

if TYPE_CHECKING:
    import pandas as pd

RANGES = {"vanish": (60.0, 75.0), "split": (20.0, 50.0), "merge": (0.0, 1.0), "persist": (0.0, 12.0)}
"""What the paper says of each fate in per cent; "near 0" is read as at most 1."""
MEANS = {"vanish": 67.4, "split": 27.7, "merge": 0.05, "persist": 4.9}
"""Mean of each over the paper's Table 3."""
RISE = 4.7
"""By how much persistence is higher at 12 to 13 than at 11 to 12 there, over CQTR and RM."""
RISING = ("CQTR", "RM")
PRUNED, OTHERS = "Mean-TF/L", {"CQTR": 6.5, "RM": 1.7}
"""By how much more vanishes in Mean-TF/L than in the other tasks there."""

_CLAIM_5 = (
    "{1:g} to {2:g} % of coalitions {0}; holds where the interval lies inside and can be told from what is found under "
    "shuffled membership"
)
_CLAIM_6 = (
    "persistence rises at 12 to 13; holds where it does over 11 to 12, beyond what it does under shuffled membership"
)
_CLAIM_7 = (
    "Mean-TF/L prunes most; holds where more vanishes than in each other task, and more beyond shuffled membership"
)


def verdicts(rows: "pd.DataFrame") -> Iterator[Verdict]:
    """Yield the verdicts on claims 5, 6 and 7 for the methods that play on PAS, from the rows of ``dynamics.steps``."""
    for (task, model), part in rows.groupby(["task", "model"], sort=False):
        for method, name in names(list(part["method"].unique())).items():
            if _plays(method):
                mine = part[part["method"] == method]
                about = f"{name}, {str(task) or 'no task'}, {model!s}"
                yield from (_in_range(mine, fate, about) for fate in RANGES)
                if task in RISING:
                    yield _rises(mine, about)
    for model, part in rows.groupby("model", sort=False):
        for method, name in names(list(part["method"].unique())).items():
            if _plays(method):
                yield _prunes(part[part["method"] == method], f"{name}, {model!s}")


def _plays(method: Method) -> bool:
    return method.valuation == "pas" and method.hedonic


def _in_range(rows: "pd.DataFrame", fate: str, about: str) -> Verdict:
    first, last = RANGES[fate]
    claim, says = f"5 {fate}", _CLAIM_5.format(fate, first, last)
    found, beyond = share(rows, fate), share(rows, fate, beyond_chance=True)
    if reason := _thin(rows) or _few(found):
        return untold(claim, says, about, reason)
    edges = [edge for edge in (first, last) if edge > 0]
    power = found.power(min(abs(MEANS[fate] - edge) for edge in edges))
    shuffled = float(rows[f"{fate}_shuffled"].mean())
    # Nothing can be told from shuffled membership where nothing was shuffled.
    by_chance = math.isnan(beyond.mean) or beyond.low <= 0 <= beyond.high
    numbers = {
        "percent": found.mean, "low": found.low, "high": found.high, "coalitions": found.coalitions, "power": power,
        "shuffled": shuffled, "beyond_shuffled": {"difference": beyond.mean, "low": beyond.low, "high": beyond.high},
    }  # fmt: skip
    interval = f"[{max(found.low, 0):.1f}, {min(found.high, 100):.1f}]"
    shown = f"{found.mean:.1f} % {interval}, {shuffled:.1f} % under shuffled membership"
    word: Word
    if power < POWER:
        word, why = (
            "cannot tell",
            f"a share as the paper's {MEANS[fate]:g} % would be told from others with a power of {power:.0%}",
        )
    elif found.low > last or (first > 0 and found.high < first):
        word, why = (
            "does not",
            f"outside of {first:g} to {last:g} %" + (", and no more than chance" if by_chance else ""),
        )
    elif found.high > last or (first > 0 and found.low < first):
        word, why = "cannot tell", f"neither inside nor outside of {first:g} to {last:g} %"
    elif by_chance:
        word, why = "cannot tell", "inside, but it cannot be told from chance"
    else:
        word, why = "holds here", f"inside of {first:g} to {last:g} %"
    return Verdict(claim, says, about, word, f"{shown}: {why}", numbers)


def _rises(rows: "pd.DataFrame", about: str) -> Verdict:
    before, after = (rows[(rows["layer"] == layer) & (rows["to"] == layer + 1)] for layer in (11, 12))
    if before.empty or after.empty:
        return untold("6", _CLAIM_6, about, "layers 11 to 13 are not all followed")
    if reason := _thin(rows, layers=1):
        return untold("6", _CLAIM_6, about, reason)
    change = difference(share(after, "persist"), share(before, "persist"))
    beyond = difference(*(share(one, "persist", beyond_chance=True) for one in (after, before)))
    tests = [Test("persistence (points) rises by", change, RISE), Test("beyond shuffled by", beyond, RISE)]
    return Verdict("6", _CLAIM_6, about, *judge(tests))


def _prunes(rows: "pd.DataFrame", about: str) -> Verdict:
    tasks = dict(list(rows.groupby("task")))
    missing = [task for task in (PRUNED, *OTHERS) if task not in tasks]
    if PRUNED in missing or len(missing) > 1:
        return untold("7", _CLAIM_7, about, f"no analysis of {', '.join(missing)} is given")
    tests = []
    for task, size in OTHERS.items():
        if task in tasks:
            one, other = _same_steps(tasks[PRUNED], tasks[task])
            if reason := _thin(one) or _thin(other):
                return untold("7", _CLAIM_7, about, reason)
            for beyond in (False, True):
                what = f"vanishing (points) above {task}" + (", beyond shuffled," if beyond else "")
                found = difference(*(share(part, "vanish", beyond_chance=beyond) for part in (one, other)))
                tests.append(Test(what, found, size))
    word, reason, numbers = judge(tests)
    if missing and word == "holds here":
        word, reason = "cannot tell", f"{reason}; no analysis of {missing[0]} is given"
    return Verdict("7", _CLAIM_7, about, word, reason, numbers)


def _same_steps(one: "pd.DataFrame", other: "pd.DataFrame") -> "tuple[pd.DataFrame, pd.DataFrame]":
    shared = set(one["layer"]) & set(other["layer"])
    return one[one["layer"].isin(shared)], other[other["layer"].isin(shared)]


def _thin(rows: "pd.DataFrame", layers: int = 2) -> str:
    """Why rows are too few for a verdict; empty where they are not."""
    if rows["layer"].nunique() < layers:
        return "one layer step: how far it hangs on the layer is not known"
    if SOLVERS[rows["method"].iloc[0].solver].draws and rows["seed"].nunique() < 2:
        return "one seed: how far it hangs on the seed is not known"
    return ""


def _few(found: Estimate) -> str:
    return "" if found.coalitions > 1 else f"{found.coalitions} coalitions"
