"""Graphs of who keeps company with whom: against counting pair by pair, and what drawing links may change."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from hedonic_graph.game import company
from hedonic_graph.game.company import counted, frequency_graph, likeness_graph


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


@pytest.mark.parametrize("block", [1, 7, 1024])
@pytest.mark.parametrize("count", [1, 20, 300])
def test_counts(block: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "_BLOCK", block)
    labels = drawn(23, count, 5)
    assert counted(labels).tolist() == plain(labels)


def test_counts_take_a_byte_each_while_they_can() -> None:
    assert counted(words("aab").repeat(255, 0)).dtype == torch.uint8
    found = counted(words("aab").repeat(300, 0))
    assert found.tolist() == [[300, 300, 0], [300, 300, 0], [0, 0, 300]]


def test_frequencies_by_hand() -> None:
    counts = counted(words("aabb", "aaab", "abab", "aabc"))
    expected = np.array([[0, 0.75, 0.5, 0], [0.75, 0, 0.25, 0.25], [0.5, 0.25, 0, 0.25], [0, 0.25, 0.25, 0]])
    np.testing.assert_array_equal(frequency_graph(counts, np.arange(4)).toarray(), expected)
    some = np.array([1, 3])
    np.testing.assert_array_equal(frequency_graph(counts, some).toarray(), expected[np.ix_(some, some)])
    assert frequency_graph(counts, np.arange(0)).shape == (0, 0)


@pytest.mark.parametrize("block", [1, 7, 1024])
def test_frequencies_pair_by_pair(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "_BLOCK", block)
    labels = drawn(40, 20, 7)
    often = np.array(plain(labels)) / 20
    np.fill_diagonal(often, 0)
    found = frequency_graph(counted(labels), np.arange(40))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.toarray(), np.where(often > 0.1, often, 0).astype(np.float32))


@pytest.mark.parametrize("block", [1, 7, 1024])
def test_likeness_is_the_cosine_of_cosines(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "_BLOCK", block)
    labels = np.where(np.random.default_rng(1).random((20, 40)) < 0.5, drawn(40, 20, 30), np.arange(40) // 10)
    expected = cosines(cosines(np.array(plain(labels), dtype=np.float64)))
    np.fill_diagonal(expected, 0)
    assert not (np.abs(expected - 0.3) < 1e-4).any()
    assert 0 < (expected > 0.3).mean() < 0.9
    found = likeness_graph(counted(labels.astype(np.int32))).toarray()
    np.testing.assert_allclose(found, np.where(expected > 0.3, expected, 0), atol=1e-5)


def same(one: csr_array, other: csr_array) -> bool:
    return np.array_equal(one.toarray(), other.toarray())


def crowd(n: int = 300) -> np.ndarray:
    """All but four neurons in one coalition; those in one of their own."""
    return np.array([[0] * (n - 4) + [1] * 4], dtype=np.int32)


def test_neurons_with_few_links_lose_none_and_sums_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "LINKS", 20)
    counts = counted(crowd())
    graphs = [frequency_graph(counts, np.arange(300), seed=seed) for seed in range(6)]
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
    assert same(graphs[0], frequency_graph(counts, np.arange(300), seed=0))


def test_what_is_drawn_does_not_hang_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "LINKS", 20)
    found = []
    for block in (16, 1024):
        monkeypatch.setattr(company, "_BLOCK", block)
        found.append(frequency_graph(counted(crowd()), np.arange(300), seed=1))
    assert same(found[0], found[1])


def test_layers_within_the_bound_are_not_drawn_from() -> None:
    counts = counted(crowd(company.LINKS + 1))
    assert same(likeness_graph(counts, seed=0), likeness_graph(counts, seed=1))
