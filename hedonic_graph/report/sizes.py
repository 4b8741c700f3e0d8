"""Claim 8: the sizes of coalitions are heavy-tailed, those of clusters even.

The laws are fitted by maximum likelihood to sizes from ``LEAST`` on and compared by Vuong's likelihood ratio, as
Clauset, Shalizi and Newman (2009) do; the lognormal pays for its second parameter (Akaike).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hedonic_graph.report.estimates import Z
from hedonic_graph.report.methods import Method, names
from hedonic_graph.report.sources import Source
from hedonic_graph.report.verdicts import Verdict, untold
from hedonic_graph.solvers import SOLVERS

LEAST = 2
"""Smallest size that the laws are fitted to."""
ENOUGH = 50
"""With fewer coalitions a power law can hardly be told from an exponential (Clauset and others)."""

_CLAIM_8 = (
    "sizes of coalitions are heavy-tailed, those of clusters even; holds where a power law or lognormal fits better "
    "than an exponential, and sizes vary more, relative to their mean, than those of k-means"
)


@dataclass(frozen=True)
class Fit:
    """Laws of the sizes of one partition, or of several together."""

    count: int
    exponent: float
    """Of the power law."""
    power_law: np.ndarray
    """Log-likelihood of each coalition, [count]; of the others too."""
    lognormal: np.ndarray
    """Less what the parameter costs that it has more than the others."""
    exponential: np.ndarray


def fit(sizes: np.ndarray) -> Fit:
    """Fit the three laws to the ``sizes`` of ``LEAST`` or more, as laws of whole numbers."""
    from scipy import optimize, special

    x = np.asarray(sizes, np.float64)
    x = x[x >= LEAST]
    logs = np.log(x)

    def power_law(exponent: float) -> np.ndarray:
        likelihood: np.ndarray = -exponent * logs - math.log(special.zeta(exponent, LEAST))
        return likelihood

    def lognormal(parameters: np.ndarray) -> np.ndarray:
        mean, spread = parameters[0], math.exp(parameters[1])
        upper, lower, start = (
            special.log_ndtr((mean - np.log(edge)) / spread) for edge in (x - 0.5, x + 0.5, LEAST - 0.5)
        )
        # log(exp(upper) - exp(lower)): the share of a whole number is what lies half a unit around it.
        inside: np.ndarray = upper + np.log(-np.expm1(np.minimum(lower - upper, -1e-15))) - start
        return inside

    exponent = float(optimize.minimize_scalar(lambda a: -power_law(a).sum(), bounds=(1.0001, 20), method="bounded").x)
    begin = np.array([logs.mean(), math.log(max(logs.std(), 0.1))])
    limits = [(-20.0, 20.0), (math.log(1e-2), math.log(20))]
    best = optimize.minimize(lambda p: -lognormal(p).sum(), begin, method="Nelder-Mead", bounds=limits).x
    over = x - LEAST
    stay = over.mean() / (1 + over.mean())
    exponential = over * math.log(stay) + math.log1p(-stay) if stay > 0 else np.zeros_like(x)
    return Fit(len(x), exponent, power_law(exponent), lognormal(best) - 1 / len(x), exponential)


def ratio(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return the log-likelihood ratio per coalition of two laws, and its standard error (Vuong)."""
    apart = one - other
    return float(apart.mean()), float(apart.std(ddof=1) / math.sqrt(len(apart))) if len(apart) > 1 else math.nan


def verdicts(sources: Sequence[Source]) -> Iterator[Verdict]:
    """Yield the verdict on claim 8 for each method that plays on PAS, by task and model."""
    groups: dict[tuple[str, str], dict[Method, list[np.ndarray]]] = {}
    seeds: dict[tuple[str, str, Method], set[str]] = {}
    for source in sources:
        partitions = groups.setdefault((source.task, source.model), {})
        for run in source.results.runs:
            for layer in source.results.layers:
                sizes = np.bincount(source.results.members(run, layer)["coalition"])
                partitions.setdefault(source.method(run), []).append(sizes[sizes >= LEAST])
                seeds.setdefault((source.task, source.model, source.method(run)), set()).add(source.seed(run))
    for (task, model), partitions in groups.items():
        for method, name in names(list(partitions)).items():
            if method.valuation == "pas" and method.hedonic:
                clusters = partitions.get(replace(method, solver="kmeans"), [])
                alone = SOLVERS[method.solver].draws and len(seeds[task, model, method]) < 2
                yield _judge(f"{name}, {task or 'no task'}, {model}", partitions[method], clusters, alone=alone)


def _judge(about: str, mine: list[np.ndarray], clusters: list[np.ndarray], *, alone: bool = False) -> Verdict:
    # Seeds and layers are fitted each on its own; what a coalition says for a law counts over all.
    fits = [fit(sizes) for sizes in mine if len(sizes) > 1]
    count = sum(one.count for one in fits)
    if count < ENOUGH:
        return untold("8", _CLAIM_8, about, f"{count} coalitions of {LEAST} or more, and it takes {ENOUGH}")
    power_law, lognormal, exponential = (
        np.concatenate([getattr(one, law) for one in fits]) for law in ("power_law", "lognormal", "exponential")
    )
    found = {name: ratio(one, exponential) for name, one in (("power law", power_law), ("lognormal", lognormal))}
    best = max(found, key=lambda name: found[name][0])
    mean, error = found[best]
    spread, even = _spread(mine), _spread(clusters)
    largest = max(int(sizes.max()) for sizes in mine if len(sizes))
    numbers = {
        "coalitions": count,
        "exponents": [one.exponent for one in fits],
        "likelihood_ratios": {name: {"mean": one[0], "error": one[1]} for name, one in found.items()},
        "power_law_over_lognormal": dict(zip(("mean", "error"), ratio(power_law, lognormal), strict=True)),
        "spread": spread,
        "spread_of_kmeans": even,
        "largest": largest,
    }
    exponent = float(np.median([one.exponent for one in fits]))
    low, high = mean - Z * error, mean + Z * error
    shown = (
        f"a {best} against an exponential: log-likelihood {mean:+.3g} [{low:+.3g}, {high:+.3g}] per coalition "
        f"({count} coalitions, the largest of {largest}; exponent of the power law {exponent:.2f}); "
        f"sizes vary by {spread:.2f} of their mean, those of k-means by {'?' if math.isnan(even) else f'{even:.2f}'}"
    )
    if high < 0 or (not math.isnan(even) and spread < even):
        return Verdict("8", _CLAIM_8, about, "does not", shown, numbers)
    if math.isnan(even):
        return Verdict("8", _CLAIM_8, about, "cannot tell", f"{shown}: no run of kmeans beside it", numbers)
    if alone:
        return Verdict("8", _CLAIM_8, about, "cannot tell", f"{shown}: one seed", numbers)
    if low <= 0:
        return Verdict("8", _CLAIM_8, about, "cannot tell", shown, numbers)
    return Verdict("8", _CLAIM_8, about, "holds here", shown, numbers)


def _spread(partitions: list[np.ndarray]) -> float:
    """Mean coefficient of variation of the sizes; NaN where there are none."""
    several = [sizes.std() / sizes.mean() for sizes in partitions if len(sizes) > 1]
    return float(np.mean(several)) if several else math.nan
