"""Graphs of who keeps company with whom: against counting pair by pair, and what drawing links may change."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from hedonic_graph.game import company
from hedonic_graph.game.company import frequency_graph, likeness_graph


def drawn(n: int, count: int, coalitions: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(coalitions, size=(count, n)).astype(np.int32)


def words(*labels: str) -> np.ndarray:
    """A row for each word; equal letters are one coalition."""
    return np.array([[ord(letter) for letter in word] for word in labels], dtype=np.int32)


def plain(labels: np.ndarray) -> list[list[int]]:
    """Pair by pair."""
    n = labels.shape[1]
    return [[sum(int(one[i] == one[j]) for one in labels) for j in range(n)] for i in range(n)]


def cosines(rows: np.ndarray) -> np.ndarray:
    """Pair by pair, in float64."""
    return np.array([[a @ b / np.sqrt((a @ a) * (b @ b)) for b in rows] for a in rows])


def test_frequencies_by_hand() -> None:
    labels = words("aabb", "aaab", "abab", "aabc")
    expected = np.array([[0, 0.75, 0.5, 0], [0.75, 0, 0.25, 0.25], [0.5, 0.25, 0, 0.25], [0, 0.25, 0.25, 0]])
    np.testing.assert_array_equal(frequency_graph(labels, np.arange(4)).toarray(), expected)
    some = np.array([1, 3])
    np.testing.assert_array_equal(frequency_graph(labels, some).toarray(), expected[np.ix_(some, some)])
    assert frequency_graph(labels, np.arange(0)).shape == (0, 0)


@pytest.mark.parametrize("block", [1, 7, 1024])
def test_frequencies_pair_by_pair(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "_BLOCK", block)
    labels = drawn(40, 20, 7)
    often = np.array(plain(labels)) / 20
    np.fill_diagonal(often, 0)
    found = frequency_graph(labels, np.arange(40))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.toarray(), np.where(often > 0.1, often, 0).astype(np.float32))


@pytest.mark.parametrize("block", [1, 7, 1024])
@pytest.mark.parametrize("count", [3, 20])
def test_likeness_is_the_cosine_of_cosines(block: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three partitions have fewer coalitions than there are neurons, twenty have more."""
    monkeypatch.setattr(company, "_BLOCK", block)
    stray = np.random.default_rng(1).random((count, 40)) < (0.5 if count == 20 else 0.2)
    labels = np.where(stray, drawn(40, count, 30), np.arange(40) // 10)
    # Without gaps, as partitions are.
    labels = np.stack([np.unique(one, return_inverse=True)[1] for one in labels])
    assert ((labels.max(1) + 1).sum() < 40) == (count == 3)
    expected = cosines(cosines(np.array(plain(labels), dtype=np.float64)))
    np.fill_diagonal(expected, 0)
    assert not (np.abs(expected - 0.3) < 1e-4).any()
    assert 0 < (expected > 0.3).mean() < 0.9
    found = likeness_graph(labels.astype(np.int32)).toarray()
    np.testing.assert_allclose(found, np.where(expected > 0.3, expected, 0), atol=1e-5)


def same(one: csr_array, other: csr_array) -> bool:
    return np.array_equal(one.toarray(), other.toarray())


def crowd(n: int = 300) -> np.ndarray:
    """All but four neurons in one coalition; those in one of their own."""
    return np.array([[0] * (n - 4) + [1] * 4], dtype=np.int32)


def test_neurons_with_few_links_lose_none_and_sums_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "LINKS", 20)
    labels = crowd()
    graphs = [frequency_graph(labels, np.arange(300), seed=seed) for seed in range(6)]
    for graph in graphs:
        dense = graph.toarray()
        np.testing.assert_array_equal(dense, dense.T)
        assert not dense.diagonal().any()
        assert (dense[-4:, -4:] == 1 - np.eye(4)).all() and not dense[:-4, -4:].any()
        assert graph.nnz <= 2 * 300 * 20 * 1.1
        # Every pair of the crowd has the same chance, and so the same weight.
        assert np.unique(dense[:-4, :-4]).size == 2
        assert dense[:-4].sum() == pytest.approx(296 * 295, rel=0.05)
    assert not same(graphs[0], graphs[1])
    assert same(graphs[0], frequency_graph(labels, np.arange(300), seed=0))


def test_what_is_drawn_does_not_hang_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "LINKS", 20)
    found = []
    for block in (16, 1024):
        monkeypatch.setattr(company, "_BLOCK", block)
        found.append(frequency_graph(crowd(), np.arange(300), seed=1))
    assert same(found[0], found[1])


def test_a_link_more_changes_no_draw_but_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "LINKS", 20)
    weights = np.random.default_rng(0).uniform(0.2, 1, size=(300, 300)).astype(np.float32)
    weights = np.maximum(weights, weights.T)
    less = weights.copy()
    less[3, 200] = less[200, 3] = 0.1

    def graph(matrix: np.ndarray) -> np.ndarray:
        return company._graph(iter([torch.from_numpy(matrix.copy())]), 0.15, 1).toarray()

    # The two neurons have a link less to choose among, which makes the others as much likelier.
    changed = (graph(weights) > 0) != (graph(less) > 0)
    assert changed.sum() <= 4


def test_layers_within_the_bound_are_not_drawn_from() -> None:
    labels = crowd(company.LINKS + 1)
    assert same(likeness_graph(labels, seed=0), likeness_graph(labels, seed=1))
