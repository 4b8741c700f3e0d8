"""Load tiny models as the package does, and run its capture."""

import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tiny import WORDS, make_tokenizer

from hedonic_graph.models.capture import LayerCapture, batches, capture
from hedonic_graph.models.load import load_model
from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.models.locate import locate_adapter, locate_model


def load(
    base: Path,
    adapter: Path | None = None,
    layers: tuple[int, ...] = (1, 2),
    reference: str = "base",
    *,
    tuned: Path | None = None,
    readout: str = "score",
) -> LoadedModel:
    found = load_model(
        locate_model(str(base)),
        locate_adapter(str(adapter)) if adapter else None,
        layers,
        torch.device("cpu"),
        reference,
        tuned=locate_model(str(tuned)) if tuned else None,
        readout=readout,
    )
    # Some model types bring a tokenizer class that makes little of a vocabulary of words.
    return replace(found, tokenizer=make_tokenizer())


def captured(
    model: LoadedModel,
    prompts: Sequence[str],
    layers: Sequence[int],
    *,
    batch_size: int = 5,
    side: str = "right",
    all_tokens: bool = False,
) -> dict[int, LayerCapture]:
    model.tokenizer.padding_side = side
    batched = batches(model, prompts, batch_size=batch_size, max_tokens=64)
    with tempfile.TemporaryDirectory() as folder:
        return dict(capture(model, batched, layers, Path(folder), "test", all_tokens=all_tokens))


def sentences(count: int, words: int | None = None, seed: int = 0) -> list[str]:
    """Prompts of so many words, or of different lengths."""
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=words or draw.randint(3, 12))) for _ in range(count)]


def error(ours: Any, theirs: Any) -> float:
    """Relative to the size of what it should be."""
    return float((torch.as_tensor(ours).double() - theirs).norm() / theirs.norm())
