"""A whole analysis of the tiny model, and the configuration that made it."""

from pathlib import Path

import pytest

from hedonic_graph.config import Config
from hedonic_graph.pipeline.analyze import analyze


@pytest.fixture(scope="session")
def config(tiny_base: Path, tiny_adapter: Path, tiny_text: Path) -> Config:
    return Config(
        model=str(tiny_base),
        adapter=str(tiny_adapter),
        text=str(tiny_text),
        task="CQTR",
        layers=(1, 2, 3),
        valuation=("pas", "oca"),
        solver=("exact", "pac", "random"),
        seed=(0, 1),
        samples=400,
        certificate_samples=500,
        batch_size=5,
    )


@pytest.fixture(scope="session")
def whole(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished analysis; a test that changes it works on a copy."""
    folder = tmp_path_factory.mktemp("analyses") / "tiny"
    analyze(config, folder)
    return folder
