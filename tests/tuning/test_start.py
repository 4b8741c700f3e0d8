"""Trainings that go on from an adapter that is there."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tuning.making import curve, small

from hedonic_graph.errors import UserError
from hedonic_graph.tuning.finetune import finetune


def run(base: Path, positives: Path, folder: Path, **options: Any) -> dict[str, Any]:
    return finetune(small(base, positives, **options), folder, cpu=True)


@pytest.fixture(scope="module")
def first(tiny_base: Path, positives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start") / "first"
    run(tiny_base, positives, folder)
    return folder


@pytest.mark.parametrize("task", ["cqtr", "mean-tf-l", "rm"])
def test_it_begins_where_the_other_ended(
    task: str, first: Path, tiny_base: Path, positives: Path, tmp_path: Path
) -> None:
    still = {"task": task, "steps": 1, "learning_rate": 1e-30, "head_learning_rate": 1e-30}
    scores = run(tiny_base, positives, tmp_path / "on", start=str(first), **still)
    before, after = (load_file(one / "adapter_model.safetensors") for one in (first, tmp_path / "on"))
    assert before.keys() == after.keys()
    for name, one in before.items():
        torch.testing.assert_close(after[name], one, rtol=1e-6, atol=0)
    # What is called untrained is the base under a fresh head, as without a start.
    plain = run(tiny_base, positives, tmp_path / "plain", **still)
    rows, fresh = scores["texts"][0]["rows"], plain["texts"][0]["rows"]
    assert rows["untrained base"] == fresh["untrained base"]
    assert rows["tuned"] != rows["untrained base"]


def test_it_trains_from_there(first: Path, tiny_base: Path, positives: Path, tmp_path: Path) -> None:
    run(tiny_base, positives, tmp_path / "on", start=str(first), steps=3)
    assert curve(tmp_path / "on")["loss"][0] != pytest.approx(curve(first)["loss"][0], rel=1e-3)


@pytest.mark.parametrize("other", [{"rank": 3}, {"alpha": 4.0}, {"layers": (2,)}])
def test_another_shape_is_refused(
    other: dict[str, Any], first: Path, tiny_base: Path, positives: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        UserError, match=r"no going on from adapter first: it is not a LoRA of rank \d and alpha \d+ on"
    ):
        run(tiny_base, positives, tmp_path / "on", start=str(first), **other)
    assert not (tmp_path / "on").exists()


def test_another_start_is_another_recipe(first: Path, tiny_base: Path, positives: Path, tmp_path: Path) -> None:
    start = tmp_path / "start"
    shutil.copytree(first, start)
    run(tiny_base, positives, tmp_path / "on", start=str(start), steps=1)
    with pytest.raises(UserError, match="made with another start"):
        run(tiny_base, positives, tmp_path / "on", steps=1)
    run(tiny_base, positives, tmp_path / "other", steps=1, seed=1)
    shutil.copyfile(tmp_path / "other" / "adapter_model.safetensors", start / "adapter_model.safetensors")
    with pytest.raises(UserError, match="made with another start-files"):
        run(tiny_base, positives, tmp_path / "on", start=str(start), steps=1)
