"""Small games to test on."""

import torch

from hedonic_graph.game.partition import Partition

KINDS = ("normal", "asymmetric", "ties", "asymmetric ties", "positive", "negative", "zero", "rank one", "sparse")


def game(kind: str, n: int, seed: int) -> torch.Tensor:
    """Return phi, float32 [n, n]; "ties" are whole numbers between -2 and 2."""
    generator = torch.Generator().manual_seed(1000 * seed + n)
    values = torch.randn((n, n), generator=generator)
    if "ties" in kind:
        values = torch.randint(-2, 3, (n, n), generator=generator).float()
    if kind == "rank one":
        values = torch.outer(values[0], values[0])
    if kind == "zero":
        values = torch.zeros((n, n))
    if kind == "sparse":
        values = torch.where(torch.rand((n, n), generator=generator) < 0.7, 0.0, values)
    if kind == "positive":
        values = values.abs()
    if kind == "negative":
        values = -values.abs()
    if "asymmetric" not in kind:
        values = values.triu(1) + values.triu(1).T
    return values.fill_diagonal_(0.0)


def as_sets(partition: Partition) -> set[frozenset[int]]:
    return {frozenset(members.tolist()) for members in partition.coalitions()}


def as_lists(coalitions: torch.Tensor) -> list[list[int]]:
    return [[i for i in row if i >= 0] for row in coalitions.tolist()]
