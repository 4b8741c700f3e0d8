"""How long the first round of the game takes in plain Python: what ``plain_game`` does in it, step by step."""

import random
import time

from torch import Tensor

from hedonic_graph.bench.kernel import Reference
from hedonic_graph.bench.plain_game import by_player, choice_of, components


def plain_round(phi: Tensor, seed: int) -> Reference:
    """Draw m = max(80,000, 56 n) coalitions, choose among the first tenth, and find the components of the choices.

    Coalitions are drawn for a tenth of m, which is timed ten times. The note says how much is draws, choices and
    components.
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
    chosen = {}
    for i in everybody:
        row = {i: phi[i].tolist()}
        began = time.perf_counter()
        chosen[i] = set(choice_of(row, i, held.get(i, []), 3, "mean"))
        choosing += time.perf_counter() - began
    began = time.perf_counter()
    components(chosen)
    joining = time.perf_counter() - began
    note = f"plain {drawing:.1f} s drawing, {choosing:.1f} s choosing, {joining:.1f} s components"
    return Reference(drawing + choosing + joining, note)
