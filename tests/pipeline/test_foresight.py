"""Too little disk or memory is said before the work, with what it would take."""

import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.pipeline.foresight import check_room

CPU = torch.device("cpu")
LLAMA = {"neurons": 14336, "width": 4096, "examples": 1000}
Usage = namedtuple("Usage", "total used free")
Memory = namedtuple("Memory", "available")


def room(monkeypatch: pytest.MonkeyPatch, *, disk: float = 1e15, memory: float = 1e15) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, int(disk)))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(int(memory)))


def asked(**options: Any) -> Config:
    return Config(**{"model": "m", "text": "t", "layers": tuple(range(7, 15)), **options})


@pytest.mark.parametrize(
    ("options", "gigabytes"),
    [
        # 8 layers of 14,336^2 floats, and of 1,000 examples of 4,096 + 2 * 14,336.
        ({}, 6.577 + 1.049),
        ({"layers": (7,)}, (6.577 + 1.049) / 8),
        ({"valuation": ("oca",), "positions": "scored"}, 6.577 + 1.049),
        # Two halves of moments beside the valuation.
        ({"valuation": ("oca",)}, 3 * 6.577 + 1.049),
        ({"valuation": ("pas", "oca")}, 4 * 6.577 + 1.049),
        # Half of the valuation's floats.
        ({"phi_precision": "float16"}, 6.577 / 2 + 1.049),
        # What the MLPs of seven layers read of 1,000 examples.
        ({"mass": "effect"}, 6.577 + 1.049 + 7 * 0.016384),
    ],
)
def test_disk(options: dict[str, Any], gigabytes: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    room(monkeypatch, disk=(gigabytes + 0.01) * 1e9)
    check_room(asked(**options), tmp_path / "new" / "er", **LLAMA, device=CPU)
    room(monkeypatch, disk=(gigabytes - 0.01) * 1e9)
    with pytest.raises(UserError, match=rf"will take {gigabytes:.2f} GB or more, and its disk has .* GB left: make"):
        check_room(asked(**options), tmp_path / "new" / "er", **LLAMA, device=CPU)


def test_what_the_folder_holds_is_not_needed_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small = {"neurons": 100, "width": 10, "examples": 10}
    needed = 4 * (10 * 210 + 100**2)
    room(monkeypatch, disk=needed - 1)
    with pytest.raises(UserError, match=r"will take 0\.0484 MB or more, and its disk has 0\.0484 MB left"):
        check_room(asked(layers=(0,)), tmp_path, **small, device=CPU)
    (tmp_path / "capture").mkdir()
    (tmp_path / "capture" / "L00.safetensors").write_bytes(b"x")
    check_room(asked(layers=(0,)), tmp_path, **small, device=CPU)


def test_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # The libraries; two times n^2; 4 n d; 1,000 examples of d + 4 n.
    least = 0.9e9 + 4 * (2 * 14336**2 + 4 * 14336 * 4096 + 1000 * (4096 + 4 * 14336))
    room(monkeypatch, memory=least + 1)
    check_room(asked(), tmp_path, **LLAMA, device=CPU)
    room(monkeypatch, memory=least - 1e6)
    with pytest.raises(UserError, match=r"14,336 neurons take 3\.73 GB of memory or more, and 3\.73 GB are left"):
        check_room(asked(), tmp_path, **LLAMA, device=CPU)
    check_room(asked(), tmp_path, **LLAMA, device=torch.device("meta"))
    room(monkeypatch, memory=least + 4 * 14336**2 - 1e6)
    with pytest.raises(UserError, match="GB of memory or more"):
        check_room(asked(valuation=("oca",)), tmp_path, **LLAMA, device=CPU)


def test_memory_of_a_consensus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    least = 0.9e9 + 4 * (2.25 * 14336**2 + 4 * 14336 * 4096 + 1000 * (4096 + 4 * 14336))
    room(monkeypatch, memory=least + 1)
    check_room(asked(solver=("exact", "consensus")), tmp_path, **LLAMA, device=CPU)
    room(monkeypatch, memory=least - 1e6)
    with pytest.raises(UserError, match="GB of memory or more"):
        check_room(asked(solver=("exact", "consensus")), tmp_path, **LLAMA, device=CPU)
    check_room(asked(), tmp_path, **LLAMA, device=CPU)


def test_analyze_says_it_before_anything_is_written(
    config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    room(monkeypatch, memory=1e6)
    with pytest.raises(UserError, match=r"40 neurons take 0\.90 GB of memory or more, and 1 MB are left"):
        analyze(replace(config), tmp_path / "new")
    assert not (tmp_path / "new").exists()
