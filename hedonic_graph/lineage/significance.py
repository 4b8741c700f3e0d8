"""How far the inflow of a target's members lies from that of random neurons (DESIGN §3.6).

One population throughout: sources are the coalitions kept, target neurons are all n' of the next layer,
those of left-out coalitions included, because a random draw of neurons may hit any of them.
"""

import torch

from hedonic_graph.lineage.membership import Membership

# G has mean 1; a spread below a few float32 roundings is no spread.
_NO_SPREAD = 1e-6


def standardise(inflow: torch.Tensor) -> torch.Tensor:
    """Turn flows, target neurons first [n', S], into deviations of G in units of its standard deviation.

    G is F divided by each neuron's mean over sources, then by each source's mean over neurons, so neither
    a neuron that everybody feeds nor a source that feeds everybody stands out. A neuron nobody feeds says
    nothing about any source and is put at each source's mean. A source whose G does not vary over neurons
    (or is all zero) has no z: its column is NaN.
    """
    level = inflow.mean(1, keepdim=True)
    live = level > 0
    g = inflow / torch.where(live, level, 1.0)
    mean = g.sum(0) / live.sum()
    g /= torch.where(mean > 0, mean, 1.0)
    g = torch.where(live, g, 1.0)
    g -= g.mean(0)
    deviation = g.square().mean(0).sqrt()
    varies = (mean > 0) & (deviation > _NO_SPREAD)
    g /= torch.where(varies, deviation, torch.nan)
    return g


def z_scores(standard: torch.Tensor, target: Membership) -> torch.Tensor:
    """z [S, T] from ``standardise``'s [n', S]; NaN where it is undefined.

    With s = |C'| and the source's mean and population variance over the n' neurons,
    z = (sum over q in C' of G - s mean) / sqrt(s var (1 - (s - 1)/(n' - 1))): the sum over s neurons drawn
    without replacement has exactly this mean and variance. NaN where s = n' and where the source has no spread.
    """
    n, s = target.n, target.sizes
    variance = s * (n - s) / (n - 1)
    return (target.sums(standard) / torch.where(variance > 0, variance, torch.nan).sqrt()[:, None]).T
