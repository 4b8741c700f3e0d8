"""How long the first round of the game takes in plain Python: what ``plain_game`` does in it, step by step."""

import random
import time

from torch import Tensor

from hedonic_graph.bench.kernel import Reference
from hedonic_graph.bench.plain_game import by_player, choice_of, components


def plain_round(phi: Tensor, seed: int) -> Reference:
    """Draw m = max(80,000, 56 n) coalitions, choose among the first tenth, and find the components of the choices.

    Coalitions are drawn for a tenth of m, which is timed ten times. The note says how much is draws, choices and
    components, and how long the round would take as the paper words it, each player looking through all sets that
    were taken for those that hold it: that search is timed for 64 players.
    """
    n = len(phi)
    draw, everybody = random.Random(seed), range(n)
    began = time.perf_counter()
    taken = [sorted(draw.sample(everybody, draw.randint(2, 10))) for _ in range(max(80_000, 56 * n) // 10)]
    drawing = 10 * (time.perf_counter() - began)
    began = time.perf_counter()
    residual = set(everybody)
    taken = [coalition for coalition in taken if set(coalition) <= residual]
    held = by_player(taken)
    choosing = time.perf_counter() - began
    searching = _search(n, [set(coalition) for coalition in taken])
    chosen = {}
    for i in everybody:
        row = {i: phi[i].tolist()}
        began = time.perf_counter()
        chosen[i] = set(choice_of(row, i, held.get(i, []), 3, "mean"))
        choosing += time.perf_counter() - began
    began = time.perf_counter()
    components(chosen)
    joining = time.perf_counter() - began
    whole = drawing + choosing + joining
    note = (
        f"plain {drawing:.1f} s drawing, {choosing:.1f} s choosing, {joining:.1f} s components; as worded "
        f"{whole + searching:.1f} s"
    )
    return Reference(whole, note)


def _search(n: int, sets: list[set[int]]) -> float:
    """Seconds that all n players take to look for themselves in all ``sets``."""
    some = range(0, n, max(1, n // 64))
    began = time.perf_counter()
    for i in some:
        [held for held in sets if i in held]
    return (time.perf_counter() - began) * n / len(some)
