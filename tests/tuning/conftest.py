from pathlib import Path

import pytest
from tuning.making import save_positives


@pytest.fixture(scope="session")
def positives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_positives(tmp_path_factory.mktemp("positives") / "pairs.jsonl")
