"""Partitions that say little: one coalition holds most of the layer, or nobody has a partner (DESIGN §3.8)."""

from hedonic_graph.game.partition import Partition


def largest_share(partition: Partition) -> float:
    """Return the fraction of all neurons that the largest coalition holds."""
    return float(partition.sizes[0]) / partition.n


def degeneration_warning(partition: Partition) -> str | None:
    """Return one line if the partition is degenerate, else None.

    It is if its largest coalition holds more than one half of the layer, or if all its coalitions are
    singletons.
    """
    largest = int(partition.sizes[0])
    if largest == 1:
        return f"all {partition.n} neurons are singletons: no coalition was found"
    share = largest_share(partition)
    if share > 0.5:
        return f"the largest coalition holds {largest} of {partition.n} neurons ({share:.0%}), more than one half"
    return None
