"""The shapes of a real run as a few fitted laws: coalition sizes, interaction matrices, preferences.

Fitted to PAS with PAC-Top-Cover on SmolLM2-135M, layers 7-14 of 1,536 neurons, 345-880 coalitions each. What was seen
and what is drawn here:

* Most layers have one macro coalition of 11-34 % of the neurons (a few have none); of the others four in five are
  pairs, and now and then one has 5-8 % of the layer. Here: pairs plus lognormal shares of what is left. With more
  neurons to a coalition the same law gives fewer pairs and a heavier tail.
* The log of the mass is a source's level (deviation 0.35-0.6), a target's level (0.07-0.11) and a rest. The rest is
  ``1 + z * spread / sqrt(size of the target)``, as the definition of z says, with a spread of 0.4 that varies little.
* z is close to a standard normal with a skewness of 0.45, and has a tail: 0.5-0.7 % lie beyond 3, the largest at 14-18.
* Edges kept: the strongest of each source and of each target. As levels differ more between sources than between
  targets, half of the sources have the fewest edges that the rule allows and a few feed nearly every target, while
  the number of edges into a target varies by a factor of ten. That comes out of the rule and is not drawn.
* Preferences go to few neurons: the most popular is among the three favourites of two neurons in five, the next ones
  follow geometrically over some 70, and nineteen in twenty are nobody's.
"""

from dataclasses import dataclass

import numpy as np

from hedonic_graph.errors import UserError

SINGLES = 0.02
MACRO = (0.1, 0.35)
SIZE_SPREAD = 2.0
MASS = 0.02
SOURCE_LEVEL = 0.48
TARGET_LEVEL = 0.08
SPREAD, SPREAD_VARIES = 0.41, 0.2
GAMMA = 20.0
TAIL, TAIL_FROM, TAIL_SCALE = 0.002, 3.0, 2.2
LEAST_LIFT = 0.1
POPULARITY = 0.13
STRAY = 0.03
PHI, PHI_SPREAD, PHI_NEXT = 8e-8, 1.35, (0.4, 1.0)
UTILITY, UTILITY_SPREAD = 5e-9, 1.8

HIGH = 0.7
Z_MIN = 3.0


def shares(total: int, parts: int, rng: np.random.Generator) -> np.ndarray:
    """Split ``total`` into ``parts`` that differ by up to a factor of two; int [parts]."""
    return _whole(total, rng.uniform(0.7, 1.4, parts))


def sizes(neurons: int, coalitions: int, rng: np.random.Generator) -> np.ndarray:
    """Sizes of the coalitions of one layer, largest first; int [coalitions], their sum is ``neurons``.

    There must be at least three neurons for each coalition.
    """
    singles = int(SINGLES * coalitions)
    least = np.full(coalitions, 2)
    least[coalitions - singles :] = 1
    rest = neurons - int(least.sum())
    macro = min(int(rng.uniform(*MACRO) * neurons), rest) if coalitions > 1 else rest
    weights = rng.lognormal(0.0, SIZE_SPREAD, coalitions)
    weights[0] = weights[coalitions - singles :] = 0.0
    more = _whole(rest - macro, weights) if weights.any() else np.zeros(coalitions, dtype=int)
    more[0] = rest - more.sum()
    return np.sort(least + more)[::-1]


@dataclass(frozen=True, eq=False)
class Step:
    """The edges kept between two layers, by source and then target, and what becomes of both ends."""

    source: np.ndarray
    target: np.ndarray
    numbers: dict[str, np.ndarray]
    """mass, flow, alpha, beta, lift and z of each edge, float32; z is NaN where it is undefined."""
    matched: np.ndarray
    event: np.ndarray
    """persist, split, merge or None; object."""
    fate: np.ndarray
    """Of each source; object [S]."""
    origin: np.ndarray
    """Of each target; object [T]."""


def step(source: np.ndarray, target: np.ndarray, neurons: int, edges: int, rng: np.random.Generator) -> Step:
    """Draw the step from sources of those sizes [S] to targets of those sizes [T], of two or more neurons each.

    ``neurons`` is how many the target's layer has. Raises UserError where ``edges`` are fewer than those that always
    stay: matched, events, and beyond z = 3.
    """
    from hedonic_graph.lineage.matching import maximum_matching

    mass, z = _strengths(source, target, neurons, rng)
    flow = mass * source[:, None] * target
    output, input = flow.sum(1, keepdims=True), flow.sum(0)
    expected = output * input / flow.sum()
    excess = np.where(z >= Z_MIN, np.maximum(flow - expected, 0.0), 0.0)
    alpha, beta = _over(excess, excess.sum(1, keepdims=True)), _over(excess, excess.sum(0))
    # Compared in float32, as the graph holds them.
    gives, takes = alpha.astype(np.float32) >= HIGH, beta.astype(np.float32) >= HIGH
    partner = maximum_matching(mass.astype(np.float32))
    matched = partner[:, None] == np.arange(len(target))
    row, column = _kept(mass, matched | gives | takes | (z >= Z_MIN), edges)
    matrices = {"mass": mass, "flow": flow, "alpha": alpha, "beta": beta, "lift": flow / expected, "z": z}
    persist, split, merge = gives & takes, takes & ~gives, gives & ~takes
    event = np.full(mass.shape, None, dtype=object)
    for kind, where in (("persist", persist), ("split", split), ("merge", merge)):
        event[where] = kind
    return Step(
        row,
        column,
        {name: matrix[row, column].astype(np.float32) for name, matrix in matrices.items()},
        matched[row, column],
        event[row, column],
        _best(persist, split, merge, 1, "vanish"),
        _best(persist, split, merge, 0, "emerge"),
    )


def favourites(neurons: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Each neuron's favourites, best first; int [neurons, count], distinct and never the neuron itself."""
    popular = rng.permutation(neurons)
    chosen = _popular(popular, (neurons, count), rng)
    while True:
        ordered = np.sort(chosen, axis=1)
        wrong = (chosen == np.arange(neurons)[:, None]).any(1) | (ordered[:, 1:] == ordered[:, :-1]).any(1)
        if not wrong.any():
            return chosen
        chosen[wrong] = _popular(popular, (int(wrong.sum()), count), rng)


def phi(neurons: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """How much each neuron values its favourites, falling; float32 [neurons, count]."""
    falls = rng.uniform(*PHI_NEXT, (neurons, count))
    falls[:, 0] = rng.lognormal(np.log(PHI), PHI_SPREAD, neurons)
    return np.cumprod(falls, axis=1).astype(np.float32)


def utility(neurons: int, rng: np.random.Generator) -> np.ndarray:
    """How much each neuron likes its coalition; float32 [neurons]."""
    return rng.lognormal(np.log(UTILITY), UTILITY_SPREAD, neurons).astype(np.float32)


def synergy(sizes: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """pair and ratio of coalitions of those sizes, float64; NaN for those of one neuron. Not fitted to anything."""
    alone = sizes < 2
    pair = rng.lognormal(np.log(PHI), PHI_SPREAD, len(sizes))
    ratio = rng.lognormal(0.0, 0.5, len(sizes))
    return {"pair": np.where(alone, np.nan, pair), "ratio": np.where(alone, np.nan, ratio)}


def _whole(total: int, weights: np.ndarray) -> np.ndarray:
    """Share ``total`` out in whole numbers, in proportion to the weights."""
    exact = np.cumsum(weights) * (total / weights.sum())
    return np.diff(np.rint(exact).astype(int), prepend=0)


def _strengths(
    source: np.ndarray, target: np.ndarray, neurons: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    shape = (len(source), len(target))
    level = rng.lognormal(np.log(MASS), SOURCE_LEVEL, shape[0])[:, None] * rng.lognormal(0.0, TARGET_LEVEL, shape[1])
    z = (rng.gamma(GAMMA, size=shape) - GAMMA) / np.sqrt(GAMMA)
    tail = rng.random(shape) < TAIL
    z[tail] = TAIL_FROM + rng.exponential(TAIL_SCALE, int(tail.sum()))
    spread = rng.lognormal(np.log(SPREAD), SPREAD_VARIES, shape[0])[:, None]
    scale = spread * np.sqrt((neurons - target) / (neurons - 1) / target)
    defined = scale > 0
    z = np.maximum(z, np.divide(LEAST_LIFT - 1, scale, out=np.full(shape, -np.inf), where=defined))
    return level * (1 + z * scale), np.where(defined, z, np.nan)


def _kept(mass: np.ndarray, always: np.ndarray, edges: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of those that always stay, and of the strongest of each source and target, ``edges`` in all."""
    if (least := int(always.sum())) > edges:
        raise UserError(
            f"edges are too few: {edges:,} for a step of {mass.shape[0]} x {mass.shape[1]} coalitions, of whose pairs "
            f"{least:,} always stay"
        )
    rank = np.minimum(_ranks(mass, 1), _ranks(mass, 0)) - mass / (2 * mass.max())
    rank[always] = -1.0
    chosen = np.sort(np.argpartition(rank, edges - 1, axis=None)[:edges])
    row, column = np.unravel_index(chosen, mass.shape)
    return row, column


def _ranks(mass: np.ndarray, axis: int) -> np.ndarray:
    """Place of each entry among those of its row (axis 1) or column (axis 0); the largest is 0."""
    order = np.argsort(-mass, axis=axis)
    places = np.expand_dims(np.arange(mass.shape[axis]), 1 - axis)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, places, axis=axis)
    return ranks


def _best(persist: np.ndarray, split: np.ndarray, merge: np.ndarray, axis: int, otherwise: str) -> np.ndarray:
    found = np.full(persist.shape[1 - axis], otherwise, dtype=object)
    for kind, where in (("merge", merge), ("split", split), ("persist", persist)):
        found[where.any(axis)] = kind
    return found


def _popular(popular: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    place = rng.geometric(POPULARITY, shape) - 1
    stray = (rng.random(shape) < STRAY) | (place >= len(popular))
    return popular[np.where(stray, rng.integers(len(popular), size=shape), place)]


def _over(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / np.where(whole > 0, whole, 1.0)
