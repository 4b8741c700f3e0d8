"""A real model's analysis, small: SmolLM2 with the shipped adapter, by the commands that a user runs."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedonic_graph.text.pairs import Pair

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


def predicted(adapter: Path, pairs: "Sequence[Pair]") -> list[float]:
    """What plain peft and transformers make of SmolLM2 under an adapter; quickest where pairs come by length."""
    import torch
    from peft import PeftModel

    from hedonic_graph.models.load import load_classifier
    from hedonic_graph.models.locate import locate_model

    classifier, tokenizer = load_classifier(locate_model("smollm2"))
    tuned = PeftModel.from_pretrained(classifier, str(adapter)).eval()
    found: list[float] = []
    for start in range(0, len(pairs), 16):
        prompts = [pair.prompt for pair in pairs[start : start + 16]]
        tokens = tokenizer(prompts, padding=True, return_tensors="pt")
        with torch.inference_mode():
            found += tuned(**tokens).logits[:, 0].tolist()
    return found
