"""Real text beside the checkout, where there is any."""

from pathlib import Path

DATA = Path(__file__).parents[2].parent / "shared" / "data"
TREC_DL_19 = DATA / "trec-dl-19"
POSITIVES = DATA / "msmarco-dev-small" / "pairs.jsonl.gz"
