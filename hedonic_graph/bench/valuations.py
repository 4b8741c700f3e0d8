"""Valuations at size: moments, OCA, PAS, and what two halves of the examples say."""

import torch
from torch import Tensor

from hedonic_graph.bench.draws import BLOCK, normal
from hedonic_graph.bench.kernel import Kernel, Prepared, Task, held_against
from hedonic_graph.blocks import upper
from hedonic_graph.game.agreement import adjusted_rand, choices, overlap, pair_correlation
from hedonic_graph.game.top_cover import exact_top_cover
from hedonic_graph.models.examples import halves
from hedonic_graph.models.mlp import Factors, MLPBlock, Projections
from hedonic_graph.models.moments import Moments
from hedonic_graph.models.norm import Norm
from hedonic_graph.models.readout import Readout
from hedonic_graph.valuation.oca import oca
from hedonic_graph.valuation.pas import pas

RANK = 8
"""Of the drawn LoRA."""

Synergy = tuple[MLPBlock, Readout, Tensor, Tensor, Tensor]


def synergy(task: Task, n: int, generator: torch.Generator) -> Synergy:
    """What :func:`~hedonic_graph.valuation.pas.pas` takes: a block, a readout, y, tuned and base activations."""
    down = normal(task.width, n, generator)
    step = Factors(normal(task.width, RANK, generator), normal(RANK, n, generator))
    weights = Projections(up=down[:0].T, down=down)
    block = MLPBlock(0, weights, weights, step, torch.nn.functional.silu, None, None)
    gain = torch.ones(task.width, device=generator.device)
    norm = Norm(kind="rms", gain=gain, bias=None, eps=1e-5)
    readout = Readout(normal(1, task.width, generator), gain[:1], norm)
    y, base = normal(task.examples, task.width, generator), normal(task.examples, n, generator)
    return block, readout, y, base + 0.1 * normal(task.examples, n, generator), base


def _moments(task: Task, n: int, generator: torch.Generator) -> Prepared:
    # A mean ten times the spread, taken in as a capture does it.
    chunks = [normal(task.examples // 4, n, generator) + 10 for _ in range(4)]

    def ours() -> None:
        moments = Moments.empty(n, generator.device)
        for chunk in chunks:
            moments.add(chunk)

    def limit() -> None:
        total = torch.zeros(n, n, device=generator.device)
        for chunk in chunks:
            for rows, rest in upper(n, BLOCK):
                total[rows, rest].addmm_(chunk[:, rows].T, chunk[:, rest])

    return Prepared(ours, held_against(limit, generator.device))


def _oca(task: Task, n: int, generator: torch.Generator) -> Prepared:
    down = normal(task.width, n, generator)
    moments = Moments.of(normal(task.examples, n, generator))

    def limit() -> None:
        for rows, rest in upper(n, BLOCK):
            down[:, rows].T @ down[:, rest]

    return Prepared(lambda: oca(down, moments), held_against(limit, generator.device))


def _pas(task: Task, n: int, generator: torch.Generator) -> Prepared:
    given = synergy(task, n, generator)
    down, tuned, base = given[0].tuned.down, given[3], given[4]

    def limit() -> None:
        # One Gram matrix, and the second moments of what was tuned, what was there and both; each half, as phi is
        # symmetric, but for the last.
        change = tuned - base
        for rows, rest in upper(n, BLOCK):
            down[:, rows].T @ down[:, rest]
            for one in (change, base):
                for other in (change, base):
                    one[:, rows].T @ other[:, rest]

    return Prepared(lambda: pas(*given), held_against(limit, generator.device))


def _halves(task: Task, n: int, generator: torch.Generator) -> Prepared:
    given = synergy(task, n, generator)

    def ours() -> None:
        first, second = (pas(*given, times.to(generator.device)) for times in halves(task.examples))
        pair_correlation(first, second)
        overlap(choices(first, 3), choices(second, 3))
        adjusted_rand(*(exact_top_cover(phi).partition for phi in (first, second)))

    return Prepared(ours, held_against(lambda: pas(*given), generator.device, 2))


VALUATIONS = {
    "moments": Kernel(_moments, "matrix products"),
    "oca": Kernel(_oca, "matrix products"),
    "pas": Kernel(_pas, "matrix products"),
    "halves": Kernel(_halves, "2 PAS", everywhere=False),
}
