"""What a collection of passages says about terms: how many passages hold them and how often they occur."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from hedonic_graph.text.labels import terms


@dataclass(frozen=True, eq=False)
class Collection:
    """Term statistics of N distinct passages over a vocabulary of V terms; :meth:`of` builds it."""

    vocabulary: dict[str, int]
    """The number of each term."""
    passages: int
    """How many distinct passages there are, N."""
    document_frequency: np.ndarray
    """How many passages hold the term, int64 [V]."""
    occurrences: np.ndarray
    """How often the term occurs in all passages, int64 [V]."""

    @classmethod
    def of(cls, passages: Iterable[str]) -> "Collection":
        """Count the terms of the distinct ``passages``."""
        distinct = list(dict.fromkeys(passages))
        vocabulary: dict[str, int] = {}
        counts = count_terms(distinct, vocabulary)
        held = np.bincount(counts.indices, minlength=len(vocabulary))
        return cls(vocabulary, len(distinct), held, np.asarray(counts.sum(axis=0)))

    @property
    def mean_length(self) -> float:
        """Terms of a passage, repeated ones included, on average."""
        return float(self.occurrences.sum()) / max(self.passages, 1)

    def covering(self, vocabulary: dict[str, int]) -> "Collection":
        """Return the same statistics over ``vocabulary``, an extension of this one's: new terms occur nowhere."""
        new = (0, len(vocabulary) - len(self.vocabulary))
        return Collection(
            vocabulary, self.passages, np.pad(self.document_frequency, new), np.pad(self.occurrences, new)
        )


def count_terms(texts: Sequence[str], vocabulary: dict[str, int]) -> csr_array:
    """Return how often each term occurs in each text, int64 [texts, V]; terms unseen so far extend ``vocabulary``."""
    ends, found = [0], list[int]()
    for text in texts:
        found += [vocabulary.setdefault(term, len(vocabulary)) for term in terms(text)]
        ends.append(len(found))
    counts = csr_array(
        (np.ones(len(found), np.int64), np.array(found, np.int64), np.array(ends)), (len(texts), len(vocabulary))
    )
    counts.sum_duplicates()
    return counts
