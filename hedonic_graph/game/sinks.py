"""Sink strongly connected components of a round's choices (Algorithm 1, lines 17-19, of the paper)."""

from dataclasses import dataclass

import igraph
import numpy as np
import torch

from hedonic_graph.game.utility import PAD


@dataclass(frozen=True, eq=False)
class Components:
    """Strongly connected components of the players left.

    ``label`` is int64 [r], each player's component; ``is_sink`` bool [number of components]. No edge leaves a
    sink, so it holds the choice set of each of its members: every sink is valid in the sense of line 19.
    """

    label: np.ndarray
    is_sink: np.ndarray

    def smallest_sink(self) -> int:
        """Return the sink with the fewest members, among equals the lexicographically first (line 20)."""
        _, first, sizes = np.unique(self.label, return_index=True, return_counts=True)
        sinks = np.flatnonzero(self.is_sink)
        # Sinks are disjoint: their smallest members alone decide the lexicographic order.
        return int(sinks[np.lexsort((first[sinks], sizes[sinks]))[0]])


def components(choice: torch.Tensor, players: torch.Tensor) -> Components:
    """Find the components of the digraph i -> j for j in i's choice set.

    ``choice`` is int64 [n, k], padded with -1; ``players`` int64 [r], ascending, the players left, whose
    choices lie among them. A player without a choice is a sink of its own, as one with a self-loop would be.
    """
    chosen = choice[players].cpu().numpy()
    position = np.empty(len(choice), dtype=np.int64)
    position[players.cpu().numpy()] = np.arange(len(players))
    source, rank = np.nonzero(chosen != PAD)
    target = position[chosen[source, rank]]
    # Pairs of Python integers: igraph reads them four times as fast as an array.
    graph = igraph.Graph(n=len(players), edges=zip(source.tolist(), target.tolist(), strict=True), directed=True)
    label = np.asarray(graph.connected_components(mode="strong").membership)
    is_sink = np.ones(int(label.max()) + 1, dtype=bool)
    is_sink[label[source][label[source] != label[target]]] = False
    return Components(label, is_sink)
