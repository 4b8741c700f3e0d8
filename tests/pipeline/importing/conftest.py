"""Partitions of an analysis, written as files and imported again."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny import D_FF

from hedonic_graph.config import Config, ImportConfig
from hedonic_graph.partitions.layers import gather
from hedonic_graph.partitions.readers import Coalitions
from hedonic_graph.pipeline.importing import import_partitions
from hedonic_graph.results import open_results

LAYERS = (1, 2, 3)


def export(analysis: Path, run: str, folder: Path) -> dict[int, Coalitions]:
    """Write a run's partitions as pickles, shuffled in themselves, and read them as an import does."""
    results = open_results(analysis)
    info = next(info for info in results.runs if info.id.endswith(f"/{run}"))
    draw = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for layer in results.layers:
        members = results.members(info, layer).groupby("coalition")["neuron"]
        coalitions = [[int(one) for one in draw.permutation(neurons)] for _, neurons in members]
        draw.shuffle(coalitions)
        (folder / f"L{layer:02}.pkl").write_bytes(pickle.dumps(coalitions))
    return gather(sorted(folder.glob("*.pkl")))[0]


@pytest.fixture(scope="session")
def exact(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Coalitions]:
    return export(whole, "pas.exact", tmp_path_factory.mktemp("exact"))


@pytest.fixture(scope="session")
def pac(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Coalitions]:
    return export(whole, "pas.pac.0", tmp_path_factory.mktemp("pac"))


@pytest.fixture(scope="session")
def asked(config: Config) -> ImportConfig:
    """The model, text and options of the analysis that the partitions are from."""
    names = ("model", "adapter", "text", "task", "layers", "batch_size")
    return ImportConfig(**{name: getattr(config, name) for name in names})


@pytest.fixture(scope="session")
def both(
    asked: ImportConfig,
    exact: dict[int, Coalitions],
    pac: dict[int, Coalitions],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Two imports in one folder; a test that changes it works on a copy."""
    folder = tmp_path_factory.mktemp("imports") / "published"
    import_partitions(asked, exact, folder)
    import_partitions(asked, pac, folder, name="pac")
    return folder


@pytest.fixture
def copy(both: Path, tmp_path: Path) -> Path:
    shutil.copytree(both, tmp_path / "published")
    return tmp_path / "published"


@pytest.fixture
def plain(tmp_path: Path, exact: dict[int, Coalitions]) -> Path:
    import_partitions(ImportConfig(layers=LAYERS, neurons=D_FF), exact, tmp_path / "plain")
    return tmp_path / "plain"
