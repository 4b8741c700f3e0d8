"""The adapters kept beside the tests, on text that none of them was trained on."""

from pathlib import Path

import numpy as np
import pytest
from real import predicted
from sklearn.metrics import r2_score

from hedonic_graph.text.labels import covered_query_term_ratio
from hedonic_graph.text.pairs import load_pairs

ADAPTERS = Path(__file__).parent.parent / "adapters"
DL = Path(__file__).parents[3] / "shared" / "data" / "trec-dl-19"


@pytest.mark.skipif(not DL.is_dir(), reason="needs TREC DL 2019 in ../shared/data")
def test_cqtr_has_learned() -> None:
    pairs = load_pairs(DL, run="repllama", depth=None, sample=2, first=200, seed=3)
    pairs = sorted(pairs, key=lambda pair: len(pair.prompt))[:72]
    labels = [covered_query_term_ratio(pair.query, pair.passage) for pair in pairs]
    found = predicted(ADAPTERS / "cqtr", pairs)
    # Of fewer than a hundred pairs R^2 is known to within 0.1 or so.
    assert r2_score(labels, found) > 0.35
    assert np.corrcoef(labels, found)[0, 1] > 0.65
