"""Communities of a graph by Leiden, and the graph of each neuron's strongest links (DESIGN §3.5)."""

import random

import numpy as np
import torch
from scipy.sparse import csr_array, triu

from hedonic_graph.errors import UserError
from hedonic_graph.game.checks import check_at_least, check_phi
from hedonic_graph.game.neighbours import BestPartners
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.utility import PAD

LINKS = 10
"""Links that each neuron keeps: its partners of largest positive phi."""


def leiden_partition(phi: torch.Tensor, *, resolution: float = 1.0, seed: int = 0) -> Partition:
    """Partition a layer by Leiden on each neuron's `LINKS` strongest positive phi, what one would try first.

    ``phi`` is float32 [n, n] on any device, its diagonal unused. A neuron nobody has a link with is a singleton.
    Raises UserError for a bad phi, resolution or seed.
    """
    return leiden(strongest_links(phi), resolution=resolution, seed=seed)


def leiden(graph: csr_array, *, resolution: float, seed: int, iterations: int = -1) -> Partition:
    """Partition the nodes of an undirected graph by Leiden, until it finds no better modularity or so many times.

    ``graph`` holds weights >= 0, symmetric [n, n]; its diagonal is unused. The scale of the weights makes no
    difference, the order of the nodes may: Leiden draws.
    Raises UserError for a bad resolution or seed.
    """
    import igraph

    check_at_least(0, seed=seed)
    if not 0 < resolution < np.inf:
        raise UserError(f"resolution must be above 0, not {resolution}")
    edges = triu(graph, k=1).tocoo()
    if not edges.data.any():  # modularity is undefined without edges
        return Partition.from_labels(np.arange(graph.shape[0]))
    # Where Leiden merges at random it holds gains, in the weights' own units, against a fixed temperature.
    weights = edges.data / edges.data.mean()
    built = igraph.Graph(graph.shape[0], np.stack([edges.row, edges.col], 1))
    igraph.set_random_number_generator(random.Random(seed))
    try:
        found = built.community_leiden(
            "modularity", weights=weights, resolution=resolution, n_iterations=iterations
        ).membership
    finally:
        igraph.set_random_number_generator(random)
    return Partition.from_labels(np.array(found))


def strongest_links(phi: torch.Tensor, links: int = LINKS) -> csr_array:
    """Return the graph in which each neuron is joined to its ``links`` partners of largest positive phi.

    float32, symmetric [n, n]: two neurons are joined where either chose the other, with the larger phi of both
    directions where both did. Equal phi go to the smaller index. ``phi`` is float32 [n, n] on any device.
    """
    check_phi(phi)
    everybody = torch.arange(len(phi), device=phi.device)
    alive = torch.ones(len(phi), dtype=torch.bool, device=phi.device)
    chosen = BestPartners(phi, length=links, positive=True).best(everybody, alive, links)
    row, slot = (chosen != PAD).nonzero(as_tuple=True)
    column = chosen[row, slot]
    places = (row.cpu().numpy(), column.cpu().numpy())
    directed = csr_array((phi[row, column].cpu().numpy(), places), shape=(len(phi), len(phi)))
    return directed.maximum(directed.T).tocsr()
