"""Two processes share a training under ``accelerate``, as two GPUs would."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tuning.making import curve, small

from hedonic_graph.tuning.finetune import finetune


def test_two_processes_take_the_same_course_as_one(tiny_base: Path, positives: Path, tmp_path: Path) -> None:
    # Batches of five leave the processes unequal shares, and one pass of the last batch without any.
    config = small(tiny_base, positives, task="rm", batch_size=5, per_pass=1, steps=5)
    alone = finetune(config, tmp_path / "alone", cpu=True)
    options = [
        *("--model", tiny_base, "--text", positives, "--task", "rm", "--layers", "1-2", "--rank", 2, "--held-out", 6),
        *("--batch-size", 5, "--per-pass", 1, "--steps", 5, "--warm-up", 2, "--negatives", 3, "--evaluate-every", 4),
        *("--learning-rate", 0.003, "--head-learning-rate", 0.003, "--precision", "float32", "--checkpoint-every", 3),
        *("--device", "cpu", "--json", "-o", tmp_path / "shared"),
    ]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [*launch, "-m", "hedonic_graph.cli", "finetune", *map(str, options)],
        env=os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    assert "on 2 x cpu" in done.stderr
    for column in ("loss", "gradient", "tokens", "held_out_loss"):
        np.testing.assert_allclose(curve(tmp_path / "shared")[column], curve(tmp_path / "alone")[column], rtol=1e-4)
    shared = json.loads(done.stdout)
    for who, row in alone["texts"][0]["rows"].items():
        assert shared["texts"][0]["rows"][who] == pytest.approx(row, rel=1e-4)
