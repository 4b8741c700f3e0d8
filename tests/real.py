"""A real model's analysis, small: SmolLM2 with the shipped adapter, by the commands that a user runs."""

import os
import subprocess
import sys
from pathlib import Path

LAYERS = (11, 12, 13)
NAME = "small"
RUN = f"{NAME}/pas.exact"


def analyse(folder: Path) -> Path:
    """Analyse twelve pairs of query and passage into ``folder`` and return the analysis."""
    from hedonic_graph.demo import ADAPTER, text
    from hedonic_graph.text.pairs import write_pairs

    write_pairs(folder / "pairs.jsonl", text.pairs(12, split="held-out", seed=6))
    command(folder, "analyze", "--model", "smollm2", "--adapter", str(ADAPTER), "--text", "pairs.jsonl",
            "--layers", f"{LAYERS[0]}-{LAYERS[-1]}", "--solver", "exact", "--certificate-samples", "2000",
            "-o", NAME)  # fmt: skip
    return folder / NAME


def command(folder: Path, *arguments: str, **environment: str) -> str:
    """Run ``hedonic-graph`` in ``folder`` as a process of its own and return what it prints."""
    program = [sys.executable, "-m", "hedonic_graph.cli", *arguments]
    done = subprocess.run(
        program, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
