"""At which resolution two consensus partitions of one layer agree best, and are of use (DESIGN §3.5)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from hedonic_graph.game.agreement import adjusted_rand
from hedonic_graph.game.consensus import consensuses
from hedonic_graph.game.partition import Partition

RESOLUTIONS = (1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Those that are tried, beside the one asked for."""
LEAST_COALITIONS = 30
"""Of three or more neurons, that a partition of use has."""
LEAST_COVER = 0.8
"""Share of the layer that they hold."""
LARGEST = 0.25
"""Share of the layer that the largest coalition stays below."""

_SMALLEST = 3


def compare(
    one: Sequence[Partition],
    other: Sequence[Partition],
    resolutions: Sequence[float],
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> pd.DataFrame:
    """Return how far the consensus of ``one`` agrees with that of ``other`` at each of ``resolutions``, a row each.

    Columns ``resolution``, ``adjusted_rand``, ``coalitions`` (of three or more neurons), ``cover`` (share of the
    layer in those) and ``largest`` (share in the largest); of the two, the fewer coalitions, the smaller cover and
    the larger largest. Raises UserError as `consensus` does.
    """
    found = [consensuses(held, resolutions=resolutions, seed=seed, device=device) for held in (one, other)]
    rows = []
    for resolution, *pair in zip(resolutions, *found, strict=True):
        partitions = [read.partition for read in pair]
        sizes = [partition.sizes[partition.sizes >= _SMALLEST] for partition in partitions]
        rows.append(
            {
                "resolution": resolution,
                "adjusted_rand": adjusted_rand(*partitions),
                "coalitions": min(len(large) for large in sizes),
                "cover": min(float(large.sum()) for large in sizes) / one[0].n,
                "largest": max(int(partition.sizes[0]) for partition in partitions) / one[0].n,
            }
        )
    return pd.DataFrame(rows)


def pooled(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return one row for each resolution of `compare`'s rows, of all layers and halvings.

    The mean ``adjusted_rand``; the fewest ``coalitions``, the smallest ``cover`` and the largest ``largest``.
    """
    how = {"adjusted_rand": "mean", "coalitions": "min", "cover": "min", "largest": "max"}
    return pd.concat(tables).groupby("resolution", as_index=False).agg(how)


def chosen(table: pd.DataFrame) -> float | None:
    """Return the resolution of best agreement among those whose partitions are of use; None where none are.

    They are where at least 30 coalitions have three neurons or more, hold at least 80 % of the layer, and none
    holds a quarter of it. ``table`` is as `pooled` or `compare` gives it.
    """
    useful = table[
        (table["coalitions"] >= LEAST_COALITIONS) & (table["cover"] >= LEAST_COVER) & (table["largest"] < LARGEST)
    ]
    if not len(useful):
        return None
    return float(useful["resolution"].to_numpy()[np.argmax(useful["adjusted_rand"].to_numpy())])
