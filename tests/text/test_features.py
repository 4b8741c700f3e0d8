"""The features of MSLR-WEB30K: by hand on three passages, and BM25 against a library on many."""

import random
from math import log, sqrt

import bm25s
import numpy as np
import pandas as pd
import pytest

from hedonic_graph.text.collection import Collection
from hedonic_graph.text.features import FAMILIES, mslr_features
from hedonic_graph.text.labels import covered_query_term_ratio, mean_tf_per_length, terms

# Ten terms in all; cat is in two passages (three times), dog in two (twice), a in one.
PASSAGES = ["cat Cat dog a", "dog bird", "cat, fish, fish and"]
N, MEAN = 3, 10 / 3
IDF = {"cat": log(4 / 3), "dog": log(4 / 3), "fish": log(4 / 2), "a": log(4 / 2), "owl": log(4 / 1)}
RARE = {df: log(1 + (3 - df + 0.5) / (df + 0.5)) for df in (1, 2)}


@pytest.fixture(scope="module")
def first() -> "pd.Series[float]":
    """Of the query {cat, dog, fish, owl} and the first passage: cat twice, dog once, fish and owl not at all."""
    return mslr_features(["cat dog? dog fish owl"] + ["x"] * 2, PASSAGES).iloc[0]


SATURATION = 1.2 * (1 - 0.75 + 0.75 * 4 / MEAN)
BY_HAND = {
    "covered query term number": 2,
    "covered query term ratio": 2 / 4,
    "stream length": 4,
    "IDF": 2 * log(4 / 3) + log(2) + log(4),
    "sum of term frequency": 3,
    "min of term frequency": 0,
    "max of term frequency": 2,
    "mean of term frequency": 3 / 4,
    "variance of term frequency": ((2 - 0.75) ** 2 + (1 - 0.75) ** 2 + 2 * 0.75**2) / 4,
    "sum of stream length normalized term frequency": 3 / 4,
    "min of stream length normalized term frequency": 0,
    "max of stream length normalized term frequency": 2 / 4,
    "mean of stream length normalized term frequency": 3 / 16,
    "variance of stream length normalized term frequency": (5 / 16) ** 2 / 4 + (1 / 16) ** 2 / 4 + (3 / 16) ** 2 / 2,
    "sum of tf*idf": 3 * IDF["cat"],
    "min of tf*idf": 0,
    "max of tf*idf": 2 * IDF["cat"],
    "mean of tf*idf": 3 / 4 * IDF["cat"],
    "variance of tf*idf": (5 / 4 - (3 / 4) ** 2) * IDF["cat"] ** 2,
    "boolean model": 0,
    "vector space model": (2 * IDF["cat"] ** 2 + IDF["dog"] ** 2)
    / sqrt(IDF["cat"] ** 2 + IDF["dog"] ** 2 + IDF["fish"] ** 2 + IDF["owl"] ** 2)
    / sqrt((2 * IDF["cat"]) ** 2 + IDF["dog"] ** 2 + IDF["a"] ** 2),
    "BM25": RARE[2] * 2 / (2 + SATURATION) + RARE[2] * 1 / (1 + SATURATION),
    # Three of four terms, for no passage holds owl: cat, dog and fish are 3, 2 and 2 of the ten.
    "LMIR.ABS": sum(
        log(discounted / 4 + 0.7 * 3 / 4 * share) for discounted, share in ((1.3, 0.3), (0.3, 0.2), (0, 0.2))
    ),
    "LMIR.DIR": sum(log((tf + 2000 * share) / 2004) for tf, share in ((2, 0.3), (1, 0.2), (0, 0.2))),
    "LMIR.JM": sum(log(0.9 * tf / 4 + 0.1 * share) for tf, share in ((2, 0.3), (1, 0.2), (0, 0.2))),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_by_hand(first: "pd.Series[float]", name: str) -> None:
    assert first[name] == pytest.approx(BY_HAND[name])


def test_a_passage_that_holds_every_term() -> None:
    found = mslr_features(["fish cat"], [PASSAGES[2]], Collection.of(PASSAGES)).iloc[0]
    assert found["boolean model"] == 1
    assert found["min of term frequency"] == 1
    assert found["min of tf*idf"] == pytest.approx(log(4 / 3))


def test_nothing_to_count() -> None:
    found = mslr_features(["?", "cat", "cat"], ["cat dog", "...", "cat dog"])
    assert np.isfinite(found.to_numpy()).all()
    empty = found.iloc[0]
    assert empty["stream length"] == 2
    assert (empty.drop("stream length") == 0).all()
    assert found.loc[1, "stream length"] == 0
    # One of the two terms is cat; a passage without terms gives what the collection says.
    assert found.loc[1, "LMIR.DIR"] == pytest.approx(log(1 / 2))


def test_a_term_that_the_collection_lacks() -> None:
    found = mslr_features(["owl cat"], ["owl cat"], Collection.of(PASSAGES)).iloc[0]
    assert found["LMIR.JM"] == pytest.approx(log(0.9 / 2 + 0.1 * 0.3))
    assert found["max of tf*idf"] == pytest.approx(log(4))


def test_pairs_are_independent_of_each_other() -> None:
    draw = random.Random(0)
    words = ["cat", "dog", "fish", "owl", "a", "the", "of", "bird"]
    passages = [" ".join(draw.choices(words, k=draw.randint(1, 20))) for _ in range(30)]
    queries = [" ".join(draw.choices([*words, "unseen"], k=draw.randint(0, 6))) for _ in range(30)]
    collection = Collection.of(passages)
    together = mslr_features(queries, passages, collection)
    apart = [mslr_features([query], [passage], collection) for query, passage in zip(queries, passages, strict=True)]
    pd.testing.assert_frame_equal(together, pd.concat(apart, ignore_index=True))
    for row, (query, passage) in enumerate(zip(queries, passages, strict=True)):
        cqtr, share = covered_query_term_ratio(query, passage), mean_tf_per_length(query, passage)
        assert together.loc[row, "covered query term ratio"] == pytest.approx(cqtr)
        assert together.loc[row, "sum of stream length normalized term frequency"] == pytest.approx(share)


def test_the_collection_counts_a_passage_once() -> None:
    collection = Collection.of(["cat dog", "cat dog", "cat cat"])
    assert collection.passages == 2
    assert collection.document_frequency[collection.vocabulary["cat"]] == 2
    assert collection.occurrences[collection.vocabulary["cat"]] == 3
    assert collection.mean_length == 2


def test_bm25_against_a_library() -> None:
    random_ = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(200)])
    passages = [" ".join(words[random_.zipf(1.4, size=random_.integers(1, 60)) % 200]) for _ in range(150)]
    queries = [" ".join(random_.permutation(words)[:4]) for _ in range(8)]
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75, dtype="float64")
    index.index([terms(passage) for passage in passages], show_progress=False)
    for query in queries:
        ours = mslr_features([query] * len(passages), passages)["BM25"]
        known = [term for term in terms(query) if term in index.vocab_dict]
        np.testing.assert_allclose(ours, index.get_scores(known), rtol=1e-9)
