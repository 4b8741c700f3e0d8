"""Whole trainings of a tiny model: what comes out, and that it is the same after an interruption."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification
from tuning.making import curve, small

from hedonic_graph.errors import UserError
from hedonic_graph.models.locate import locate_adapter, locate_model
from hedonic_graph.text.labels import covered_query_term_ratio
from hedonic_graph.tuning import checkpoint as checkpoints
from hedonic_graph.tuning import loop
from hedonic_graph.tuning.config import EvaluationConfig, TuningConfig
from hedonic_graph.tuning.encode import encode
from hedonic_graph.tuning.examples import LABELS
from hedonic_graph.tuning.finetune import finetune
from hedonic_graph.tuning.model import prepare


def run(config: TuningConfig, folder: Path, evaluation: EvaluationConfig | None = None) -> dict[str, Any]:
    return finetune(config, folder, evaluation, cpu=True)


def row(scores: dict[str, Any], who: str, text: int = 0) -> dict[str, float]:
    found: dict[str, float] = scores["texts"][text]["rows"][who]
    return found


@pytest.fixture(scope="module")
def config(tiny_base: Path, positives: Path) -> TuningConfig:
    return small(tiny_base, positives)


@pytest.fixture(scope="module")
def trained(config: TuningConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "adapter"
    run(config, folder)
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")


def same(one: Path, other: Path) -> bool:
    mine, theirs = weights(one), weights(other)
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_the_folder_holds_an_adapter_its_log_and_its_scores(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == [
        *("adapter_config.json", "adapter_model.safetensors", "log.csv", "scores.json", "tuning.json"),
    ]
    log = pd.read_csv(trained / "log.csv")
    assert log["step"].tolist() == list(range(1, 9))
    assert log["held_out"].notna().tolist() == [step in (4, 8) for step in range(1, 9)]
    names = {name.split(".lora_")[0].removeprefix("base_model.model.") for name in weights(trained)}
    expected = {f"model.layers.{n}.mlp.{part}_proj" for n in (1, 2) for part in ("gate", "up", "down")}
    assert names == expected | {"score.weight"}


def test_plain_peft_gives_the_predictions_that_were_scored(config: TuningConfig, trained: Path) -> None:
    from hedonic_graph.text.positives import read_positives
    from hedonic_graph.tuning.examples import build, split

    model = AutoModelForSequenceClassification.from_pretrained(config.model, num_labels=1)
    tuned = PeftModel.from_pretrained(model, str(trained)).eval()
    from tiny import make_tokenizer

    kept = build(split(read_positives(Path(config.text)), config).held_out, config)
    encoded, _ = encode(kept, make_tokenizer(), config.prompt, config.max_tokens, cut=False)
    with torch.inference_mode():
        found = [float(tuned(input_ids=torch.tensor([one.prompts[0]])).logits) for one in encoded]
    labels = np.array([one.example.labels[0] for one in encoded])
    scores = json.loads((trained / "scores.json").read_text())
    assert np.square(np.array(found) - labels).mean() == pytest.approx(row(scores, "tuned")["mse"], rel=1e-5)
    log = pd.read_csv(trained / "log.csv")
    assert log["held_out_loss"].min() == pytest.approx(row(scores, "tuned")["mse"], rel=1e-5)


def test_analyze_reads_it(config: TuningConfig, trained: Path, tiny_text: Path, tmp_path: Path) -> None:
    from hedonic_graph.config import Config
    from hedonic_graph.pipeline.analyze import analyze

    asked = Config(
        model=config.model,
        adapter=str(trained),
        text=str(tiny_text),
        layers=(1, 2),
        solver=("exact",),
        certificate_samples=100,
    )
    assert analyze(asked, tmp_path / "analysis", device="cpu", report=lambda line: None)


def test_base_weights_stay_and_only_the_adapter_moves(
    config: TuningConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def spy(files: Any, settings: TuningConfig) -> Any:
        found = prepare(files, settings)
        seen.append((found, {name: one.clone() for name, one in found.model.named_parameters()}))
        return found

    monkeypatch.setattr("hedonic_graph.tuning.finetune.prepare", spy)
    run(config, tmp_path / "out")
    ((tuned, before),) = seen
    after = dict(tuned.model.named_parameters())
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == set(tuned.trained())
    assert all("lora_" in name or "score.modules_to_save" in name for name in moved)
    original = load_file(Path(config.model) / "model.safetensors")
    for name, one in original.items():
        if not name.startswith("lm_head"):
            wrapped = f"base_model.model.{name}"
            inner = wrapped.replace("_proj.weight", "_proj.base_layer.weight")
            assert torch.equal(after[inner if inner in after else wrapped], one)


def test_the_same_seed_gives_the_same_adapter_and_another_does_not(
    config: TuningConfig, trained: Path, tmp_path: Path
) -> None:
    run(config, tmp_path / "again")
    assert same(trained, tmp_path / "again")
    pd.testing.assert_frame_equal(curve(trained), curve(tmp_path / "again"), check_exact=True)
    run(small(Path(config.model), Path(config.text), seed=1), tmp_path / "other")
    assert not same(trained, tmp_path / "other")


def test_a_killed_training_continues_on_the_same_curve(config: TuningConfig, trained: Path, tmp_path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from hedonic_graph.tuning import log
from tuning.making import small
from hedonic_graph.tuning.examples import LABELS
from hedonic_graph.tuning.finetune import finetune
add = log.Log.add
def kill(self, **row):
    add(self, **row)
    if row["step"] == 5:
        self._file.write("6,0.3")  # And in the middle of a line.
        self._file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
log.Log.add = kill
finetune(small(Path({config.model!r}), Path({config.text!r})), Path({str(tmp_path / "out")!r}), cpu=True)
"""
    tests = Path(__file__).parents[1]
    path = [str(tests), str(tests.parent)]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{program}"], capture_output=True, timeout=300
    )
    assert done.returncode == -9, done.stderr
    assert [line.split(",")[0] for line in (tmp_path / "out" / "log.csv").read_text().split()][-2:] == ["5", "6"]
    kept = checkpoints.read(tmp_path / "out", prepare(locate_model(config.model), config).weights())
    assert kept is not None
    assert kept.progress.step == 3
    run(config, tmp_path / "out")
    pd.testing.assert_frame_equal(curve(trained), curve(tmp_path / "out"), check_exact=True)
    assert same(trained, tmp_path / "out")
    assert not (tmp_path / "out" / checkpoints.NAME).exists()


def test_it_stops_early_and_keeps_the_best(tiny_base: Path, positives: Path, tmp_path: Path) -> None:
    # A rate at which it soon gets worse.
    wild: dict[str, Any] = {"epochs": 9, "steps": 60, "evaluate_every": 1, "patience": 4, "blends": 0}
    wild |= {"learning_rate": 0.3, "head_learning_rate": 0.3}
    scores = run(small(tiny_base, positives, **wild), tmp_path / "stopped")
    log = pd.read_csv(tmp_path / "stopped" / "log.csv")
    best = int(log["held_out_loss"].idxmin())
    assert scores["training"]["steps"] == len(log) == best + 1 + 4 < 60
    assert scores["training"]["best_step"] == best + 1
    assert row(scores, "tuned")["mse"] == pytest.approx(log["held_out_loss"].min(), rel=1e-5)
    assert log["held_out_loss"].iloc[-1] > 1.1 * log["held_out_loss"].min()
    scores = run(small(tiny_base, positives, **(wild | {"patience": 0, "steps": 12})), tmp_path / "last")
    log = pd.read_csv(tmp_path / "last" / "log.csv")
    assert len(log) == 12
    assert row(scores, "tuned")["mse"] == pytest.approx(log["held_out_loss"].iloc[-1], rel=1e-5)


def test_passes_of_any_size_make_the_same_step(tiny_base: Path, positives: Path, trained: Path, tmp_path: Path) -> None:
    run(small(tiny_base, positives, per_pass=4), tmp_path / "out")
    mine, theirs = curve(tmp_path / "out"), curve(trained)
    np.testing.assert_allclose(mine["loss"], theirs["loss"], rtol=1e-4)
    np.testing.assert_allclose(mine["gradient"], theirs["gradient"], rtol=1e-3)


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    assert [loop.rate(step, 10, 4) for step in range(10)] == pytest.approx(
        [0.25, 0.5, 0.75, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]
    )


def test_small_labels_are_learned_like_large_ones(
    config: TuningConfig, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LABELS, "mean-tf-l", lambda query, passage: 0.01 * covered_query_term_ratio(query, passage))
    scores = run(small(Path(config.model), Path(config.text), task="mean-tf-l"), tmp_path / "out")
    np.testing.assert_allclose(curve(tmp_path / "out")["loss"], 1e-4 * curve(trained)["loss"], rtol=1e-3)
    np.testing.assert_allclose(curve(tmp_path / "out")["gradient"], curve(trained)["gradient"], rtol=1e-3)
    large = json.loads((trained / "scores.json").read_text())
    for who in ("mean of the training labels", "bm25, fitted", "untrained base", "tuned"):
        assert row(scores, who)["mse"] == pytest.approx(1e-4 * row(large, who)["mse"], rel=1e-3)


def test_ranking(tiny_base: Path, positives: Path, tmp_path: Path) -> None:
    for loss in ("listwise", "pairwise"):
        options = {"task": "rm", "loss": loss, "epochs": 8, "steps": None, "learning_rate": 0.01, "per_pass": 3}
        scores = run(small(tiny_base, positives, **options), tmp_path / loss)
        assert set(scores["texts"][0]["rows"]) == {"bm25", "untrained base", "tuned"}
        assert set(row(scores, "tuned")) == {"loss", "ndcg@10"}
        log = pd.read_csv(tmp_path / loss / "log.csv")
        assert log["loss"].tail(3).mean() < 0.8 * log["loss"].head(3).mean()


def test_shuffled_labels_never_stop_early(tiny_base: Path, positives: Path, tmp_path: Path) -> None:
    options = {"shuffle_labels": True, "patience": 1, "evaluate_every": 1, "learning_rate": 0.3, "steps": 10}
    scores = run(small(tiny_base, positives, **options), tmp_path / "out")
    assert scores["training"]["steps"] == 10


def test_a_finished_adapter_is_scored_again_only_on_another_text(
    config: TuningConfig, trained: Path, tiny_text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(trained, folder)
    with monkeypatch.context() as patch:
        patch.setattr("hedonic_graph.tuning.finetune.prepare", lambda *_: pytest.fail("nothing to do"))
        assert run(config, folder) == json.loads((trained / "scores.json").read_text())
    monkeypatch.setattr("hedonic_graph.tuning.finetune.train", lambda *_: pytest.fail("it is trained already"))
    before = locate_adapter(str(folder)).fingerprint()
    scores = run(config, folder, EvaluationConfig(text=str(tiny_text)))
    assert locate_adapter(str(folder)).fingerprint() == before
    assert scores["texts"][0]["rows"]["tuned"] == pytest.approx(
        json.loads((trained / "scores.json").read_text())["texts"][0]["rows"]["tuned"]
    )
    assert scores["texts"][1]["prompts"] == 24
    assert same(trained, folder)


def test_another_recipe_and_foreign_folders_are_refused(
    config: TuningConfig, trained: Path, tiny_base: Path, positives: Path, tmp_path: Path
) -> None:
    before = sorted(path.stat().st_mtime_ns for path in trained.iterdir())
    with pytest.raises(UserError, match=r"another rank \(2, now 3\): name another folder"):
        run(small(tiny_base, positives, rank=3), trained)
    assert sorted(path.stat().st_mtime_ns for path in trained.iterdir()) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="holds other files"):
        run(config, tmp_path / "mine")


def test_a_damaged_checkpoint_is_named(config: TuningConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("hedonic_graph.tuning.finetune.save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(config, folder)
    path = folder / checkpoints.NAME
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], b"", b"\0" * 100):
        path.write_bytes(broken)
        with pytest.raises(UserError, match=r"checkpoint\.safetensors is damaged: delete"):
            run(config, folder)
    path.write_bytes(whole)
    run(config, folder)


def test_nothing_is_left_behind_where_inputs_do_not_fit(tiny_base: Path, positives: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no layer 9"):
        run(small(tiny_base, positives, layers=(9,)), tmp_path / "out")
    with pytest.raises(UserError, match="no text at"):
        run(small(tiny_base, tmp_path / "none.jsonl"), tmp_path / "out")
    with pytest.raises(UserError, match="every prompt has more than 3 tokens"):
        run(small(tiny_base, positives, max_tokens=3), tmp_path / "out")
    with pytest.raises(UserError, match="no text at"):
        run(small(tiny_base, positives), tmp_path / "out", EvaluationConfig(text=str(tmp_path / "none")))
    assert not (tmp_path / "out").exists()


def test_a_loss_that_blows_up_is_said(tiny_base: Path, positives: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the loss is (inf|nan) at step \d+: try a smaller --learning-rate"):
        run(small(tiny_base, positives, learning_rate=1e30, head_learning_rate=1e30), tmp_path / "out")
