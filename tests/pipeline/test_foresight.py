"""Too little disk or memory is said before the work, with what it would take."""

import shutil
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.pipeline import foresight, memory_left
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.pipeline.foresight import MARGIN, Sizes, check_room

CPU = torch.device("cpu")
LLAMA = Sizes(neurons=14336, width=4096, examples=1000)
Usage = namedtuple("Usage", "total used free")
Memory = namedtuple("Memory", "available")


def room(monkeypatch: pytest.MonkeyPatch, *, disk: float = 1e15, memory: float = 1e15, held: float = 0) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, int(disk)))
    monkeypatch.setattr(foresight, "memory_left", lambda: int(memory))
    monkeypatch.setattr(foresight, "memory_held", lambda: int(held))


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
    check_room(asked(**options), tmp_path / "new" / "er", LLAMA, CPU)
    room(monkeypatch, disk=(gigabytes - 0.01) * 1e9)
    with pytest.raises(UserError, match=rf"will take {gigabytes:.2f} GB or more, and its disk has .* GB left: make"):
        check_room(asked(**options), tmp_path / "new" / "er", LLAMA, CPU)


@pytest.mark.parametrize(
    ("layers", "gigabytes"),
    # 300,000 tokens of 4,096 floats, twice on the way to the last layer; the first layer reads what is there.
    [((7,), 2 * 4.915), ((0,), 4.915 + 1.049 / 8)],
)
def test_the_residual_stream_needs_disk_while_a_layer_is_walked_through(
    layers: tuple[int, ...], gigabytes: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sizes = LLAMA.with_prompts({"count": 1000, "longest": 700, "max_tokens": 512, "tokens": 300_000})
    room(monkeypatch, disk=(gigabytes + 0.01) * 1e9)
    check_room(asked(layers=layers), tmp_path, sizes, CPU)
    room(monkeypatch, disk=(gigabytes - 0.01) * 1e9)
    with pytest.raises(UserError, match=rf"will take {gigabytes:.2f} GB or more"):
        check_room(asked(layers=layers), tmp_path, sizes, CPU)


def test_what_the_folder_holds_is_not_needed_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small = Sizes(neurons=100, width=10, examples=10)
    needed = 4 * (10 * 210 + 100**2)
    room(monkeypatch, disk=needed - 1)
    with pytest.raises(UserError, match=r"will take 0\.0484 MB or more, and its disk has 0\.0484 MB left"):
        check_room(asked(layers=(0,)), tmp_path, small, CPU)
    (tmp_path / "capture").mkdir()
    (tmp_path / "capture" / "L00.safetensors").write_bytes(b"x")
    check_room(asked(layers=(0,)), tmp_path, small, CPU)


PAIRS, WEIGHTS = 14336**2, 14336 * 4096
CAPTURED = 1000 * (4096 + 4 * 14336)


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        # Between two layers: both with their base, and what reads them.
        ({}, 15 * WEIGHTS),
        ({"reference": "zero"}, 2 * PAIRS + 3 * WEIGHTS + CAPTURED),
        # Alone: two halves.
        ({"layers": (7,)}, 2 * PAIRS + 6 * WEIGHTS + CAPTURED),
        ({"layers": (7,), "valuation": ("oca",)}, 3 * PAIRS + 6 * WEIGHTS + CAPTURED),
    ],
)
def test_memory(options: dict[str, Any], numbers: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    foreseen = 0.9e9 + 4 * numbers
    room(monkeypatch, memory=MARGIN * foreseen + 2)
    check_room(asked(**options), tmp_path, LLAMA, CPU)
    room(monkeypatch, memory=MARGIN * foreseen - 1e6)
    with pytest.raises(UserError, match=rf"14,336 neurons take about {foreseen / 1e9:.2f} GB of memory, and .* GB are"):
        check_room(asked(**options), tmp_path, LLAMA, CPU)
    check_room(asked(**options), tmp_path, LLAMA, torch.device("meta"))
    # What this process holds already is part of it.
    room(monkeypatch, memory=MARGIN * foreseen - 1e6, held=2e6)
    check_room(asked(**options), tmp_path, LLAMA, CPU)


def test_memory_of_a_consensus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of neurons whose weights are small beside their pairs."""
    narrow = Sizes(neurons=14336, width=64, examples=10)
    foreseen = 0.9e9 + 4 * 3 * PAIRS
    config = asked(layers=(7,), solver=("exact", "consensus"))
    room(monkeypatch, memory=MARGIN * foreseen + 2)
    check_room(config, tmp_path, narrow, CPU)
    room(monkeypatch, memory=MARGIN * foreseen - 1e6)
    with pytest.raises(UserError, match=rf"about {foreseen / 1e9:.2f} GB"):
        check_room(config, tmp_path, narrow, CPU)
    check_room(replace(config, solver=("exact",)), tmp_path, narrow, CPU)


CONSENSUS = """
import numpy as np
import torch
from hedonic_graph.bench.machine import forget_peak, peak
from hedonic_graph.game.consensus import consensus
from hedonic_graph.game.partition import Partition

draw = np.random.default_rng(0)
strays = draw.random((20, 2048)) < 0.3
labels = np.where(strays, draw.integers(100, size=(20, 2048)), draw.integers(100, size=2048))
partitions = [Partition.from_labels(one) for one in labels]
consensus([Partition.from_labels(one[:64]) for one in labels], resolution=4)
forget_peak()
before = peak()
phi = torch.ones(2048, 2048)
consensus(partitions, resolution=4)
print(sum(len(one) for one in partitions), peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not let a peak begin anew")
def test_a_consensus_takes_what_is_foreseen() -> None:
    """Twenty resamples whose 2,000 coalitions are nearly as many as the 2,048 neurons."""
    said = subprocess.run([sys.executable, "-c", CONSENSUS], check=True, capture_output=True, text=True).stdout
    coalitions, taken = map(int, said.split())
    foreseen = 4 * foresight._agreed(Sizes(neurons=2048, width=1, examples=1))
    assert coalitions == 2000
    assert MARGIN * foreseen < taken < 3 * foreseen


def test_memory_of_long_prompts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sizes = LLAMA.with_prompts({"count": 1000, "longest": 700, "max_tokens": 512, "tokens": 300_000})
    config = asked(layers=(7,), batch_size=64)
    foreseen = 0.9e9 + 4 * (3 * WEIGHTS + 64 * 512 * (3 * 14336 + 2 * 4096))
    room(monkeypatch, memory=MARGIN * foreseen + 2)
    check_room(config, tmp_path, sizes, CPU)
    room(monkeypatch, memory=MARGIN * foreseen - 1e6)
    with pytest.raises(UserError, match=rf"about {foreseen / 1e9:.2f} GB"):
        check_room(config, tmp_path, sizes, CPU)
    check_room(config, tmp_path, LLAMA, CPU)


def group(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(memory_left, "_MOUNT", tmp_path / "fs")
    monkeypatch.setattr(memory_left, "_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(10_000))
    (tmp_path / "fs").mkdir()
    return tmp_path


def test_a_limit_of_the_control_group_counts_version_2(groups: Path) -> None:
    (groups / "cgroup").write_text("0::/job/step\n")
    stat = "anon 5\ninactive_file 300\nactive_file 200\n"
    group(groups / "fs" / "job" / "step", memory__max="max\n", memory__current="900\n", memory__stat=stat)
    assert memory_left.memory_left() == 10_000
    group(groups / "fs" / "job", memory__max="4000\n", memory__current="1000\n", memory__stat=stat)
    assert memory_left.memory_left() == 4000 - 1000 + 500
    group(groups / "fs" / "job" / "step", memory__max="20000\n")
    assert memory_left.memory_left() == 3500
    group(groups / "fs" / "job", memory__max="800\n", memory__stat="anon 5\n")
    assert memory_left.memory_left() == 0


def test_a_limit_of_the_control_group_counts_version_1(groups: Path) -> None:
    (groups / "cgroup").write_text("5:cpu,cpuacct:/x\n4:memory:/of/the/host\n0::/\n")
    # In a container its own group is the root, whatever the path says.
    names = {"memory__limit_in_bytes": "4000\n", "memory__usage_in_bytes": "1000\n"}
    group(groups / "fs" / "memory", **names, memory__stat="total_inactive_file 30\ntotal_active_file 20\n")
    assert memory_left.memory_left() == 3050
    group(groups / "fs" / "memory", memory__limit_in_bytes="9223372036854771712\n")
    assert memory_left.memory_left() == 10_000


def test_no_control_groups(groups: Path) -> None:
    assert memory_left.memory_left() == 10_000


def test_analyze_says_it_before_anything_is_written(
    config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    room(monkeypatch, memory=1e6)
    with pytest.raises(UserError, match=r"40 neurons take about 0\.90 GB of memory, and 1 MB are there"):
        analyze(replace(config), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_analyze_says_it_when_the_prompts_are_known(
    config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[Sizes] = []
    monkeypatch.setattr("hedonic_graph.pipeline.analyze.check_room", lambda _, __, sizes, ___: seen.append(sizes))
    with monkeypatch.context() as stopped:
        stopped.setattr("hedonic_graph.pipeline.analyze.keep_text", lambda _: pytest.exit("written"))
        with pytest.raises(pytest.exit.Exception):
            analyze(config, tmp_path / "new")
    before, after = seen
    assert (before.longest, before.tokens) == (1, 0)
    assert 1 < after.longest < after.tokens
