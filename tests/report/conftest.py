"""Analyses of the tiny model with every method of the tables, and made-up evaluations of known truth."""

import shutil
from pathlib import Path

import pytest
from report.evaluations import note, write, write_predictivity, write_random_drops

from hedonic_graph.config import Config
from hedonic_graph.pipeline.analyze import analyze

CONFIG = {"task": "CQTR", "layers": (1, 2, 3), "samples": 400, "certificate_samples": 200, "shuffles": 5}


@pytest.fixture(scope="session")
def bare(tiny_base: Path, tiny_adapter: Path, tiny_text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An analysis that nothing was evaluated of; a test that changes it works on a copy."""
    folder = tmp_path_factory.mktemp("analyses") / "bare"
    solvers = ("pac", "random", "kmeans")
    paths = {"model": str(tiny_base), "adapter": str(tiny_adapter), "text": str(tiny_text)}
    analyze(Config(**paths, **CONFIG, solver=solvers, seed=(0, 1, 2)), folder)
    return folder


@pytest.fixture
def copy(bare: Path, tmp_path: Path) -> Path:
    shutil.copytree(bare, tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture
def evaluated(copy: Path) -> Path:
    """PAC-Top-Cover on PAS is far better than its baselines, in every figure and every coalition."""

    def better(run: str) -> bool:
        return run.startswith("pas.pac")

    write(
        copy,
        "synergy",
        lambda run, sizes, draw: {
            "psi": 1.0,
            "pair": (2e-5 if better(run) else -1e-5) + 1e-7 * draw.normal(size=len(sizes)),
            "ratio": (0.8 if better(run) else 0.3) + 0.001 * draw.normal(size=len(sizes)),
            "pair_error": 1e-8,
            "chance": 0.0,
        },
    )
    write(
        copy,
        "drop",
        lambda run, sizes, draw: {
            "drop": (0.12 if better(run) else 0.02) + 0.001 * draw.normal(size=len(sizes)), "low": 0.0, "high": 0.002,
        },
    )  # fmt: skip
    write_random_drops(copy, 0.01)
    write(
        copy,
        "alignment",
        lambda run, sizes, draw: {
            "r2": (0.9 if better(run) else 0.02) + 0.001 * draw.normal(size=len(sizes)), "chance_95": 0.1,
        },
    )  # fmt: skip
    write_predictivity(copy, lambda run: 0.45 if better(run) else 0.15)
    note(copy, task="cqtr", metric="-mse")
    return copy
