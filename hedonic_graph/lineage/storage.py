"""A layer step as files: arrays in safetensors, counts in JSON."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from hedonic_graph.lineage.step import LayerStep

_ARRAYS = ("source", "target", "mass", "flow", "alpha", "beta", "lift", "z", "matched", "event", "fate", "origin")


def save_step(path: Path, step: LayerStep, following: int) -> None:
    """Write ``path`` with the suffixes .safetensors and .json; ``following`` is the layer the targets are of."""
    save_file({name: np.ascontiguousarray(getattr(step, name)) for name in _ARRAYS}, path.with_suffix(".safetensors"))
    record = {"next_layer": following, "counts": step.counts, "chance": step.chance, "left_out": step.left_out}
    path.with_suffix(".json").write_text(json.dumps(record, indent=1), encoding="utf-8")


def load_step(arrays: Path, record: Path) -> LayerStep:
    """Read the two files back."""
    kept = json.loads(record.read_text(encoding="utf-8"))
    # Older folders follow every coalition and do not say so.
    left_out = kept.get("left_out", 0)
    return LayerStep(**load_file(arrays), counts=kept["counts"], chance=kept["chance"], left_out=left_out)
