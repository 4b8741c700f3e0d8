"""The game at size: its solvers, the certificate of a partition, and what they are compared with."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from hedonic_graph.bench.draws import even_sizes, normal, valuation
from hedonic_graph.bench.kernel import Figure, Kernel, Prepared, Task, held_against, settle
from hedonic_graph.bench.plain_round import plain_round
from hedonic_graph.bench.valuations import synergy
from hedonic_graph.game.clustering import spherical_kmeans, ward
from hedonic_graph.game.communities import leiden_partition
from hedonic_graph.game.consensus import consensus
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.random import random_partition
from hedonic_graph.game.sampling import Sampler
from hedonic_graph.game.stability import certificate
from hedonic_graph.game.top_cover import TopCover, exact_top_cover, pac_top_cover
from hedonic_graph.models.examples import bootstrap
from hedonic_graph.valuation.pas import pas

RESAMPLES = 20
"""Partitions that a consensus is read from; their valuations are what it is held against."""


def _exact(task: Task, n: int, generator: torch.Generator) -> Prepared:
    phi = valuation(n, generator)
    return Prepared(lambda: exact_top_cover(phi), figure=lambda solved: Figure(rounds=len(solved.rounds)))


def _consensus(task: Task, n: int, generator: torch.Generator) -> Prepared:
    device = generator.device
    given = synergy(task, n, generator)
    times = torch.from_numpy(bootstrap(task.examples, task.seed, 0)).to(device)
    held = resampled(exact_top_cover(valuation(n, generator)).partition, task.seed)

    def ours() -> tuple[float, float]:
        began = time.perf_counter()
        exact_top_cover(pas(*given, times))
        settle(device)
        resampled = time.perf_counter()
        consensus(held, resolution=4.0, device=device)
        settle(device)
        return resampled - began, time.perf_counter() - resampled

    def figure(took: tuple[float, float]) -> Figure:
        resample, reading = took
        return Figure(
            seconds=RESAMPLES * resample + reading,
            note=f"{RESAMPLES} x {resample:.2f} s, one resample's, and {reading:.2f} s to read them",
        )

    return Prepared(ours, held_against(lambda: pas(*given), device, RESAMPLES), figure)


def resampled(whole: Partition, seed: int) -> list[Partition]:
    """Partitions of resamples: in each, half of the neurons sit elsewhere, as with real examples."""
    draw = np.random.default_rng(seed)
    held = []
    for _ in range(RESAMPLES):
        moved, labels = draw.permutation(whole.n)[: whole.n // 2], whole.labels.copy()
        labels[moved] = draw.permutation(whole.labels[moved])
        held.append(Partition.from_labels(labels))
    return held


def _pac(task: Task, n: int, generator: torch.Generator) -> Prepared:
    phi = valuation(n, generator)

    def figure(solved: TopCover) -> Figure:
        first = float(solved.rounds["seconds"].iloc[0])
        return Figure(compared=first, rounds=len(solved.rounds), note=f"first round {first:.2f} s")

    return Prepared(lambda: pac_top_cover(phi, seed=task.seed), lambda: plain_round(phi, task.seed), figure)


def _neighbourhood(task: Task, n: int, generator: torch.Generator) -> Prepared:
    phi = valuation(n, generator)
    sampler: Sampler = "neighbourhood"
    return Prepared(
        lambda: pac_top_cover(phi, seed=task.seed, sampler=sampler, utility="sum"),
        figure=lambda solved: Figure(rounds=len(solved.rounds)),
    )


def _certificate(task: Task, n: int, generator: torch.Generator) -> Prepared:
    phi = valuation(n, generator)
    held = random_partition(even_sizes(n).numpy(), n, task.seed)
    return Prepared(lambda: certificate(phi, held, sampler="neighbourhood"))


def _leiden(task: Task, n: int, generator: torch.Generator) -> Prepared:
    phi = valuation(n, generator)
    return Prepared(lambda: leiden_partition(phi, seed=task.seed))


def _clusters(solve: Callable[[np.ndarray, int], Any]) -> Callable[[Task, int, torch.Generator], Prepared]:
    def prepare(task: Task, n: int, generator: torch.Generator) -> Prepared:
        rows = normal(n, task.examples, generator).cpu().numpy()
        return Prepared(lambda: solve(rows, len(even_sizes(n))))

    return prepare


GAMES = {
    "exact": Kernel(_exact),
    "consensus": Kernel(_consensus, f"{RESAMPLES} PAS", everywhere=False),
    "pac": Kernel(_pac, "plain Python"),
    "neighbourhood": Kernel(_neighbourhood, everywhere=False),
    "certificate": Kernel(_certificate, everywhere=False),
    "leiden": Kernel(_leiden, everywhere=False),
    "kmeans": Kernel(_clusters(spherical_kmeans), everywhere=False),
    "ward": Kernel(_clusters(ward), everywhere=False),
}
