"""Planted coalitions: groups of neurons whose deltas share a direction are found by the game, not by clustering."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from hedonic_graph.evaluation.chance import random_pairs
from hedonic_graph.evaluation.synergy import synergy_of
from hedonic_graph.game.clustering import spherical_kmeans
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.top_cover import exact_top_cover
from hedonic_graph.models.mlp import Factors, MLPBlock, Projections
from hedonic_graph.models.norm import Norm
from hedonic_graph.models.readout import Readout
from hedonic_graph.valuation.exact import synergy
from hedonic_graph.valuation.pas import pas

N, D, B, GROUPS, SIZE = 80, 40, 60, 6, 4
QUERIES = [str(example // 4) for example in range(B)]


class Layer(NamedTuple):
    seen: tuple[MLPBlock, Readout, Tensor, Tensor, Tensor]
    groups: list[np.ndarray]
    phi: Tensor


@pytest.fixture(scope="module")
def layer() -> Layer:
    """Activations are drawn without regard to the groups; only the tuned down projection knows of them."""
    torch.manual_seed(2)
    places = torch.randperm(N)[: GROUPS * SIZE].view(GROUPS, SIZE)
    weight = torch.randn(D)
    # Directions that are at right angles to each other and to the readout.
    directions = torch.linalg.qr(torch.cat([weight[:, None], torch.randn(D, GROUPS)], 1)).Q[:, 1:]
    base = torch.randn(D, N) / D**0.5
    step = 0.02 * torch.randn(D, N)
    for direction, group in zip(directions.T, places, strict=True):
        step[:, group] += 0.6 * direction[:, None]
    activations = torch.rand(B, N) + 0.5
    # A stream whose logit is negative: deltas along one direction then add to each other's effect (DESIGN §3.3).
    y = 2 * torch.randn(B, D) - weight
    tuned, before = (Projections(torch.zeros(N, D), down) for down in (base + step, base))
    block = MLPBlock(0, tuned, before, Factors(step), torch.nn.functional.silu, None, None)
    readout = Readout(weight[None], torch.zeros(1), Norm("rms", torch.ones(D), None, 1e-6))
    seen = (block, readout, y, activations, activations)
    return Layer(seen, [np.sort(group.numpy()) for group in places], pas(*seen))


def test_planted_pairs_stand_out_when_ablated_by_brute_force(layer: Layer) -> None:
    pairs = torch.tensor(list(combinations(range(N), 2)))
    found = synergy(*layer.seen, pairs).numpy()
    label = np.full(N, -1)
    for number, group in enumerate(layer.groups):
        label[group] = number
    planted = (label[pairs[:, 0]] == label[pairs[:, 1]]) & (label[pairs[:, 0]] >= 0)
    assert planted.sum() == GROUPS * SIZE * (SIZE - 1) // 2
    assert found[planted].min() > 1.5 * found[~planted].max()


def planted_agreement(layer: Layer, partition: Partition) -> float:
    """The adjusted Rand index over planted neurons."""
    members = np.concatenate(layer.groups)
    return float(adjusted_rand_score(np.repeat(np.arange(GROUPS), SIZE), partition.labels[members]))


def test_the_game_finds_them_and_clustering_does_not(layer: Layer) -> None:
    found = exact_top_cover(layer.phi).partition
    sets = {tuple(coalition) for coalition in found.coalitions()}
    assert {tuple(group) for group in layer.groups} <= sets
    assert planted_agreement(layer, found) == 1
    clusters = spherical_kmeans(layer.seen[3].T.numpy(), len(found), seed=0)
    assert abs(planted_agreement(layer, clusters)) < 0.2


def test_they_have_the_highest_pair_and_lie_farthest_above_chance(layer: Layer) -> None:
    coalitions = [one for one in exact_top_cover(layer.phi).partition.coalitions() if len(one) > 1]
    sizes = np.array([len(one) for one in coalitions])
    rows = synergy_of(*layer.seen, coalitions, queries=QUERIES)
    rows = rows.join(random_pairs(layer.phi, sizes, groups=500, seed=1).beside(sizes, rows["pair"].to_numpy()))
    hidden = {tuple(group) for group in layer.groups}
    planted = np.array([tuple(one) in hidden for one in coalitions])
    assert planted.sum() == GROUPS
    assert (~planted).any()
    for figure in ("pair", "z"):
        assert rows[figure][planted].min() > rows[figure][~planted].max()
    assert (rows["p"][planted] == 1 / 501).all()
    # The second order says nearly the same.
    assert rows["second_pair"].corr(rows["pair"]) > 0.99
