"""Plain-Python oracles: slow, without torch or igraph, each a transcript of the paper's text.

phi is a list of lists of floats, a coalition a sorted list of players, a partition a set of frozensets. That of
Algorithm 1 is the package's own, which ``bench`` is held against too.
"""

from collections.abc import Iterable
from itertools import combinations

from hedonic_graph.bench.plain_game import Coalitions, Phi, choice_set, utility_of, valid_sinks


def mean_utility(phi: Phi, coalition: list[int], k: int, utility: str) -> float:
    return sum(utility_of(phi, i, coalition, k, utility) for i in coalition) / len(coalition)


def exact(phi: Phi, k: int) -> Coalitions:
    """Top-Cover with true choice sets, utility ``sum``, every valid sink put out."""
    residual, partition = set(range(len(phi))), set()
    while residual:
        choice = {i: choice_set(phi, i, residual, k, "sum") or [i] for i in residual}
        for x in valid_sinks(choice):
            partition.add(x)
            residual -= x
    return partition


def blocks(phi: Phi, coalition: Iterable[int], partition: Coalitions, k: int) -> bool:
    """Whether every member is strictly better off in ``coalition``, by utility ``sum``."""
    members = list(coalition)
    home = {i: x for x in partition for i in x}
    return all(utility_of(phi, i, members, k, "sum") > utility_of(phi, i, sorted(home[i]), k, "sum") for i in members)


def all_coalitions(n: int, smallest: int = 1, largest: int | None = None) -> list[tuple[int, ...]]:
    last = n if largest is None else min(largest, n)
    return [c for size in range(smallest, last + 1) for c in combinations(range(n), size)]
