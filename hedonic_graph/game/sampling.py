"""Distributions D that coalitions are drawn from (DESIGN §3.5; footnote 3 of the paper allows any D).

Both draw the size uniformly from [kmin, min(kmax, players left)]. ``"uniform"`` then takes a uniform subset of
that size; ``"neighbourhood"`` a uniform player with partners drawn uniformly, without replacement, from its
L = 16 best among the players left (sizes end at L + 1). Coalitions come as `utility` describes them: int32,
ascending, padded with -1.
"""

from collections.abc import Callable
from typing import Literal

import torch

from hedonic_graph.errors import UserError
from hedonic_graph.game.neighbours import BestPartners
from hedonic_graph.game.utility import PAD

Sampler = Literal["uniform", "neighbourhood"]
SAMPLERS = ("uniform", "neighbourhood")
NEIGHBOURS = 16

_NOBODY = torch.iinfo(torch.int32).max
# Coalitions drawn at a time; small for the reason given in `utility`.
_BLOCK = 1 << 14

Draw = Callable[[torch.Tensor, int], torch.Tensor]
"""Takes the players left (int64 [r], ascending) and a number of coalitions; returns int32 [count, width]."""


def distribution(name: Sampler, phi: torch.Tensor, kmin: int, kmax: int, generator: torch.Generator) -> Draw:
    """Return the distribution ``name`` over the players of ``phi`` [n, n].

    The generator must live on phi's device; its state alone decides what is drawn. Players that are left out
    of one call must not return in a later one. Calls need at least ``kmin`` players. Raises UserError where the
    neighbourhood is too small for ``kmin``.
    """
    if name == "uniform":
        return lambda players, count: uniform(players, count, kmin, kmax, generator)
    if kmin > NEIGHBOURS + 1:
        raise UserError(f"the neighbourhood sampler has no coalitions above {NEIGHBOURS + 1}; lower kmin ({kmin})")
    partners = BestPartners(phi)

    def draw(players: torch.Tensor, count: int) -> torch.Tensor:
        alive = torch.zeros(len(phi), dtype=torch.bool, device=phi.device)
        alive[players] = True
        nearest = partners.best(players, alive, min(NEIGHBOURS, len(players) - 1))
        return neighbourhood(players, nearest, count, kmin, kmax, generator)

    return draw


def uniform(players: torch.Tensor, count: int, kmin: int, kmax: int, generator: torch.Generator) -> torch.Tensor:
    """Draw ``count`` coalitions of ``players`` (int64 [r], ascending): int32 [count, min(kmax, r)]."""
    population = len(players)
    width = min(kmax, population)
    table = torch.nn.functional.pad(players.int(), (0, 1), value=_NOBODY)

    def block(rows: int) -> torch.Tensor:
        sizes = _integers(width - kmin + 1, rows, generator) + kmin
        return _ascending(_looked_up(table, _subsets(population, sizes, width, generator)))

    return _in_blocks(block, count)


def neighbourhood(
    players: torch.Tensor,
    nearest: torch.Tensor,
    count: int,
    kmin: int,
    kmax: int,
    generator: torch.Generator,
) -> torch.Tensor:
    """Draw ``count`` coalitions, each a player and some of its ``nearest``: int32 [count, min(kmax, L + 1)].

    ``players`` is int64 [r], ascending, ``nearest`` int64 [r, L], row i for player i; kmin <= L + 1.
    """
    neighbours = nearest.shape[1]
    width = min(kmax, neighbours + 1)
    table = torch.nn.functional.pad(nearest.int(), (0, 1), value=_NOBODY)

    def block(rows: int) -> torch.Tensor:
        sizes = _integers(width - kmin + 1, rows, generator) + kmin
        centre = _integers(len(players), rows, generator)
        chosen = _subsets(neighbours, sizes - 1, width - 1, generator)
        partners = _looked_up(table.view(-1), chosen + centre * table.shape[1])
        return _ascending(torch.cat([players[centre].int()[None], partners]))

    return _in_blocks(block, count)


def _subsets(population: int, sizes: torch.Tensor, width: int, generator: torch.Generator) -> torch.Tensor:
    """Return uniform subsets of 0..population-1 of the given ``sizes`` [m]: int32 [width, m], a column a subset.

    Unsorted; unused slots hold ``population``. Floyd's algorithm, one slot of all subsets at a time: step t of
    a subset of size s draws from 0..p-s+t and takes p-s+t itself where the draw is already in the subset.
    """
    result = torch.full((width, len(sizes)), population, dtype=torch.int32, device=sizes.device)
    for step in range(width):
        last = population - sizes + step
        drawn = _integers(last + 1, len(sizes), generator)
        # Everything drawn before is smaller than `last`.
        repeated = (result[:step] == drawn).any(0)
        drawn = torch.where(repeated, last, drawn)
        result[step] = torch.where(step < sizes, drawn, population)
    return result


def _looked_up(table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return ``table[places]``; see `utility.entries`."""
    return table.index_select(0, places.reshape(-1)).view(places.shape)


def _ascending(members: torch.Tensor) -> torch.Tensor:
    """Sort each column of ``members`` [width, m] and return them as rows; `_NOBODY`, which sorts last, is padding.

    Neighbours change places until none has to: a tenth of the time of a sort for each few members.
    """
    slots = list(members.unbind(0))
    for start in range(len(slots)):
        for left in range(start % 2, len(slots) - 1, 2):
            one, other = slots[left], slots[left + 1]
            slots[left], slots[left + 1] = torch.minimum(one, other), torch.maximum(one, other)
    ordered = torch.stack(slots, dim=1)
    return ordered.masked_fill_(ordered == _NOBODY, PAD)


def _in_blocks(block: Callable[[int], torch.Tensor], count: int) -> torch.Tensor:
    """Join ``count`` rows from calls of ``block``."""
    return torch.cat([block(min(_BLOCK, count - start)) for start in range(0, count, _BLOCK)])


def _integers(bound: int | torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    """Draw ``count`` integers below ``bound`` (one, or one each), int32; uniform to within 2^-53 * bound."""
    drawn = torch.rand(count, dtype=torch.float64, device=generator.device, generator=generator)
    return (drawn * bound).int()
