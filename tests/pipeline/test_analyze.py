"""What an analysis holds, what a second one redoes, and what it survives."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hedonic_graph.analysis import Analysis
from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.pipeline import capturing
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.results import open_results, preferences
from hedonic_graph.summary import FATES, layer_rows, table, verdicts
from hedonic_graph.text.pairs import load_pairs, write_pairs

RUNS = ["exact", "pac.0", "pac.1", "random.0", "random.1"]


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of every unit, but for the tables that hold times."""
    units = json.loads((folder / "manifest.json").read_text())["units"]
    files = {file: entry["sha256"] for unit in units.values() for file, entry in unit["files"].items()}
    return {file: sha for file, sha in files.items() if not file.endswith(".rounds.parquet")}


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "tiny")
    return tmp_path / "tiny"


def test_runs_and_their_tables(whole: Path) -> None:
    results = open_results(whole)
    assert [run.id for run in results.runs] == [f"tiny/{v}.{run}" for v in ("pas", "oca") for run in RUNS]
    for run in results.runs:
        for layer in (1, 2, 3):
            members = results.members(run, layer)
            assert members["neuron"].tolist() == list(range(40))
            coalitions = results.coalitions(run, layer)
            assert coalitions["size"].sum() == 40
            assert coalitions["size"].is_monotonic_decreasing
            followed = coalitions["size"] >= 2
            assert coalitions["fate"].notna().tolist() == (followed & (layer < 3)).tolist()
            assert coalitions["origin"].notna().tolist() == (followed & (layer > 1)).tolist()
        assert results.edges(run, 3, 20).empty
    exact, random = results.runs[0], results.runs[3]
    assert np.array_equal(results.coalitions(exact, 2)["size"], results.coalitions(random, 2)["size"])


@pytest.mark.parametrize("rows", [256, 40, 7])
def test_preferences_are_the_strongest_phi(whole: Path, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.numpy import load_file

    monkeypatch.setattr(preferences, "ROWS", rows)
    phi = load_file(whole / "phi.pas/L02.safetensors")["phi"]
    np.fill_diagonal(phi, -np.inf)
    table = open_results(whole).preferences("pas", 2)
    for neuron, mine in table.groupby("neuron"):
        expected = np.argsort(-phi[neuron], kind="stable")[:3]
        assert mine["other"].tolist() == expected.tolist()
        assert mine["rank"].tolist() == [1, 2, 3]
        np.testing.assert_allclose(mine["phi"], phi[neuron][expected])


def test_summary_adds_up_and_names_the_figures(whole: Path) -> None:
    results = open_results(whole)
    for run in results.runs:
        rows = layer_rows(results, run)
        for row in rows[:-1]:
            assert sum(row[fate] for fate in FATES) == pytest.approx(100, abs=0.3)
            assert sum(row[f"{fate}_shuffled"] for fate in FATES) == pytest.approx(100, abs=0.3)
            assert row["significant_shuffled"] <= row["edges"]
        assert rows[-1]["vanish"] is None
        columns, cells = table(rows)
        assert {len(line) for line in cells} == {len(columns)}
    said = "\n".join(verdicts(results))
    assert "pas.pac: its 2 seeds agree with an adjusted Rand index of" in said
    assert "under shuffled membership" in said
    assert "strongest pairs correlate with exact double ablation at" in said
    assert "blocked at a rate of at most" in said


def test_second_time_nothing_is_done(whole: Path, config: Config) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.glob("*/L*")}
    said: list[str] = []
    assert analyze(config, whole, report=said.append) == []
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert said == []


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"batch_size": 24}, set()),
        ({"shuffles": 5}, {"lineage"}),
        ({"window": 20}, {"partition.pas.pac", "partition.oca.pac", "agreement", "lineage"}),
        ({"positions": "scored"}, {"phi.oca", "halves.oca", "partition.oca", "agreement", "lineage"}),
        ({"prompt": "{passage} {query}"}, {"capture", "moments", "phi", "halves", "partition", "agreement",
                                                "lineage"}),
        ({"solver": ("exact",)}, set()),
        ({"seed": (0, 1, 2)}, {"partition.pas.pac.2", "partition.oca.pac.2", "partition.pas.random.2",
                               "partition.oca.random.2", "agreement", "lineage"}),
    ],
)  # fmt: skip
def test_a_change_redoes_what_hangs_on_it_and_no_more(
    copy: Path, config: Config, change: dict[str, Any], stages: set[str]
) -> None:
    done = analyze(replace(config, **change), copy)
    assert all(any(unit.startswith(stage) for stage in stages) for unit in done), done
    assert all(any(unit.startswith(stage) for unit in done) for stage in stages), done
    if "positions" in change:
        assert not any(".pas." in unit for unit in done)


def test_one_more_layer(copy: Path, config: Config) -> None:
    done = analyze(replace(config, layers=(0, 1, 2, 3)), copy)
    assert done
    assert all(unit.endswith("/L00") for unit in done)


def test_other_text_redoes_all_and_equals_a_fresh_analysis(copy: Path, config: Config, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    write_pairs(other, load_pairs(Path(config.text))[:10])
    changed = replace(config, text=str(other))
    done = analyze(changed, copy)
    assert "text/pairs" in done
    assert "capture/L01" in done
    analyze(changed, tmp_path / "fresh")
    assert contents(copy) == contents(tmp_path / "fresh")


@pytest.mark.parametrize(
    ("file", "how"),
    [
        ("phi.pas/L02.safetensors", "truncated"),
        ("capture/L01.safetensors", "flipped"),
        ("partition.oca.exact/L03.parquet", "gone"),
        ("lineage.pas.exact/L01.json", "truncated"),
    ],
)
def test_damage_is_named_and_mended(copy: Path, config: Config, whole: Path, file: str, how: str) -> None:
    path = copy / file
    data = bytearray(path.read_bytes())
    if how == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif how == "flipped":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    else:
        path.unlink()
    said: list[str] = []
    done = analyze(config, copy, report=said.append)
    assert any(file in line and "again" in line for line in said)
    assert file.rpartition(".")[0] in done
    assert contents(copy) == contents(whole)


def test_damage_is_never_read(copy: Path) -> None:
    path = copy / "partition.pas.exact/L02.parquet"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(UserError, match=r"L02\.parquet is damaged"):
        open_results(copy, check=True)
    results = open_results(copy)
    with pytest.raises(UserError, match=r"partition\.pas\.exact/L02\.parquet is damaged .* run the analyze command"):
        results.members(results.runs[0], 2)


def test_damaged_manifest_and_unfinished_analysis(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(manifest | {"complete": False}))
    with pytest.raises(UserError, match="is not finished"):
        open_results(copy)
    (copy / "manifest.json").write_text('{"schema": 1, "un')
    with pytest.raises(UserError, match=r"manifest\.json is damaged"):
        open_results(copy)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"layers": (2, 4)}, "no layer 4"),
        ({"readout_norm": "off"}, "every pairwise interaction is exactly zero"),
        ({"text": "nowhere.jsonl"}, "no text at nowhere.jsonl"),
        ({"model": "./nowhere"}, "no model at ./nowhere"),
        ({"adapter": "./nowhere"}, "no adapter at ./nowhere"),
        ({"adapter": None}, "without an adapter"),
        ({"readout": "token: yes - no"}, "brings score.weight, which this readout does not read"),
    ],
)
def test_bad_input_leaves_no_folder(tmp_path: Path, config: Config, change: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says.replace(".", r"\.")):
        analyze(replace(config, **change), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path, config: Config) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="holds other files and is no analysis"):
        analyze(config, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("name", [".precious", ".git"])
def test_hidden_things_of_others_stay(tmp_path: Path, config: Config, name: str) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(UserError, match="holds other files"):
        analyze(config, tmp_path)
    assert (tmp_path / name).read_text() == "precious"


def test_a_failed_analysis_leaves_an_empty_folder_that_was_there(tmp_path: Path, config: Config) -> None:
    with pytest.raises(UserError, match="no layer 9"):
        analyze(replace(config, layers=(9,)), tmp_path)
    with pytest.raises(UserError, match="no adapter"), Analysis.writing(tmp_path):
        raise UserError("no adapter")
    assert tmp_path.is_dir()
    assert not list(tmp_path.iterdir())


def test_random_may_be_named_first(tmp_path: Path, config: Config) -> None:
    first = replace(config, solver=("random", "exact"), valuation=("pas",), seed=(0,))
    analyze(first, tmp_path / "tiny")
    results = open_results(tmp_path / "tiny")
    random, exact = results.runs
    assert (random.solver, exact.solver) == ("random", "exact")
    assert np.array_equal(results.coalitions(random, 2)["size"], results.coalitions(exact, 2)["size"])


def test_what_does_not_change_a_run_does_not_change_its_fingerprint(copy: Path, config: Config) -> None:
    def fingerprints() -> dict[str, str]:
        results = open_results(copy)
        return {run.id: results.fingerprint(run) for run in results.runs}

    before = fingerprints()
    analyze(replace(config, batch_size=7), copy)
    assert fingerprints() == before
    analyze(replace(config, epsilon=0.2), copy)
    assert all(fingerprints()[run] != before[run] for run in before)
    analyze(replace(config, task="other"), copy)
    assert all(fingerprints()[run] != before[run] for run in before)


def test_certificates_judge_by_coalitions_the_solver_never_saw() -> None:
    import torch

    from hedonic_graph.config import RunSpec
    from hedonic_graph.game.sampling import uniform
    from hedonic_graph.pipeline.partitioning import _certificate_seed

    players = torch.arange(1536)

    def drawn(seed: int) -> set[tuple[int, ...]]:
        rows = uniform(players, 2000, 2, 10, torch.Generator().manual_seed(seed))
        return {tuple(row) for row in rows.tolist() if sum(one >= 0 for one in row) > 4}

    spec = RunSpec("pas", "pac", 0)
    assert len(drawn(0)) > 1000
    assert drawn(0).isdisjoint(drawn(_certificate_seed(spec, 11)))
    assert _certificate_seed(spec, 11) != _certificate_seed(spec, 12)


def test_one_writer_at_a_time(copy: Path, config: Config) -> None:
    with Analysis.writing(copy), pytest.raises(UserError, match="another process is writing"):
        analyze(config, copy)


def test_a_capture_cut_off_continues_at_its_layer(
    tmp_path: Path, config: Config, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted:
        """The bar of a capture that is stopped in its third layer."""

        def __init__(self, *_: Any, **__: Any) -> None:
            self.left = 60

        def update(self, steps: float = 1) -> None:
            self.left -= int(steps)
            if self.left < 0:
                raise KeyboardInterrupt

    folder = tmp_path / "tiny"
    with monkeypatch.context() as patched:
        patched.setattr(capturing, "bar", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            analyze(config, folder)
    said: list[str] = []
    done = analyze(config, folder, report=said.append)
    assert "continuing the capture at layer 2" in said
    assert "capture/L01" not in done
    assert contents(folder) == contents(whole)
    assert not list(folder.glob(".capture*"))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_and_run_again(tmp_path: Path, config: Config, whole: Path, how: signal.Signals) -> None:
    """The command itself, stopped once the first partitions are there; then the same command to the end."""
    folder = tmp_path / "tiny"
    settings = tmp_path / "analysis.toml"
    text = f"""
model = "{config.model}"
adapter = "{config.adapter}"
text = "{config.text}"
task = "CQTR"
layers = "1-3"
valuation = ["pas", "oca"]
solver = ["exact", "pac", "random"]
seed = [0, 1]
samples = 400
certificate_samples = 500
batch_size = 5
"""
    settings.write_text(text)
    command = [sys.executable, "-m", "hedonic_graph.cli", "analyze", "--config", str(settings), "-o", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 240
    while not (folder / "partition.pas.pac.0").exists():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < until
        time.sleep(0.002)
    os.kill(process.pid, how)
    _, said = process.communicate(timeout=120)
    assert process.returncode == (-signal.SIGKILL if how == signal.SIGKILL else 130)
    if how == signal.SIGINT:
        assert said.strip().splitlines()[-1] == "Interrupted: the same command continues where this one stopped."
    manifest = json.loads((folder / "manifest.json").read_text())
    assert not manifest["complete"]
    assert "lineage.oca.exact/L02" not in manifest["units"]
    done = analyze(config, folder)
    assert "capture/L01" not in done
    assert contents(folder) == contents(whole)
