"""Models on disk that several rooms' tests share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny import save_base

    return save_base(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_adapter(tiny_base: Path) -> Path:
    from tiny import save_adapter

    return save_adapter(tiny_base, tiny_base.parent / "tiny-lora")


@pytest.fixture(scope="session")
def tiny_text(tiny_base: Path) -> Path:
    """JSON lines of 24 pairs of different lengths."""
    import random

    from tiny import WORDS

    from hedonic_graph.text.pairs import Pair, write_pairs

    draw = random.Random(0)
    pairs = [
        Pair(" ".join(draw.choices(WORDS, k=draw.randint(1, 4))), " ".join(draw.choices(WORDS, k=draw.randint(2, 14))))
        for _ in range(24)
    ]
    path = tiny_base.parent / "pairs.jsonl"
    write_pairs(path, pairs)
    return path
