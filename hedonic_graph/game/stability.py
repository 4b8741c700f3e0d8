"""A sampled certificate of core stability, for a partition from any method (DESIGN §3.5)."""

from dataclasses import dataclass

import torch
from scipy import stats

from hedonic_graph.errors import UserError
from hedonic_graph.game.checks import (
    check_at_least,
    check_between_0_and_1,
    check_choice,
    check_partition,
    check_phi,
    check_sizes,
)
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.random import random_partition
from hedonic_graph.game.sampling import SAMPLERS, Sampler, distribution
from hedonic_graph.game.utility import PAD, coalition_utilities, member_utilities

# Coalitions drawn and judged at a time.
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Stability:
    """How often a coalition drawn from ``sampler`` blocks a partition.

    ``blocking`` of ``samples`` coalitions did: the ``rate``. With probability 1 - ``delta`` the true rate is
    at most ``bound``, to be held against ``epsilon``. ``random_rate`` is the rate of the same coalitions
    against a random partition with the same coalition sizes, without which a small rate means nothing.
    """

    sampler: Sampler
    samples: int
    blocking: int
    rate: float
    bound: float
    epsilon: float
    delta: float
    random_rate: float


def certificate(
    phi: torch.Tensor,
    partition: Partition,
    *,
    k: int = 3,
    samples: int = 100_000,
    seed: int = 0,
    delta: float = 0.1,
    epsilon: float = 0.1,
    sampler: Sampler = "uniform",
    kmin: int = 2,
    kmax: int = 10,
) -> Stability:
    """Draw fresh coalitions from D over all players and count those that block the partition.

    A coalition blocks if every member is strictly better off in it, by utility ``sum`` in float32. ``phi`` is
    float32 [n, n] on any device. Raises UserError for a bad phi or parameter, a partition of another size, and
    for fewer than kmin neurons.
    """
    check_phi(phi)
    check_partition(partition, len(phi))
    check_sizes(kmin, kmax)
    check_at_least(1, k=k, samples=samples)
    check_at_least(0, seed=seed)
    check_between_0_and_1(delta=delta, epsilon=epsilon)
    check_choice(SAMPLERS, sampler=sampler)
    if len(phi) < kmin:
        raise UserError(f"no coalition of kmin = {kmin} can be drawn from {len(phi)} neurons")
    generator = torch.Generator(phi.device).manual_seed(seed)
    draw = distribution(sampler, phi, kmin, kmax, generator)
    everybody = torch.arange(len(phi), device=phi.device)
    random = random_partition(partition.sizes, partition.n, seed)
    current = [member_utilities(phi, held, k, "sum") for held in (partition, random)]
    counts = [0, 0]
    for start in range(0, samples, _BLOCK):
        coalitions = draw(everybody, min(_BLOCK, samples - start))
        offered = coalition_utilities(phi, coalitions, k, "sum").float()
        padding = coalitions == PAD
        for number, held in enumerate(current):
            better = (offered > held[coalitions]) | padding
            counts[number] += int(better.all(1).sum())
    blocking, random_blocking = counts
    return Stability(
        sampler=sampler,
        samples=samples,
        blocking=blocking,
        rate=blocking / samples,
        bound=upper_bound(blocking, samples, delta),
        epsilon=epsilon,
        delta=delta,
        random_rate=random_blocking / samples,
    )


def upper_bound(events: int, trials: int, delta: float) -> float:
    """Return the one-sided Clopper-Pearson upper bound of a rate at confidence 1 - delta."""
    if events == trials:
        return 1.0
    return float(stats.beta.ppf(1 - delta, events + 1, trials - events))
