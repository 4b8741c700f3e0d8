"""PAC-Top-Cover and exact Top-Cover (DESIGN §3.5; Algorithm 1 of the paper).

Both run in rounds: every player left names its choice set, and sink strongly connected components of the
choices leave as coalitions. They differ in what a player knows: sampled coalitions, or all of phi.
"""

from typing import Literal

import numpy as np
import torch

from hedonic_graph.game.checks import check_at_least, check_choice, check_phi, check_sizes
from hedonic_graph.game.favourites import favourites
from hedonic_graph.game.neighbours import BestPartners
from hedonic_graph.game.reservoir import RETAINS, Refill, Reservoir, Retain, refiller
from hedonic_graph.game.rounds import Residual, TopCover
from hedonic_graph.game.sampling import SAMPLERS, Sampler, distribution
from hedonic_graph.game.sinks import components
from hedonic_graph.game.utility import PAD, UTILITIES, Utility, choice_sets
from hedonic_graph.progress import Progress

__all__ = ["EMITS", "Emit", "TopCover", "exact_top_cover", "pac_rounds", "pac_top_cover"]

Emit = Literal["all", "one"]
EMITS = ("all", "one")


def pac_top_cover(
    phi: torch.Tensor,
    *,
    k: int = 3,
    kmin: int = 2,
    kmax: int = 10,
    samples: int | None = None,
    window: int | None = None,
    seed: int = 0,
    utility: Utility = "mean",
    emit: Emit = "all",
    retain: Retain = "order",
    sampler: Sampler = "uniform",
    progress: Progress | None = None,
) -> TopCover:
    """Partition a layer by PAC-Top-Cover, Algorithm 1 of the paper.

    ``phi`` is float32 [n, n] on any device, its diagonal unused. ``samples`` is the paper's m, by default
    max(80_000, 56 n), ``window`` its omega, by default m // 10; coalitions have kmin to kmax members. ``emit``
    says whether a round puts out every valid sink component or only the smallest; ``retain`` is described at
    `reservoir.refiller`, ``sampler`` at `sampling`. One seed gives one result on one kind of device.
    ``progress`` advances by the neurons placed, n in all, and is left open. Raises UserError for a bad phi or
    parameter.
    """
    check_phi(phi)
    samples = max(80_000, 56 * len(phi)) if samples is None else samples
    window = max(1, samples // 10) if window is None else window
    check_sizes(kmin, kmax)
    check_at_least(1, k=k, samples=samples, window=window)
    check_at_least(0, seed=seed)
    check_choice(UTILITIES, utility=utility)
    check_choice(EMITS, emit=emit)
    check_choice(RETAINS, retain=retain)
    check_choice(SAMPLERS, sampler=sampler)
    generator = torch.Generator(phi.device).manual_seed(seed)
    draw = distribution(sampler, phi, kmin, kmax, generator)
    refill = refiller(draw, retain, samples, phi, k, utility, generator)
    return pac_rounds(phi, refill, k=k, kmin=kmin, window=window, utility=utility, emit=emit, progress=progress)


def pac_rounds(
    phi: torch.Tensor,
    refill: Refill,
    *,
    k: int,
    kmin: int,
    window: int,
    utility: Utility,
    emit: Emit,
    progress: Progress | None = None,
) -> TopCover:
    """Run Algorithm 1 on the coalitions that ``refill`` samples; parameters as in `pac_top_cover`, unchecked."""
    residual = Residual(len(phi), phi.device, progress)
    reservoir = Reservoir(refill)
    sampled = reservoir.add(residual.players) if len(residual) >= kmin else 0
    while len(residual) >= kmin:
        coalitions = reservoir.take(window, residual.alive)
        if len(coalitions) < window:
            # For the next round, and of the players left before this one: lines 5-7 come before line 21.
            sampled += reservoir.add(residual.players)
        favourite = favourites(phi, coalitions, k, utility)
        # A player that is in no coalition chooses nobody: the self-loop of line 10 leads to no other player.
        choice = torch.full((len(phi), k), PAD, dtype=torch.int64, device=phi.device)
        covered = (favourite >= 0).nonzero().view(-1)
        choice[covered] = choice_sets(phi, covered, coalitions[favourite[covered]], k, utility)
        found = components(choice, residual.players)
        leaves = found.is_sink
        if emit == "one":
            leaves = np.arange(len(leaves)) == found.smallest_sink()
        unsampled = len(residual) - len(covered)
        residual.put_out(found.label, leaves, taken=len(coalitions), sampled=sampled, unsampled=unsampled)
        sampled = 0
    if len(residual):  # too few for any coalition: singletons
        everybody = np.arange(len(residual))
        residual.put_out(everybody, everybody >= 0, unsampled=len(everybody))
    return residual.result()


def exact_top_cover(phi: torch.Tensor, *, k: int = 3, progress: Progress | None = None) -> TopCover:
    """Partition a layer by Top-Cover with every player's true choice set among the players left.

    Utility ``sum``: a player chooses its at most k best partners of positive phi (float32 [n, n], ties to the
    smaller index), and none if there are none. No coalition blocks the result: of any set of neurons, those
    that left first had the best the players then left could give (DESIGN §3.5). ``progress`` advances by the
    neurons placed, n in all, and is left open. Raises UserError for a bad phi or k.
    """
    check_phi(phi)
    check_at_least(1, k=k)
    residual = Residual(len(phi), phi.device, progress)
    partners = BestPartners(phi, length=max(128, 4 * k), positive=True)
    choice = partners.best(residual.players, residual.alive, k)
    while len(residual):
        found = components(choice, residual.players)
        residual.put_out(found.label, found.is_sink)
        chosen = choice[residual.players]
        lost = residual.players[((chosen != PAD) & ~residual.alive[chosen]).any(1)]
        choice[lost] = partners.best(lost, residual.alive, k)
    return residual.result()
