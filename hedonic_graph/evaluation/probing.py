"""Layer probing: how well a linear map reads a feature of the text off each layer's state (the paper's Figure 1)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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
    left_out = folds_of(queries, folds, seed)
    rows = []
    for state in states:
        predictions = np.empty_like(targets)
        for fold in range(folds):
            held = left_out == fold
            predictions[held] = ridge(state[~held], targets[~held], state[held]).predictions
        rows.append(r2(targets, predictions))
    return pd.DataFrame(rows, index=pd.Index(layers, name="layer"), columns=features.columns)


def folds_of(queries: Sequence[str], folds: int, seed: int) -> np.ndarray:
    """Return the fold of each example, int64 [B]: queries by chance, equally many in each fold.

    Raises UserError where there are fewer queries than folds.
    """
    distinct, query = np.unique(np.asarray(queries), return_inverse=True)
    if len(distinct) < folds:
        raise UserError(f"{folds} folds need as many queries; there are {len(distinct)}")
    return (np.random.default_rng(seed).permutation(len(distinct)) % folds)[query]


def best_layers(table: "pd.DataFrame") -> list[tuple[float | None, int | None]]:
    """Return the largest R^2 of each column of a table of :func:`probe`, and its layer; of equal ones the lowest.

    None and None for a feature that does not vary.
    """
    best: list[tuple[float | None, int | None]] = []
    for column in table.to_numpy(np.float64).T:
        place = None if np.isnan(column).all() else int(np.nanargmax(column))
        best.append((None, None) if place is None else (float(column[place]), int(table.index[place])))
    return best


def draw_probe(tables: "dict[str, pd.DataFrame]", families: "dict[str, str]", title: str = "") -> "Figure":
    """Draw R^2 by layer of tables of :func:`probe`, by name (base, tuned): a panel per family of features.

    A feature has the same colour in every table; the last table's lines are solid, the others' broken. A figure of
    matplotlib, which the extra ``plots`` installs; UserError without it.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D
        from matplotlib.ticker import MaxNLocator
    except ModuleNotFoundError as error:
        raise UserError('drawing needs matplotlib: pip install "hedonic-graph[plots]"') from error

    first = next(iter(tables.values()))
    styles: dict[str, Any] = dict(zip(reversed(tables), ("-", "--", ":", "-."), strict=False))
    panels = list(dict.fromkeys(families[name] for name in first.columns))
    wide = min(len(panels), 4)
    high = -(-len(panels) // wide)
    figure = Figure(figsize=(max(3.6 * wide, 5), 3.1 * high + 1), layout="constrained")
    axes = figure.subplots(high, wide, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, axis in zip(panels, axes, strict=False):
        names = [name for name in first.columns if families[name] == panel]
        heading, labels = _labels(panel, names)
        for number, (name, label) in enumerate(zip(names, labels, strict=True)):
            label = f"{label} (constant)" if first[name].isna().all() else label
            for model, table in tables.items():
                solid = styles[model] == "-"
                line = {"color": f"C{number}", "linestyle": styles[model], "gid": f"{name} ({model})"}
                axis.plot(table.index, table[name].clip(lower=0), marker=".", label=label if solid else "_", **line)
        axis.set_title(heading, fontsize="medium")
        axis.set_ylim(-0.02, 1.02)
        axis.grid(alpha=0.3)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.tick_params(labelbottom=True)
        axis.legend(fontsize="x-small", framealpha=0.6)
    for axis in axes[len(panels) :]:
        axis.remove()
    if len(tables) > 1:
        handles = [Line2D([], [], color="0.3", linestyle=styles[model], label=model) for model in tables]
        figure.legend(handles=handles, loc="outside upper right", ncols=len(tables))
    figure.suptitle(title, fontsize="medium")
    figure.supxlabel("layer")
    figure.supylabel("cross-validated R² (below 0 drawn as 0)")
    return figure


def _labels(panel: str, names: Sequence[str]) -> tuple[str, list[str]]:
    """Return a panel's heading and what its lines are called: "sum", "mean" under what they are all "of"."""
    parts = [name.partition(" of ") for name in names]
    if len(names) > 1 and len({what for _, _, what in parts}) == 1 and parts[0][1]:
        return parts[0][2], [how for how, _, _ in parts]
    return panel, list(names)
