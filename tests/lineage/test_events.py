import pytest
import torch

from hedonic_graph.lineage.events import HIGH, Kind, classify, fates, origins

P, S, M, V, E = Kind.PERSIST, Kind.SPLIT, Kind.MERGE, Kind.VANISH, Kind.EMERGE


def one(alpha: float, beta: float) -> int:
    return int(classify(torch.tensor([[alpha]]), torch.tensor([[beta]]), HIGH))


@pytest.mark.parametrize(
    ("alpha", "beta", "kind"),
    [(0.9, 0.8, P), (0.2, 0.8, S), (0.9, 0.1, M), (0.6, 0.6, Kind.NONE), (0.0, 0.0, Kind.NONE)],
)
def test_an_edge_is_classed_by_which_of_its_shares_are_high(alpha: float, beta: float, kind: Kind) -> None:
    assert one(alpha, beta) == kind


def test_a_share_of_exactly_the_threshold_is_high() -> None:
    assert one(0.7, 0.7) == P
    assert one(0.6999, 0.7) == S
    assert one(0.7, 0.6999) == M


def test_the_threshold_is_the_one_given() -> None:
    alpha, beta = torch.tensor([[0.5]]), torch.tensor([[0.4]])
    assert classify(alpha, beta, 0.5).item() == M
    assert classify(alpha, beta, 0.4).item() == P


def test_an_edge_that_is_not_eligible_has_no_event() -> None:
    shares = torch.ones(2, 2)
    event = classify(shares, shares, HIGH, torch.tensor([[True, False], [False, True]]))
    assert event.tolist() == [[P, 0], [0, P]]
    assert event.dtype == torch.int8


EVENTS = torch.tensor([[M, P, S, 0, 0], [0, 0, S, M, 0], [0, 0, 0, M, 0], [0, 0, 0, 0, 0]], dtype=torch.int8)


def test_a_source_has_the_best_of_its_edges_or_vanishes() -> None:
    assert fates(EVENTS).tolist() == [P, S, M, V]
    assert fates(EVENTS).dtype == torch.int8


def test_a_target_has_the_best_of_its_edges_or_emerges() -> None:
    assert origins(EVENTS).tolist() == [M, P, S, M, E]
    assert origins(EVENTS).dtype == torch.int8


def test_kinds_have_the_names_that_tables_show() -> None:
    assert [kind.label for kind in Kind] == [None, "persist", "split", "merge", "vanish", "emerge"]
