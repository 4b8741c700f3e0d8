"""The adapters kept beside the tests, on the text that none of them was trained on."""

import json
from pathlib import Path

import numpy as np
import pytest

from hedonic_graph.models.load import load_classifier
from hedonic_graph.models.locate import locate_model

ADAPTERS = Path(__file__).parent.parent / "adapters"
DL = Path(__file__).parents[3] / "shared" / "data" / "trec-dl-19"


@pytest.mark.skipif(not DL.is_dir(), reason="needs TREC DL 2019 in ../shared/data")
def test_cqtr_foretells_what_its_scores_say() -> None:
    import torch
    from peft import PeftModel
    from sklearn.metrics import r2_score

    from hedonic_graph.text.labels import covered_query_term_ratio
    from hedonic_graph.text.pairs import load_pairs

    classifier, tokenizer = load_classifier(locate_model("smollm2"))
    tuned = PeftModel.from_pretrained(classifier, str(ADAPTERS / "cqtr")).eval()
    pairs = load_pairs(DL, run="repllama", depth=None, sample=2, first=200, seed=3)
    pairs = sorted(pairs, key=lambda pair: len(pair.prompt))[:72]
    labels = [covered_query_term_ratio(pair.query, pair.passage) for pair in pairs]
    found: list[float] = []
    for start in range(0, len(pairs), 12):
        tokens = tokenizer([pair.prompt for pair in pairs[start : start + 12]], padding=True, return_tensors="pt")
        with torch.inference_mode():
            found += tuned(**tokens).logits[:, 0].tolist()
    # Of fewer than a hundred pairs R^2 is known to within 0.1 or so.
    assert r2_score(labels, found) > 0.35
    assert np.corrcoef(labels, found)[0, 1] > 0.65


def test_scores_stand_beside_it() -> None:
    scores = json.loads((ADAPTERS / "cqtr" / "scores.json").read_text())
    rows = next(one["rows"] for one in scores["texts"] if one["name"] == "trec-dl-19")
    assert rows["tuned"]["r2"] > 0.5 > rows["bm25, fitted"]["r2"] > rows["untrained base"]["r2"]
