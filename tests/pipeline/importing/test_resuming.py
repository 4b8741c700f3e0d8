"""An import that was cut off or damaged is finished by the same command, and leaves the other runs alone."""

from pathlib import Path
from typing import Any

import pytest
from pipeline.test_analyze import contents

from hedonic_graph.config import ImportConfig
from hedonic_graph.errors import UserError
from hedonic_graph.partitions.readers import Coalitions
from hedonic_graph.pipeline import capturing, importing, tracking
from hedonic_graph.pipeline.importing import import_partitions
from hedonic_graph.results import open_results


def stop(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


STAGES = {"keep_text": importing, "capture_layers": capturing, "track_step": tracking}


@pytest.mark.parametrize("stage", STAGES)
def test_cut_off_and_run_again(
    stage: str,
    tmp_path: Path,
    asked: ImportConfig,
    exact: dict[int, Coalitions],
    both: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "published"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(STAGES[stage], stage, stop)
        import_partitions(asked, exact, folder)
    with pytest.raises(UserError, match="is not finished: run the import command again"):
        open_results(folder)
    import_partitions(asked, exact, folder)
    theirs = contents(both)
    assert contents(folder) == {file: theirs[file] for file in contents(folder)}
    assert open_results(folder, check=True).runs[0].id == "published/imported"


def test_an_import_cut_off_leaves_the_other_runs_readable(
    copy: Path, asked: ImportConfig, pac: dict[int, Coalitions], monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = open_results(copy).fingerprint(open_results(copy).runs[1])
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tracking, "track_step", stop)
        import_partitions(asked, pac, copy, replace=True)
    results = open_results(copy, check=True)
    assert [run.id for run in results.runs] == ["published/imported.pac"]
    assert results.fingerprint(results.runs[0]) == fingerprint
    # It was named again, so it need not be told to replace what is there no longer.
    import_partitions(asked, pac, copy)
    assert [run.id for run in open_results(copy).runs] == ["published/imported.pac", "published/imported"]


@pytest.mark.parametrize(
    "file", ["partition.imported/L02.parquet", "lineage.imported/L01.json", "capture/L03.safetensors"]
)
def test_damage_is_named_and_mended(
    copy: Path, asked: ImportConfig, exact: dict[int, Coalitions], both: Path, file: str
) -> None:
    (copy / file).write_bytes((copy / file).read_bytes()[:-3])
    with pytest.raises(UserError, match=r"is damaged .* run the import command again to rebuild it"):
        open_results(copy, check=True)
    said: list[str] = []
    assert import_partitions(asked, exact, copy, report=said.append) == [file.rpartition(".")[0]]
    assert any(file in line and "computing it again" in line for line in said)
    assert contents(copy) == contents(both)
