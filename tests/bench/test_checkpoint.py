"""A synthetic checkpoint is one that analyze takes, in bfloat16 shards, and reading it holds one layer at a time."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from hedonic_graph.bench import checkpoint, memory
from hedonic_graph.bench.checkpoint import Scale, write_checkpoint
from hedonic_graph.cli import main
from hedonic_graph.errors import UserError
from hedonic_graph.models.card import card
from hedonic_graph.models.load import load_model, shape_of
from hedonic_graph.models.locate import locate_adapter, locate_model
from hedonic_graph.models.skeleton import read_tokenizer

SMALL = {
    "hidden_size": 256,
    "intermediate_size": 4096,
    "num_hidden_layers": 16,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "vocab_size": 49152,
}


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """The packaged model's, which takes seconds to read."""
    return read_tokenizer(locate_model("smollm2"))


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch, tokenizer: Any) -> None:
    monkeypatch.setattr(checkpoint, "read_tokenizer", lambda _: tokenizer)


@pytest.fixture(params=["llama", "gemma2", "gpt_neox"])
def like(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(checkpoint.SHAPES, "small", SMALL | {"model_type": request.param})
    return "small"


def test_the_shapes_are_the_real_ones() -> None:
    assert {name: shape["intermediate_size"] for name, shape in checkpoint.SHAPES.items()} == {
        "llama-3.1-8b": 14336, "gemma-2-9b": 14336, "pythia-6.9b": 16384
    }  # fmt: skip


def test_model_and_adapter_belong_together(like: str, tmp_path: Path) -> None:
    said: list[str] = []
    model, adapter = write_checkpoint(tmp_path / "made", Scale(like, layers=3), report=said.append)
    shards = sorted(path.name for path in model.glob("*.safetensors"))
    assert len(shards) == 4
    assert said == [*shards, "adapter_model.safetensors"]
    assert {tensor.dtype for tensor in load_file(model / shards[1]).values()} == {torch.bfloat16}
    files = locate_model(str(model))
    assert shape_of(files)["layers"] == 3
    assert shape_of(files)["d_ff"] == 4096
    loaded = load_model(files, locate_adapter(str(adapter)), (1, 2), torch.device("cpu"), "base")
    changes = card(loaded, (1, 2))["tuning"]["changes"]["2"]
    assert all(0.003 < change["relative"] < 0.03 for change in changes.values())


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'gpt-5' is none of llama-3\.1-8b, gemma"):
        write_checkpoint(tmp_path / "new", Scale("gpt-5"))
    with pytest.raises(UserError, match=r"llama-3\.1-8b has 1 to 32 layers, not 33"):
        write_checkpoint(tmp_path / "new", Scale("llama-3.1-8b", layers=33))
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="holds something"):
        write_checkpoint(tmp_path, Scale("llama-3.1-8b"))
    assert not (tmp_path / "new").exists()


MEASURE = """
import sys, tempfile
from pathlib import Path
from typing import Any, NamedTuple
import torch
from hedonic_graph.bench.machine import peak
from hedonic_graph.models.capture import batches, capture
from hedonic_graph.models.load import load_model
from hedonic_graph.models.locate import locate_adapter, locate_model
from hedonic_graph.models.skeleton import read_tokenizer

model = load_model(
    locate_model(sys.argv[1]), locate_adapter(sys.argv[2]), (14, 15), torch.device("cpu"), "base"
)
batched = batches(model, ["a query and a passage"] * 4, batch_size=4, max_tokens=8)
before = peak()
with tempfile.TemporaryDirectory() as folder:
    for number, kept in capture(model, batched, (14, 15), Path(folder), "key", all_tokens=False):
        assert torch.isfinite(kept.base).all()
print((peak() - before) / 2**20)
"""


def test_a_walk_holds_one_layer_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checkpoint.SHAPES, "small", SMALL | {"model_type": "llama"})
    model, adapter = write_checkpoint(tmp_path / "made", Scale("small"))
    index = json.loads((model / "model.safetensors.index.json").read_text())
    layers = sum("layers." in name for name in index["weight_map"])
    assert layers == 16 * 9
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(model), str(adapter)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    # The layers take 211 MB in float32, the embedding 48, a layer 13, tuned and base MLP and activations some more.
    assert float(done.stdout) < 150


def test_the_command(like: str, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    command = ["bench", "checkpoint", str(folder), "--like", like, "--layers", "2"]
    shown = CliRunner().invoke(main, command)
    assert shown.exit_code == 0, shown.output
    assert f"hedonic-graph analyze --model {folder / 'model'} --adapter {folder / 'adapter'}" in shown.stdout
    assert "wrote model-00001-of-00003.safetensors" in shown.stderr
    again = CliRunner().invoke(main, command)
    assert (again.exit_code, again.stdout, again.stderr) == (0, shown.stdout, "")
    other = CliRunner().invoke(main, [*command, "--seed", "1"])
    assert other.exit_code == 2
    assert "holds something else" in other.stderr


def test_a_folder_half_written_is_not_taken(like: str, tmp_path: Path) -> None:
    def stop(name: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(tmp_path / "made", Scale(like, layers=2), report=stop)
    with pytest.raises(UserError, match="half written"):
        write_checkpoint(tmp_path / "made", Scale(like, layers=2))


def test_the_vocabulary_is_an_option_and_holds_the_tokenizer(like: str, tmp_path: Path) -> None:
    model, _ = write_checkpoint(tmp_path / "made", Scale(like, layers=1, vocabulary=50_000))
    assert json.loads((model / "config.json").read_text())["vocab_size"] == 50_000
    with pytest.raises(UserError, match="the tokenizer has 49152 tokens, more than a vocabulary of 1000"):
        write_checkpoint(tmp_path / "new", Scale(like, layers=1, vocabulary=1000))


def test_too_small_a_disk(like: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda _: Free(10**7))
    with pytest.raises(UserError, match=r"needs 0\.\d GB, its disk has 0\.0 GB free: .* fewer --layers"):
        write_checkpoint(tmp_path / "made", Scale(like, layers=2))
    assert not (tmp_path / "made").exists()


class Free(NamedTuple):
    free: int


def test_the_memory_of_analyze_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checkpoint.SHAPES, "small", SMALL | {"model_type": "llama", "intermediate_size": 96})
    folder = tmp_path / "made"
    command = ["bench", "checkpoint", str(folder), "--like", "small", "--layers", "3"]
    shown = CliRunner().invoke(main, [*command, "--analyze", "2", "--pairs", "4", "--limit", "2", "--json"])
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)
    taken = found["taken"]
    # PyTorch and transformers alone take some hundred megabytes.
    assert 1e8 < taken["before"] < taken["peak"] < 2e9
    assert found["ratio"] == pytest.approx(taken["peak"] / 2e9)
    stages = taken["stages"]
    assert list(stages) == ["text", "capture", "phi", "halves", "partition"]
    assert 0 < sum(one["seconds"] for one in stages.values()) <= taken["seconds"]
    assert max(one["peak"] for one in stages.values()) == taken["peak"]
    assert sorted(path.name for path in folder.iterdir()) == ["adapter", "checkpoint.json", "model"]
    assert found["within"]
    for limit, code, verdict in (("0.1", 1, " of 0.1 GB: ABOVE THE LIMIT ("), ("2", 0, " of 2 GB (")):
        with monkeypatch.context() as patch:
            patch.setattr(memory, "ask", lambda *_: copy.deepcopy(taken))
            again = CliRunner().invoke(main, [*command, "--analyze", "2", "--pairs", "4", "--limit", limit])
        assert again.exit_code == code
        assert verdict in again.stdout
        rows = [line.split() for line in again.stdout.splitlines()]
        peak = stages["capture"]["peak"] / 1e9
        assert any(row[:1] == ["capture"] and float(row[2]) == pytest.approx(peak, abs=6e-3) for row in rows)
    wrong = CliRunner().invoke(main, [*command, "--analyze", "2-3"])
    assert (wrong.exit_code, wrong.stderr) == (2, "Error: model has no layer 3: its layers are 0-2\n")


def test_stages_are_told_apart_by_the_memory_that_each_holds(tmp_path: Path) -> None:
    """Two units of one stage around one of another; the marks of a process of its own."""
    done = subprocess.run([sys.executable, "-c", WATCHED, str(tmp_path)], capture_output=True, text=True, check=True)
    small, large, seconds, restored = json.loads(done.stdout)
    assert large - small == pytest.approx(200e6, rel=0.2)
    assert seconds >= 0.2
    assert restored


WATCHED = """
import json, sys, time
from pathlib import Path
from hedonic_graph.analysis import Analysis
from hedonic_graph.bench.memory import watched

commit = Analysis.commit
with Analysis.writing(Path(sys.argv[1]) / "a") as analysis, watched(Analysis) as stages:
    def write(path):
        path.with_suffix(".txt").write_text("x")
    def wait(path):
        time.sleep(0.1)
        write(path)
    def hold(path):
        held = bytearray(b"x") * 200_000_000
        write(path)
    analysis.commit("phi.pas/L00", "key", wait)
    analysis.commit("partition.pas.exact/L00", "key", hold)
    analysis.commit("phi.pas/L01", "key", wait)
found = stages["phi"].peak, stages["partition"].peak, stages["phi"].seconds, Analysis.commit is commit
print(json.dumps(found))
"""
