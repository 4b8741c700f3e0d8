"""Verdicts where the truth is known."""

import math

import numpy as np
import pandas as pd
import pytest

from hedonic_graph.report.estimates import NOTHING, Estimate
from hedonic_graph.report.fates import verdicts as fate_verdicts
from hedonic_graph.report.methods import Method
from hedonic_graph.report.seeds import _judge as judge_seeds
from hedonic_graph.report.sizes import _judge as judge_sizes
from hedonic_graph.report.sizes import fit
from hedonic_graph.report.verdicts import Test as Difference
from hedonic_graph.report.verdicts import judge

PAC, EXACT = Method("pas", "pac"), Method("pas", "exact")


def one(mean: float, error: float, published: float = 1.0) -> Difference:
    return Difference("x above y", Estimate(mean, error, 20, 3, 4), published)


@pytest.mark.parametrize(
    ("tests", "word", "why"),
    [
        ([one(1.0, 0.1)], "holds here", "published +1"),
        ([one(0.3, 0.1)], "holds here", "+0.3"),
        ([one(-0.5, 0.1)], "does not", "lies below zero"),
        ([one(0.1, 0.1)], "does not", "holds zero and not the published +1"),
        # 0.8 power is reached at 2.8 standard errors.
        ([one(1.0, 0.37)], "cannot tell", "power of 77%"),
        ([one(-1.0, 0.37)], "cannot tell", "power of 77%"),
        ([one(1.0, 0.35)], "holds here", ""),
        ([one(1.0, math.nan)], "cannot tell", "one coalition"),
        ([Difference("x", NOTHING, 1.0)], "cannot tell", "nothing to compare"),
        ([one(1.0, 0.1), one(-1.0, 0.1)], "does not", "lies below zero"),
        ([one(1.0, 0.1), one(1.0, 2.0)], "cannot tell", "power"),
        ([one(1.0, 2.0), one(-1.0, 0.1)], "does not", "lies below zero"),
    ],
)
def test_a_claim_that_differences_lie_above_zero(tests: list[Difference], word: str, why: str) -> None:
    found, reason, numbers = judge(tests)
    assert found == word, reason
    assert why in reason
    assert len(numbers["tests"]) == len(tests)


def steps(
    vanish: float,
    shuffled: float,
    *,
    count: int = 4000,
    task: str = "CQTR",
    method: Method = EXACT,
    persist: dict[int, float] | float = 5.0,
    seeds: int = 1,
) -> pd.DataFrame:
    """Rows as of ``dynamics.steps`` for layers 10 to 13."""
    found = []
    for seed in range(seeds):
        for layer in (10, 11, 12):
            now = persist[layer] if isinstance(persist, dict) else persist
            shares = {"vanish": vanish, "persist": now, "merge": 0.05, "split": 100 - vanish - now - 0.05}
            chance = {"vanish": shuffled, "persist": 1.0, "merge": 0.0, "split": 99 - shuffled}
            row = {"task": task, "model": "M", "method": method, "seed": str(seed), "layer": layer, "to": layer + 1}
            row |= {"coalitions": count, "shuffles": 20, **shares}
            found.append(row | {f"{fate}_shuffled": value for fate, value in chance.items()})
    return pd.DataFrame(found)


def verdict(rows: pd.DataFrame, claim: str) -> tuple[str, str]:
    found = next(one for one in fate_verdicts(rows) if one.claim == claim)
    return found.verdict, found.reason


def test_a_share_must_be_in_the_published_range_and_apart_from_chance() -> None:
    assert verdict(steps(67, 90), "5 vanish")[0] == "holds here"
    word, reason = verdict(steps(67, 67), "5 vanish")
    assert (word, "cannot be told from chance" in reason) == ("cannot tell", True)
    assert verdict(steps(85, 90), "5 vanish")[0] == "does not"
    word, reason = verdict(steps(85, 85), "5 vanish")
    assert (word, "no more than chance" in reason) == ("does not", True)
    word, reason = verdict(steps(67, 90, count=20), "5 vanish")
    assert (word, "with a power of" in reason) == ("cannot tell", True)
    word, reason = verdict(steps(75, 90), "5 vanish")
    assert (word, "neither inside nor outside" in reason) == ("cannot tell", True)
    assert verdict(steps(67, 90, method=PAC), "5 vanish") == (
        "cannot tell",
        "one seed: how far it hangs on the seed is not known",
    )
    assert verdict(steps(67, 90, method=PAC, seeds=3), "5 vanish")[0] == "holds here"


def test_a_rise_of_persistence() -> None:
    assert verdict(steps(67, 90, persist={10: 2, 11: 2, 12: 8}), "6")[0] == "holds here"
    assert verdict(steps(67, 90, persist={10: 2, 11: 8, 12: 2}), "6")[0] == "does not"
    assert verdict(steps(67, 90, persist={10: 2, 11: 2, 12: 8}, count=30), "6")[0] == "cannot tell"
    rows = steps(67, 90)
    assert verdict(rows[rows["layer"] < 12], "6") == ("cannot tell", "layers 11 to 13 are not all followed")
    assert not [one for one in fate_verdicts(steps(67, 90, task="Mean-TF/L")) if one.claim == "6"]


def test_which_task_prunes_most() -> None:
    def three(mean_tf: float, shuffled: float, count: int = 200_000) -> pd.DataFrame:
        tasks = {"CQTR": (64.0, 80.0), "RM": (68.0, 80.0), "Mean-TF/L": (mean_tf, shuffled)}
        return pd.concat([steps(*shares, task=task, count=count) for task, shares in tasks.items()], ignore_index=True)

    assert verdict(three(70, 80), "7")[0] == "holds here"
    assert verdict(three(66, 80), "7")[0] == "does not"
    # More vanishes, and as much more does by chance.
    assert verdict(three(70, 87), "7")[0] == "does not"
    assert verdict(three(70, 80, count=100), "7")[0] == "cannot tell"
    rows = three(70, 80)
    assert "no analysis of RM is given" in verdict(rows[rows["task"] != "RM"], "7")[1]
    assert verdict(rows[rows["task"] == "CQTR"], "7") == ("cannot tell", "no analysis of Mean-TF/L, RM is given")


def power_law(exponent: float, count: int, seed: int = 0) -> np.ndarray:
    # Inverse transform, rounded: the usual approximation of a discrete law.
    draw = np.random.default_rng(seed).random(count)
    return np.floor(1.5 * (1 - draw) ** (-1 / (exponent - 1)) + 0.5).astype(int)


def test_the_exponent_is_found_and_the_laws_are_those_of_scipy() -> None:
    from scipy import stats

    sizes = power_law(2.5, 20_000)
    found = fit(sizes)
    assert found.exponent == pytest.approx(2.5, abs=0.05)
    # From size 1 on scipy has the same law, but for the share of 1.
    law = stats.zipf(found.exponent)
    assert found.power_law == pytest.approx(law.logpmf(sizes) - np.log(1 - law.pmf(1)), abs=1e-6)
    even = np.random.default_rng(1).geometric(0.1, 20_000) + 1
    found = fit(even)
    assert found.exponential == pytest.approx(stats.geom(1 / (even.mean() - 1)).logpmf(even - 1), abs=1e-6)
    drawn = np.round(np.random.default_rng(2).lognormal(3, 0.8, 20_000)).astype(int)
    drawn = drawn[drawn >= 2]
    law = stats.lognorm(0.8, scale=math.exp(3))
    exact = np.log((law.cdf(drawn + 0.5) - law.cdf(drawn - 0.5)) / law.sf(1.5))
    assert fit(drawn).lognormal.sum() >= exact.sum() - 1.5
    assert fit(drawn).lognormal.sum() == pytest.approx(exact.sum(), abs=6)


def test_heavy_tails_and_even_sizes() -> None:
    even = [np.random.default_rng(5).integers(20, 46, 40) for _ in range(2)]

    def said(mine: list[np.ndarray], clusters: list[np.ndarray], alone: bool = False) -> str:
        return judge_sizes("x", mine, clusters, alone=alone).verdict

    heavy = [power_law(2.2, 300, seed) for seed in (1, 2)]
    light = [np.random.default_rng(seed).geometric(0.1, 300) + 1 for seed in (1, 2)]
    assert said(heavy, even) == "holds here"
    assert said(even, heavy) == "does not"
    assert said(light, even) != "holds here"
    assert said(heavy, []) == "cannot tell"
    assert said(heavy, even, alone=True) == "cannot tell"
    assert said([heavy[0][:20]], even) == "cannot tell"


def test_narrow_intervals_over_seeds() -> None:
    def said(means: list[float]) -> str:
        return judge_seeds("9", "", "x", np.array(means), 0.05).verdict

    assert said([1.0, 1.0001, 0.9999]) == "holds here"
    assert said([1.0, 1.02, 0.98]) == "cannot tell"
    assert said([1.0, 3.0, 2.0]) == "does not"
    assert said([1.0, 1.0]) == "cannot tell"
