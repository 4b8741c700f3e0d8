"""nDCG@k by hand, and against trec_eval."""

import math
import random

import ir_measures
import numpy as np
import pytest
from text.shared import TREC_DL_19

from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.ndcg import Ranking, by_rank, ndcg
from hedonic_graph.text.trec import read_qrels, read_run

SECOND = 1 / math.log2(3)


def test_by_hand() -> None:
    qrels = {"q": {"a": 3, "b": 1, "c": 0, "never retrieved": 2}}
    run = {"q": {"x": 9.0, "a": 8.0, "b": 7.0}}  # nobody judged x: grade 0
    assert ndcg(run, qrels, k=2)["q"] == pytest.approx(3 * SECOND / (3 + 2 * SECOND))
    assert ndcg(run, qrels, k=2, gain="exponential")["q"] == pytest.approx(7 * SECOND / (7 + 3 * SECOND))
    assert ndcg(run, qrels, k=3)["q"] == pytest.approx((3 * SECOND + 1 / 2) / (3 + 2 * SECOND + 1 / 2))


def test_queries_as_trec_eval_takes_them() -> None:
    qrels = {"judged": {"a": 1}, "nothing relevant": {"a": 0}, "not asked": {"a": 1}}
    run = {"unjudged": {"a": 1.0}, "nothing relevant": {"a": 1.0}, "judged": {"b": 2.0, "a": 1.0}}
    assert ndcg(run, qrels) == {"nothing relevant": 0.0, "judged": pytest.approx(SECOND)}


def trec_eval(run: dict[str, dict[str, float]], qrels: dict[str, dict[str, int]], k: int) -> dict[str, float]:
    return {one.query_id: one.value for one in ir_measures.iter_calc([ir_measures.nDCG @ k], qrels, run)}


@pytest.mark.parametrize("k", [1, 3, 10])
def test_against_trec_eval_with_ties_and_unjudged_passages(k: int) -> None:
    draw = random.Random(k)
    names = [str(number) for number in range(7, 14)] + ["é", "Z", "z"]  # text order: 10 < 7 < Z < z < é
    # Two of these differ in float64 only, and are equal to trec_eval.
    values = [0.0, -1.5, 0.1, 0.1 + 1e-12, 3.0]
    queries = [f"q{number}" for number in range(200)]
    run = {qid: {name: draw.choice(values) for name in draw.sample(names, draw.randint(1, 10))} for qid in queries}
    qrels = {qid: {name: draw.choice([-1, 0, 0, 1, 2, 3]) for name in draw.sample(names, 5)} for qid in queries}
    assert ndcg(run, qrels, k=k) == pytest.approx(trec_eval(run, qrels, k), abs=1e-6)


def test_many_scores_at_once() -> None:
    random_ = np.random.default_rng(0)
    qids = [f"q{number % 5}" for number in range(40)]
    docids = [str(number) for number in range(40)]
    qrels = {f"q{number}": {str(doc): int(random_.integers(4)) for doc in range(40)} for number in range(4)}
    ranking = Ranking.of(qids, docids, qrels)
    scores = random_.normal(size=(2, 3, 40))
    found = ranking.ndcg(scores)
    assert found.shape == (2, 3, 4)
    for place in np.ndindex(2, 3):
        run: dict[str, dict[str, float]] = {}
        for qid, docid, score in zip(qids, docids, scores[place], strict=True):
            run.setdefault(qid, {})[docid] = float(score)
        expected = trec_eval({qid: run[qid] for qid in ranking.queries}, qrels, 10)
        assert dict(zip(ranking.queries, found[place], strict=True)) == pytest.approx(expected, abs=1e-6)


def test_mistakes() -> None:
    with pytest.raises(UserError, match="none of the 1 queries of the run has a judgement"):
        ndcg({"a": {"d": 1.0}}, {"b": {"d": 1}})
    with pytest.raises(UserError, match="a score is NaN"):
        ndcg({"a": {"d": math.nan}}, {"a": {"d": 1}})
    with pytest.raises(UserError, match="passage d stands twice for query a"):
        Ranking.of(["a", "a"], ["d", "d"], {"a": {"d": 1}})


@pytest.mark.skipif(not TREC_DL_19.is_dir(), reason="needs the TREC DL-19 files beside the checkout")
@pytest.mark.parametrize(("name", "linear", "exponential"), [("bm25", 0.5058, 0.4364), ("repllama", 0.7439, 0.6796)])
def test_trec_dl_19(name: str, linear: float, exponential: float) -> None:
    qrels, run = read_qrels(TREC_DL_19 / "qrels.txt"), by_rank(read_run(TREC_DL_19 / f"run.{name}.txt"))
    found = ndcg(run, qrels)
    assert np.mean(list(found.values())) == pytest.approx(linear, abs=5e-5)
    assert np.mean(list(ndcg(run, qrels, gain="exponential").values())) == pytest.approx(exponential, abs=5e-5)
    assert found == pytest.approx(trec_eval(run, qrels, 10), abs=1e-6)
