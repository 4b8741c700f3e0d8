"""A small training text and model, and fine-tunings of them."""

import json
import random
from pathlib import Path
from typing import Any

import pandas as pd
from tiny import WORDS

from hedonic_graph.tuning.config import TuningConfig

QUERIES = 24


def save_positives(path: Path, count: int = QUERIES, seed: int = 0) -> Path:
    """Write queries of three words and passages of up to twelve, of the words that the tiny tokenizer knows."""
    draw = random.Random(seed)
    with path.open("w", encoding="utf-8") as out:
        for number in range(count):
            query, passage = draw.choices(WORDS, k=3), draw.choices(WORDS, k=draw.randint(4, 12))
            record = {"qid": f"q{number}", "query": " ".join(query), "positive": " ".join(passage)}
            out.write(json.dumps(record) + "\n")
    return path


def small(base: Path, text: Path, **options: Any) -> TuningConfig:
    """A training of a few steps on the tiny model."""
    settings: dict[str, Any] = {"model": str(base), "text": str(text), "task": "cqtr", "layers": (1, 2), "rank": 2}
    settings |= {"held_out": 6, "batch_size": 6, "steps": 8, "warm_up": 2, "negatives": 3, "precision": "float32"}
    settings |= {"evaluate_every": 4, "checkpoint_every": 3, "learning_rate": 0.003, "head_learning_rate": 0.003}
    return TuningConfig(**(settings | options))


def curve(folder: Path) -> pd.DataFrame:
    """The log without the time that it took."""
    return pd.read_csv(folder / "log.csv").drop(columns="seconds")
