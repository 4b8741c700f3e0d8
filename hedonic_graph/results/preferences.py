"""Each neuron's strongest partners, from the file of a valuation, of which a few rows at a time are held."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from hedonic_graph.game.neighbours import strongest
from hedonic_graph.valuation.storage import read_rows

ROWS = 256
"""Of a valuation, held at once."""


def preferences(path: Path, k: int) -> pd.DataFrame:
    """Return each neuron's min(k, n - 1) partners of largest phi, best first, ties by the smaller index as in the game.

    Columns ``neuron``, ``other``, ``rank`` (1 is the strongest) and ``phi``, by neuron and then rank.
    """
    values, others = [], []
    first, n = 0, 1
    while first < n:
        rows, n = read_rows(path, first, ROWS)
        itself = torch.arange(n) == torch.arange(first, first + len(rows))[:, None]
        other = strongest(rows, itself, min(k, n - 1))
        values.append(rows.gather(1, other).numpy())
        others.append(other.numpy())
        first += ROWS
    k = values[0].shape[1]
    return pd.DataFrame(
        {
            "neuron": np.repeat(np.arange(n), k),
            "other": np.concatenate(others).ravel(),
            "rank": np.tile(np.arange(1, k + 1), n),
            "phi": np.concatenate(values).ravel(),
        }
    )
