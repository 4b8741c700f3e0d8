"""Algorithm 1 of the paper in plain Python, line by line: what the game is held against, in speed and in result.

phi is rows of floats, a coalition a sorted list of players, a partition a set of frozensets.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

Phi = Sequence[Sequence[float]] | Mapping[int, Sequence[float]]
Coalitions = set[frozenset[int]]


def choice_set(phi: Phi, i: int, coalition: Iterable[int], k: int, utility: str) -> list[int]:
    """The partners that ``i`` values most, at most k, best first."""
    partners = [j for j in coalition if j != i and (utility == "mean" or phi[i][j] > 0)]
    return sorted(partners, key=lambda j: (-phi[i][j], j))[:k]


def utility_of(phi: Phi, i: int, coalition: Iterable[int], k: int, utility: str) -> float:
    """How much ``i`` likes a coalition."""
    values = [phi[i][j] for j in choice_set(phi, i, coalition, k, utility)]
    if not values:
        return 0.0
    return sum(values) / (len(values) if utility == "mean" else k)


def by_player(taken: list[list[int]]) -> dict[int, list[list[int]]]:
    """The coalitions taken that hold each player."""
    held: dict[int, list[list[int]]] = {}
    for coalition in taken:
        for i in coalition:
            held.setdefault(i, []).append(coalition)
    return held


def choice_of(phi: Phi, i: int, own: list[list[int]], k: int, utility: str) -> list[int]:
    """Lines 9-16: the choice set of ``i`` in the coalition it likes best of its ``own``; itself where it has none."""
    if not own:
        return [i]
    favourite = min(own, key=lambda t: (-utility_of(phi, i, t, k, utility), t))
    return choice_set(phi, i, favourite, k, utility)


def choices(phi: Phi, residual: Iterable[int], taken: list[list[int]], k: int, utility: str) -> dict[int, list[int]]:
    """Line 8: everybody's choice set."""
    held = by_player(taken)
    return {i: choice_of(phi, i, held.get(i, []), k, utility) for i in residual}


def components(edges: Mapping[int, set[int]]) -> list[frozenset[int]]:
    """Strongly connected components, by two walks (Kosaraju): time in proportion to players and edges."""
    back: dict[int, list[int]] = {i: [] for i in edges}
    for i, others in edges.items():
        for j in others:
            back[j].append(i)
    finished: list[int] = []
    seen: set[int] = set()
    for start in edges:
        todo = [(start, False)]
        while todo:
            i, done = todo.pop()
            if done:
                finished.append(i)
            elif i not in seen:
                seen.add(i)
                todo.append((i, True))
                todo += [(j, False) for j in edges[i] if j not in seen]
    found: list[frozenset[int]] = []
    placed: set[int] = set()
    for start in reversed(finished):
        if start in placed:
            continue
        members, walk = {start}, [start]
        while walk:
            for j in back[walk.pop()]:
                if j not in placed and j not in members:
                    members.add(j)
                    walk.append(j)
        placed |= members
        found.append(frozenset(members))
    return found


def valid_sinks(choice: dict[int, list[int]]) -> list[frozenset[int]]:
    """Lines 17-19: sink components that hold the choice set of each of their members."""
    edges = {i: set(chosen) for i, chosen in choice.items()}
    sinks = [x for x in components(edges) if all(edges[i] <= x for i in x)]
    return [x for x in sinks if all(set(choice[i]) <= x for i in x)]


def choose_all(valid: list[frozenset[int]]) -> list[frozenset[int]]:
    """Every valid sink leaves."""
    return valid


def choose_one(valid: list[frozenset[int]]) -> list[frozenset[int]]:
    """Line 20: the smallest, then the lexicographically first."""
    return [min(valid, key=lambda x: (len(x), sorted(x)))]


def pac(
    phi: Phi,
    draw: Callable[[list[int]], list[list[int]]],
    *,
    k: int,
    kmin: int,
    omega: int,
    utility: str,
    choose: Callable[[list[frozenset[int]]], list[frozenset[int]]],
) -> Coalitions:
    """All of Algorithm 1; ``draw`` gives m coalitions of the players it is handed."""
    residual: set[int] = set(range(len(phi)))
    partition: Coalitions = set()  # 1
    if len(residual) < kmin:
        return {frozenset([i]) for i in residual}
    reservoir = draw(sorted(residual))  # 2
    while residual:  # 3
        if len(residual) < kmin:
            return partition | {frozenset([i]) for i in residual}
        taken: list[list[int]] = []
        left = []
        for coalition in reservoir:  # 4
            if len(taken) < omega and set(coalition) <= residual:
                taken.append(coalition)
            else:
                left.append(coalition)
        reservoir = left
        if len(taken) < omega:  # 5-7
            reservoir = reservoir + draw(sorted(residual))
        choice = choices(phi, residual, taken, k, utility)
        for x in choose(valid_sinks(choice)):  # 17-21
            partition.add(x)
            residual -= x
    return partition
