"""BM25 over the passages of a training text: which are near a query, and how near (DESIGN §3.7)."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from hedonic_graph.text.labels import terms

K1, B = 0.9, 0.4
"""The constants of Anserini's BM25, which MS MARCO's baselines use."""
_BLOCK = 256


class Bm25:
    """Statistics of N passages, and their weights as a sparse matrix [terms, N]."""

    def __init__(self, passages: Sequence[str]) -> None:
        self._vocabulary: dict[str, int] = {}
        words = [terms(passage) for passage in passages]
        counts = _counts(words, self._vocabulary, grow=True)
        self._mean_length = float(counts.sum() / max(counts.shape[0], 1)) or 1.0
        holders = np.bincount(counts.indices, minlength=len(self._vocabulary))
        self._idf = np.log1p((counts.shape[0] - holders + 0.5) / (holders + 0.5))
        self._weights = self._weigh(counts, words).T.tocsc()

    def nearest(self, queries: Sequence[str], count: int) -> list[np.ndarray]:
        """Positions of the at most ``count`` best passages of each query, best first; none that share no term.

        Ties go to the earlier passage.
        """
        found: list[np.ndarray] = []
        for start in range(0, len(queries), _BLOCK):
            asked = self._asked(queries[start : start + _BLOCK])
            for row in (asked @ self._weights).toarray():
                order = np.argsort(-row, kind="stable")[:count]
                found.append(order[row[order] > 0])
        return found

    def scores(self, queries: Sequence[str], passages: Sequence[str]) -> np.ndarray:
        """BM25 of pair i (``queries[i]``, ``passages[i]``), float64 [pairs], by this collection's statistics.

        The passages need not belong to it; a term that it does not hold counts nothing.
        """
        words = [terms(passage) for passage in passages]
        weights = self._weigh(_counts(words, self._vocabulary, grow=False), words)
        return np.asarray(self._asked(queries).multiply(weights).sum(axis=1), dtype=np.float64).ravel()

    def _asked(self, queries: Sequence[str]) -> sparse.csr_matrix:
        """Which terms each query asks for, 0 or 1, [queries, terms]."""
        return _counts([sorted(set(terms(query))) for query in queries], self._vocabulary, grow=False)

    def _weigh(self, counts: sparse.csr_matrix, words: Sequence[Sequence[str]]) -> sparse.csr_matrix:
        """BM25's weight of each term in each document, [documents, terms]."""
        # All terms count towards the length, those unknown to the collection as well.
        per_entry = np.repeat([float(len(one)) for one in words], np.diff(counts.indptr))
        saturated = counts.data * (K1 + 1) / (counts.data + K1 * (1 - B + B * per_entry / self._mean_length))
        return sparse.csr_matrix((saturated * self._idf[counts.indices], counts.indices, counts.indptr), counts.shape)


def _counts(documents: Sequence[Sequence[str]], vocabulary: dict[str, int], *, grow: bool) -> sparse.csr_matrix:
    columns: list[int] = []
    starts = [0]
    for words in documents:
        known = (vocabulary.setdefault(word, len(vocabulary)) if grow else vocabulary.get(word, -1) for word in words)
        columns += [column for column in known if column >= 0]
        starts.append(len(columns))
    data = np.ones(len(columns))
    counts = sparse.csr_matrix((data, columns, starts), shape=(len(documents), len(vocabulary)))
    counts.sum_duplicates()
    return counts
