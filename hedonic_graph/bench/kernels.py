"""What each computation costs at a size, beside a plain reference or the matrix products that it cannot avoid.

``python -m hedonic_graph.bench.kernels`` measures one kernel at several sizes in a process of its own.
"""

import json
import random
import time
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hedonic_graph.bench.machine import peak
from hedonic_graph.bench.plain_game import by_player, choice_of
from hedonic_graph.bench.process import answer
from hedonic_graph.blocks import mirrored, upper
from hedonic_graph.game.clustering import spherical_kmeans, ward
from hedonic_graph.game.communities import leiden_partition
from hedonic_graph.game.consensus import consensus
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.random import random_partition
from hedonic_graph.game.stability import certificate
from hedonic_graph.game.top_cover import TopCover, exact_top_cover, pac_top_cover
from hedonic_graph.lineage.mass import composite_flow
from hedonic_graph.lineage.step import track
from hedonic_graph.models.mlp import Factors, MLPBlock, Projections
from hedonic_graph.models.moments import Moments
from hedonic_graph.models.norm import Norm
from hedonic_graph.models.readout import Readout
from hedonic_graph.valuation.oca import oca
from hedonic_graph.valuation.pas import pas

SMALLEST = 64
"""Neurons."""
RANK = 8
"""Of the drawn LoRA."""
BLOCK = 1024
"""Rows that a limit multiplies at a time, as ours do."""
SIZE = 24
"""Mean size of coalitions and clusters, as of exact Top-Cover on real valuations."""
RESAMPLES = 20
"""Partitions that a consensus is read from; their valuations are what it is held against."""
LONG = 10.0
"""Seconds; what can be timed three times within them is, and the best is taken: a machine is seldom quiet."""
PLAIN_PLAYERS = 256
"""Of the plain round that is timed, of all n: it takes the players one after the other."""


@dataclass(frozen=True)
class Task:
    """One kernel at several sizes."""

    kernel: str
    sizes: tuple[int, ...]
    """Numbers of neurons n, ascending: a peak is that of its own size."""
    examples: int
    width: int
    """Of the residual stream."""
    device: str
    seed: int


@dataclass(frozen=True)
class Cost:
    """What one kernel took at one size."""

    kernel: str
    n: int
    seconds: float
    compared: float
    """Seconds of the part that is held against a reference: all of it, or the first round of a sampled game."""
    reference: float | None
    """Seconds of the reference; None where it is held against nothing."""
    peak: int
    """Bytes held at most, inputs among them: by the process, or on a GPU by its arrays."""
    inputs: int
    """Bytes held at most before it began."""
    rounds: int | None = None
    """Of a game."""

    @property
    def ratio(self) -> float | None:
        """Ours over the reference."""
        return None if self.reference is None else self.compared / self.reference


AGAINST = {
    "moments": "matrix products",
    "oca": "matrix products",
    "pas": "matrix products",
    "exact": None,
    "consensus": f"{RESAMPLES} PAS",
    "pac": "plain Python",
    "lineage": "matrix products",
    "certificate": None,
    "leiden": None,
    "kmeans": None,
    "ward": None,
}
"""What each kernel is held against."""

Work = Callable[[], Any]


@dataclass(frozen=True)
class Prepared:
    """Inputs drawn, ready to be run."""

    ours: Work
    reference: Callable[[], float | None]
    """Runs what it is held against and gives the seconds."""


def measure(task: Task) -> list[Cost]:
    """Run one kernel at all sizes in this process."""
    device = torch.device(task.device)
    found = []
    # The first call of many operations loads what the next ones use.
    KERNELS[task.kernel](task, SMALLEST, torch.Generator(device).manual_seed(task.seed)).ours()
    for n in task.sizes:
        generator = torch.Generator(device).manual_seed(task.seed)
        prepared = KERNELS[task.kernel](task, n, generator)
        before = _held(device)
        seconds, result = _time(prepared.ours, device)
        most = _held(device)
        compared, rounds = seconds, None
        if isinstance(result, TopCover):
            rounds = len(result.rounds)
            if AGAINST[task.kernel]:
                compared = float(result.rounds["seconds"].iloc[0])
        reference = prepared.reference()
        found.append(Cost(task.kernel, n, seconds, compared, reference, most, before, rounds))
        del prepared, result
    return found


def _moments(task: Task, n: int, generator: torch.Generator) -> Prepared:
    # A mean ten times the spread, taken in as a capture does it.
    chunks = [_normal(task.examples // 4, n, generator) + 10 for _ in range(4)]

    def ours() -> None:
        moments = Moments.empty(n, generator.device)
        for chunk in chunks:
            moments.add(chunk)

    def limit() -> None:
        total = torch.zeros(n, n, device=generator.device)
        for chunk in chunks:
            total.addmm_(chunk.T, chunk)

    return Prepared(ours, lambda: _time(limit, generator.device)[0])


def _oca(task: Task, n: int, generator: torch.Generator) -> Prepared:
    down = _normal(task.width, n, generator)
    moments = Moments.of(_normal(task.examples, n, generator))

    def limit() -> None:
        for rows, rest in upper(n, BLOCK):
            down[:, rows].T @ down[:, rest]

    return Prepared(lambda: oca(down, moments), lambda: _time(limit, generator.device)[0])


def _pas(task: Task, n: int, generator: torch.Generator) -> Prepared:
    down = _normal(task.width, n, generator)
    step = Factors(_normal(task.width, RANK, generator), _normal(RANK, n, generator))
    empty = down[:0].T
    weights = Projections(up=empty, down=down)
    block = MLPBlock(0, weights, weights, step, torch.nn.functional.silu, None, None)
    gain = torch.ones(task.width, device=generator.device)
    norm = Norm(kind="rms", gain=gain, bias=None, eps=1e-5)
    readout = Readout(_normal(1, task.width, generator), gain[:1], norm)
    y, base = _normal(task.examples, task.width, generator), _normal(task.examples, n, generator)
    tuned = base + 0.1 * _normal(task.examples, n, generator)

    def limit() -> None:
        # One Gram matrix, and the second moments of what was tuned, what was there and both; each half, as phi is
        # symmetric, but for the last.
        change = tuned - base
        for rows, rest in upper(n, BLOCK):
            down[:, rows].T @ down[:, rest]
            for one in (change, base):
                for other in (change, base):
                    one[:, rows].T @ other[:, rest]

    return Prepared(lambda: pas(block, readout, y, tuned, base), lambda: _time(limit, generator.device)[0])


def _exact(task: Task, n: int, generator: torch.Generator) -> Prepared:
    phi = drawn_valuation(n, generator)
    return Prepared(lambda: exact_top_cover(phi), lambda: None)


def _consensus(task: Task, n: int, generator: torch.Generator) -> Prepared:
    whole = exact_top_cover(drawn_valuation(n, generator)).partition.labels
    draw = np.random.default_rng(task.seed)
    held = []
    for _ in range(RESAMPLES):
        # Half of the neurons sit elsewhere, as they do in resamples of real examples.
        moved, labels = draw.permutation(n)[: n // 2], whole.copy()
        labels[moved] = draw.permutation(whole[moved])
        held.append(Partition.from_labels(labels))

    def valuations() -> float:
        return RESAMPLES * _time(_pas(task, n, generator).ours, generator.device)[0]

    return Prepared(lambda: consensus(held, resolution=4.0, device=generator.device), valuations)


def _pac(task: Task, n: int, generator: torch.Generator) -> Prepared:
    phi = drawn_valuation(n, generator)

    def plain() -> float:
        samples = max(80_000, 56 * n)
        some = torch.randperm(n, generator=generator, device=generator.device)[:PLAIN_PLAYERS].tolist()
        rows = {i: array("f", phi[i].tolist()) for i in some}
        draw = random.Random(task.seed)
        began = time.perf_counter()
        reservoir = [sorted(draw.sample(range(n), draw.randint(2, 10))) for _ in range(samples // 10)]
        drawn = time.perf_counter()
        held = by_player(reservoir)
        sorted_out = time.perf_counter()
        for i in some:
            choice_of(rows, i, held.get(i, []), 3, "mean")
        return 10 * (drawn - began) + (sorted_out - drawn) + (time.perf_counter() - sorted_out) * n / len(some)

    return Prepared(lambda: pac_top_cover(phi, seed=task.seed), plain)


def _certificate(task: Task, n: int, generator: torch.Generator) -> Prepared:
    phi = drawn_valuation(n, generator)
    held = random_partition(_sizes(n).numpy(), n, task.seed)
    return Prepared(lambda: certificate(phi, held, sampler="neighbourhood"), lambda: None)


def _leiden(task: Task, n: int, generator: torch.Generator) -> Prepared:
    phi = drawn_valuation(n, generator)
    return Prepared(lambda: leiden_partition(phi, seed=task.seed), lambda: None)


def _kmeans(task: Task, n: int, generator: torch.Generator) -> Prepared:
    rows = _normal(n, task.examples, generator).cpu().numpy()
    return Prepared(lambda: spherical_kmeans(rows, len(_sizes(n)), seed=task.seed), lambda: None)


def _ward(task: Task, n: int, generator: torch.Generator) -> Prepared:
    rows = _normal(n, task.examples, generator).cpu().numpy()
    return Prepared(lambda: ward(rows, len(_sizes(n))), lambda: None)


def _lineage(task: Task, n: int, generator: torch.Generator) -> Prepared:
    down = _normal(task.width, n, generator)
    up, gate = _normal(n, task.width, generator), _normal(n, task.width, generator)
    strength = _normal(1, n, generator)[0].abs()
    source, target = (random_partition(_sizes(n).numpy(), n, task.seed + one) for one in range(2))

    def ours() -> None:
        (flow,) = composite_flow(down, up, gate, strength, [source.labels])
        track(flow, source, target)

    def limit() -> None:
        for start in range(0, n, 512):
            down.T @ up[start : start + 512].T
            down.T @ gate[start : start + 512].T

    return Prepared(ours, lambda: _time(limit, generator.device)[0])


KERNELS: dict[str, Callable[[Task, int, torch.Generator], Prepared]] = {
    "moments": _moments,
    "oca": _oca,
    "pas": _pas,
    "exact": _exact,
    "consensus": _consensus,
    "pac": _pac,
    "lineage": _lineage,
    "certificate": _certificate,
    "leiden": _leiden,
    "kmeans": _kmeans,
    "ward": _ward,
}


def drawn_valuation(n: int, generator: torch.Generator) -> Tensor:
    """A symmetric valuation [n, n] with a zero diagonal: a few heavy-tailed directions and noise, as real ones are."""
    directions = _normal(n, 16, generator) / _normal(n, 1, generator).abs().clamp_min(0.1)
    phi = torch.empty(n, n, device=generator.device)
    for rows, rest in upper(n, BLOCK):
        torch.mm(directions[rows], directions[rest].T, out=phi[rows, rest])
        phi[rows, rest] += torch.randn(phi[rows, rest].shape, device=generator.device, generator=generator)
    return mirrored(phi).fill_diagonal_(0.0)


def _sizes(n: int) -> Tensor:
    """Of coalitions of about ``SIZE`` neurons."""
    groups = max(1, n // SIZE)
    sizes = torch.full((groups,), n // groups, dtype=torch.int64)
    sizes[: n % groups] += 1
    return sizes


def _normal(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    return torch.randn(rows, columns, device=generator.device, generator=generator)


def _time(work: Work, device: torch.device) -> tuple[float, Any]:
    took: list[float] = []
    result = None
    while len(took) < 3 and sum(took) + min(took, default=0) < LONG:
        result = None
        _settle(device)
        began = time.perf_counter()
        result = work()
        _settle(device)
        took.append(time.perf_counter() - began)
    return min(took), result


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _held(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak()


if __name__ == "__main__":
    answer(lambda question: {"costs": [asdict(one) for one in measure(Task(**json.loads(question)))]})
