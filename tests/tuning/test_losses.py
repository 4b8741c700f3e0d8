"""Losses against computations by hand."""

from math import exp, log

import pytest
import torch

from hedonic_graph.tuning.losses import listwise, loss_of, pairwise, squared

SCORES = torch.tensor([[2.0, 0.5, -1.0], [0.0, 1.0, 3.0]], dtype=torch.float64)
LABELS = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], dtype=torch.float64)


def test_listwise_is_the_cross_entropy_of_the_positive() -> None:
    expected = [
        -log(exp(2.0) / (exp(2.0) + exp(0.5) + exp(-1.0))),
        -log(exp(1.0) / (exp(0.0) + exp(1.0) + exp(3.0))),
    ]
    assert listwise(SCORES, LABELS).tolist() == pytest.approx(expected)


def test_pairwise_is_the_mean_logistic_loss_of_the_pairs() -> None:
    expected = [
        (log(1 + exp(0.5 - 2.0)) + log(1 + exp(-1.0 - 2.0))) / 2,
        (log(1 + exp(0.0 - 1.0)) + log(1 + exp(3.0 - 1.0))) / 2,
    ]
    assert pairwise(SCORES, LABELS).tolist() == pytest.approx(expected)


def test_squared_error() -> None:
    assert squared(torch.tensor([[0.5], [2.0]]), torch.tensor([[0.0], [1.0]])).tolist() == pytest.approx([0.25, 1.0])


def test_the_task_says_which() -> None:
    assert [loss_of(*one) for one in (("cqtr", "pairwise"), ("rm", "pairwise"), ("rm", "listwise"))] == [
        *(squared, pairwise, listwise),
    ]
