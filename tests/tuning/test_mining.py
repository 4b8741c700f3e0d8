"""BM25 against a computation by hand."""

from math import log

import numpy as np
import pytest

from hedonic_graph.tuning.mining import Bm25

PASSAGES = ["red red blue", "blue green", "green green green grey", "grey"]


def by_hand(query: list[str], passage: str, k1: float = 0.9, b: float = 0.4) -> float:
    words = [one.split() for one in PASSAGES]
    mean = sum(map(len, words)) / 4
    total = 0.0
    for term in query:
        holders = sum(term in one for one in words)
        if not holders:
            continue
        tf = passage.split().count(term)
        idf = log(1 + (4 - holders + 0.5) / (holders + 0.5))
        total += idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * len(passage.split()) / mean))
    return total


def test_scores() -> None:
    other = "red green green unknown"
    queries = ["red green", "Green red green", "unknown", "grey"]
    found = Bm25(PASSAGES).scores(queries, [PASSAGES[0], other, other, PASSAGES[3]])
    expected = [
        by_hand(["red", "green"], PASSAGES[0]),
        by_hand(["red", "green"], other),
        0.0,
        by_hand(["grey"], PASSAGES[3]),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_nearest_come_best_first_and_share_a_term() -> None:
    found = Bm25(PASSAGES).nearest(["green grey", "blue", "nothing"], 3)
    for query, places in zip((["green", "grey"], ["blue"], []), found, strict=True):
        scores = [by_hand(query, one) for one in PASSAGES]
        expected = [place for place in np.argsort([-one for one in scores], kind="stable") if scores[place] > 0][:3]
        assert places.tolist() == expected
    assert found[2].tolist() == []


def test_many_queries_are_like_one_at_a_time() -> None:
    passages = [f"word{one % 7} word{one % 11} word{one % 3}" for one in range(300)]
    queries = [f"word{one % 7} word{one % 3}" for one in range(600)]
    bm25 = Bm25(passages)
    for query, places in zip(queries[250:260], bm25.nearest(queries, 5)[250:260], strict=True):
        assert places.tolist() == bm25.nearest([query], 5)[0].tolist()


@pytest.mark.parametrize("count", [1, 2])
def test_ties_go_to_the_earlier(count: int) -> None:
    assert Bm25(["a b", "a b", "a b"]).nearest(["a"], count)[0].tolist() == list(range(count))
