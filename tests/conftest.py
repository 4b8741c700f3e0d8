"""Models on disk and a Neo4j server that several rooms' tests share."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from neo4j_server.server import Neo4jServer


@pytest.fixture(scope="session")
def neo4j_needs() -> None:
    """Skip what this machine cannot run for want of Java or Maven; where ``CI`` is ``true`` that is a failure."""
    from neo4j_server.jars import missing

    if lacking := missing():
        pytest.fail(lacking) if os.environ.get("CI") == "true" else pytest.skip(lacking)


@pytest.fixture(scope="session")
def neo4j_server(neo4j_needs: None, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Neo4jServer]":
    """One Neo4j for all tests that leave it running; a test that harms a server starts one of its own."""
    from neo4j_server.server import Neo4jServer

    with Neo4jServer(tmp_path_factory.mktemp("neo4j") / "home") as server:
        yield server


@pytest.fixture(scope="session")
def real_analysis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One analysis of SmolLM2 for all tests that read a real one."""
    from real import analyse

    return analyse(tmp_path_factory.mktemp("real"))


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
