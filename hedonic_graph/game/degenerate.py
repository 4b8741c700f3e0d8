"""Partitions that say little: most of the layer is in one coalition, alone, or in pairs one at a time (DESIGN §3.8)."""

from typing import TYPE_CHECKING

from hedonic_graph.game.partition import Partition

if TYPE_CHECKING:
    import pandas as pd

_MANY = 100
"""Rounds; a few pairs one at a time are how a small layer, or the rest of a large one, comes to its end."""
_THOUSANDS = 1000
"""Rounds; so many say that the game found nothing larger, in a layer of any size."""


def largest_share(partition: Partition) -> float:
    """Return the fraction of all neurons that the largest coalition holds."""
    return float(partition.sizes[0]) / partition.n


def degeneration_warning(partition: Partition, rounds: "pd.DataFrame | None" = None) -> str | None:
    """Return one line if the partition is degenerate, else None.

    It is if its largest coalition holds more than one half of the layer, if more than one half are singletons, or
    if more than one half of the layer left the game in ``rounds`` (:class:`hedonic_graph.game.rounds.TopCover`)
    that put out one pair and nothing else, 100 of them or more, or if there were 1,000 such rounds.
    """
    largest = int(partition.sizes[0])
    if largest == 1:
        return f"all {partition.n} neurons are singletons: no coalition was found"
    share = largest_share(partition)
    if share > 0.5:
        return f"the largest coalition holds {largest} of {partition.n} neurons ({share:.0%}), more than one half"
    if 2 * (alone := int((partition.sizes == 1).sum())) > partition.n:
        return f"{alone} of {partition.n} neurons are singletons ({alone / partition.n:.0%}), more than one half"
    if rounds is None:
        return None
    pairs = int(((rounds["emitted"] == 1) & (rounds["emitted_neurons"] == 2)).sum())
    if pairs >= _THOUSANDS or (pairs >= _MANY and 4 * pairs > partition.n):
        return (
            f"{pairs:,} of {len(rounds):,} rounds put out one pair and nothing else: {2 * pairs / partition.n:.0%} of "
            "the neurons are in pairs that were found one at a time"
        )
    return None
