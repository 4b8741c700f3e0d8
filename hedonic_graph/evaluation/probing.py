"""Layer probing: how well a linear map reads a feature of the text off each layer's state (the paper's Figure 1)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.ridge import r2, ridge

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def probe(
    states: np.ndarray,
    layers: Sequence[int],
    features: "pd.DataFrame",
    queries: Sequence[str],
    *,
    folds: int = 5,
    seed: int = 0,
) -> "pd.DataFrame":
    """Return cross-validated R^2 of each feature by layer: a row per layer, a column per feature.

    ``states`` [layers, B, d] is the residual stream at the scored position, ``features`` [B, F]. The examples of a
    query are left out together, so a feature that all of them share cannot be read off the others; R^2 is over all
    examples, each foretold by ridge on the other folds, the penalty chosen inside these. NaN for a feature
    that does not vary. Raises UserError where the arrays do not fit, a value is not finite, or there are
    fewer queries than folds.
    """
    import pandas as pd

    if states.shape[:2] != (len(layers), len(features)) or len(queries) != len(features):
        raise UserError(
            f"states of {states.shape[0]} layers and {states.shape[1]} examples do not fit {len(layers)} layers, "
            f"{len(features)} rows of features and {len(queries)} queries"
        )
    targets = features.to_numpy(np.float64)
    if not (np.isfinite(states).all() and np.isfinite(targets).all()):
        raise UserError("the states or the features hold values that are not finite (NaN or infinite)")
    left_out = _folds(queries, folds, seed)
    rows = []
    for state in states:
        predictions = np.empty_like(targets)
        for fold in range(folds):
            held = left_out == fold
            predictions[held] = ridge(state[~held], targets[~held], state[held]).predictions
        rows.append(r2(targets, predictions))
    return pd.DataFrame(rows, index=pd.Index(layers, name="layer"), columns=features.columns)


def draw_probe(tables: "dict[str, pd.DataFrame]", families: "dict[str, str]") -> "Figure":
    """Draw R^2 by layer of tables of :func:`probe`, by name (base, tuned): a panel per family of features.

    A feature has the same colour in every table; the first table's lines are solid, the next ones' broken. A figure of
    matplotlib, which the extra ``plots`` installs; UserError without it.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise UserError('drawing needs matplotlib: pip install "hedonic-graph[plots]"') from error

    first = next(iter(tables.values()))
    panels = list(dict.fromkeys(families[name] for name in first.columns))
    wide = min(len(panels), 3)
    high = -(-len(panels) // wide)
    figure = Figure(figsize=(4.5 * wide, 3.2 * high), layout="constrained")
    axes = figure.subplots(high, wide, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, axis in zip(panels, axes, strict=False):
        for number, name in enumerate(one for one in first.columns if families[one] == panel):
            for style, (model, table) in zip(("-", "--", ":", "-."), tables.items(), strict=False):
                label = f"{name} ({model})" if len(tables) > 1 else name
                axis.plot(table.index, table[name].clip(lower=0), style, color=f"C{number}", marker=".", label=label)
        axis.set(title=panel, ylim=(-0.02, 1.02))
        axis.legend(fontsize="xx-small")
    for axis in axes[len(panels) :]:
        axis.remove()
    figure.supxlabel("layer")
    figure.supylabel("cross-validated R² (below 0 drawn as 0)")
    return figure


def _folds(queries: Sequence[str], folds: int, seed: int) -> np.ndarray:
    """Return the fold of each example, int64 [B]: queries by chance, equally many in each fold."""
    distinct, query = np.unique(np.asarray(queries), return_inverse=True)
    if len(distinct) < folds:
        raise UserError(f"{folds} folds need as many queries; there are {len(distinct)}")
    return (np.random.default_rng(seed).permutation(len(distinct)) % folds)[query]
