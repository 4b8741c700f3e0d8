"""The features of MSLR-WEB30K that a query and a passage's text determine, by their names in that data set's list.

A query counts as the set Q of its unique terms, from the one tokenisation of :mod:`hedonic_graph.text.labels`; the
list's streams (body, anchor, title, ...) are one here, the passage. With tf(t) the occurrences of t in the passage,
L its length in terms, u its unique terms, N the passages of the collection, df(t) those that hold t, p(t) the share
of t among all terms of the collection, and sums, extremes, means and (population) variances over t in Q:

- IDF: sum of idf(t) = ln((N + 1) / (df(t) + 1)), the same for every passage of a query
- stream length normalized term frequency: tf(t) / L; tf*idf: tf(t) idf(t)
- boolean model: 1 where the passage holds all of Q, else 0
- vector space model: cosine of the query (idf(t) for t in Q) and the passage (tf(t) idf(t) for all its terms)
- BM25, as Lucene has it, with k1 = 1.2 and b = 0.75: sum of
  ln(1 + (N - df(t) + 0.5) / (df(t) + 0.5)) tf(t) / (tf(t) + k1 (1 - b + b L / mean length))
- LMIR, sum of ln P(t) over those t in Q that the collection holds:
  ABS: P(t) = max(tf(t) - delta, 0) / L + delta u / L p(t), delta = 0.7;
  DIR: P(t) = (tf(t) + mu p(t)) / (L + mu), mu = 2000; JM: P(t) = (1 - lambda) tf(t) / L + lambda p(t), lambda = 0.1

A query without terms has 0 everywhere but in the stream length; a passage without terms counts as one of length 0
in the stream length and in BM25, of length 1 where it is divided by, and as having one unique term.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from hedonic_graph.text.collection import Collection, count_terms

if TYPE_CHECKING:
    import pandas as pd

K1, B = 1.2, 0.75
DELTA, MU, LAMBDA = 0.7, 2000.0, 0.1

_STATISTICS = ("sum", "min", "max", "mean", "variance")
_FREQUENCIES = {
    "term frequency": "TF",
    "stream length normalized term frequency": "TF/L",
    "tf*idf": "TF*IDF",
}

FAMILIES = MappingProxyType(
    {
        "covered query term number": "coverage",
        "covered query term ratio": "coverage",
        "stream length": "length",
        "IDF": "IDF",
        **{f"{how} of {what}": family for what, family in _FREQUENCIES.items() for how in _STATISTICS},
        "boolean model": "retrieval model",
        "vector space model": "retrieval model",
        "BM25": "retrieval model",
        "LMIR.ABS": "language model",
        "LMIR.DIR": "language model",
        "LMIR.JM": "language model",
    }
)
"""The family of each feature, in the order of the data set's list."""


def mslr_features(
    queries: Sequence[str], passages: Sequence[str], collection: Collection | None = None
) -> "pd.DataFrame":
    """Return the features of the pairs (``queries[i]``, ``passages[i]``): a row each, a column per name in FAMILIES.

    ``collection`` holds the term statistics, by default those of the distinct ``passages``. Features are float64.
    """
    import pandas as pd

    collection = collection or Collection.of(passages)
    asked, query_of = _distinct(queries)
    held, passage_of = _distinct(passages)
    vocabulary = dict(collection.vocabulary)
    questions = count_terms(asked, vocabulary)
    counts = count_terms(held, vocabulary)  # after the queries', so that it has a column for their terms
    collection = collection.covering(vocabulary)
    idf = np.log((collection.passages + 1) / (collection.document_frequency + 1))

    # One entry per pair and term of its query, the entries of a pair beside each other.
    number = np.diff(questions.indptr)[query_of]
    ends = np.cumsum(number)
    first = ends - number
    pair = np.repeat(np.arange(len(queries)), number)
    term = questions.indices[np.arange(len(pair)) + (questions.indptr[query_of] - first)[pair]]
    tf = np.zeros(len(pair))
    if len(pair):
        tf[:] = counts[passage_of[pair], term]

    length = np.asarray(counts.sum(axis=1), np.float64)[passage_of]
    unique = np.diff(counts.indptr)[passage_of]
    over = _Over(first, number)
    some = np.maximum(number, 1)
    divisor = np.maximum(length, 1)[pair]
    covered = over.reduce(np.add, tf > 0)
    found = {
        "covered query term number": covered,
        "covered query term ratio": covered / some,
        "stream length": length,
        "IDF": over.reduce(np.add, idf[term]),
    }
    for what, values in zip(_FREQUENCIES, (tf, tf / divisor, tf * idf[term]), strict=True):
        total = over.reduce(np.add, values)
        mean = total / some
        found |= {
            f"sum of {what}": total,
            f"min of {what}": over.reduce(np.minimum, values),
            f"max of {what}": over.reduce(np.maximum, values),
            f"mean of {what}": mean,
            f"variance of {what}": over.reduce(np.add, (values - mean[pair]) ** 2) / some,
        }

    squares = csr_array(((counts.data * idf[counts.indices]) ** 2, counts.indices, counts.indptr), counts.shape)
    norms = np.sqrt(over.reduce(np.add, idf[term] ** 2) * squares.sum(axis=1)[passage_of])
    dots = over.reduce(np.add, tf * idf[term] ** 2)
    df = collection.document_frequency[term]
    rarity = np.log1p((collection.passages - df + 0.5) / (df + 0.5))
    saturation = tf + K1 * (1 - B + B * length[pair] / collection.mean_length)
    share = collection.occurrences[term] / max(collection.occurrences.sum(), 1)
    likelihoods = {
        "LMIR.ABS": (np.maximum(tf - DELTA, 0) + DELTA * np.maximum(unique, 1)[pair] * share) / divisor,
        "LMIR.DIR": (tf + MU * share) / (length[pair] + MU),
        "LMIR.JM": (1 - LAMBDA) * tf / divisor + LAMBDA * share,
    }
    found |= {
        "boolean model": (number > 0) & (covered == number),
        "vector space model": np.divide(dots, norms, out=np.zeros_like(dots), where=norms > 0),
        "BM25": over.reduce(np.add, rarity * tf / saturation),
        **{
            name: over.reduce(np.add, np.log(likelihood, out=np.zeros_like(likelihood), where=share > 0))
            for name, likelihood in likelihoods.items()
        },
    }
    return pd.DataFrame(found, columns=list(FAMILIES), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Over:
    """Runs of entries: ``number`` [pairs] of them from ``first`` [pairs] on, one run behind the other."""

    first: np.ndarray
    number: np.ndarray

    def reduce(self, how: np.ufunc, values: np.ndarray) -> np.ndarray:
        """Reduce ``values`` over each run: float64 [pairs], 0 where a run is empty."""
        result = np.zeros(len(self.number))
        some = self.number > 0
        if some.any():
            result[some] = how.reduceat(values.astype(np.float64), self.first[some])
        return result


def _distinct(texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return the distinct texts and, for each text, which of them it is: int64 [texts]."""
    numbers: dict[str, int] = {}
    which = [numbers.setdefault(text, len(numbers)) for text in texts]
    return list(numbers), np.array(which, np.int64)
