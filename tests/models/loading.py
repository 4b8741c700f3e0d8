"""Load tiny models as the package does, and run its capture."""

import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from oracle import StayDouble, Whole
from tiny import D_FF, D_MODEL, WORDS, make_tokenizer

from hedonic_graph.models.capture import LayerCapture, batches, capture
from hedonic_graph.models.load import load_model
from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.models.locate import locate_adapter, locate_model
from hedonic_graph.models.restart import Restart
from hedonic_graph.models.walk import Batch


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


def ablated_scores(
    model: LoadedModel, batched: Sequence[Batch], layer: int, groups: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The scores of the tuned model [B], and those with each of the groups ablated [G, B]."""
    restart = Restart(model, batched, layer)
    return restart.whole, restart.scores(groups)


def sentences(count: int, words: int | None = None, seed: int = 0) -> list[str]:
    """Prompts of so many words, or of different lengths."""
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=words or draw.randint(3, 12))) for _ in range(count)]


def error(ours: Any, theirs: Any) -> float:
    """Relative to the size of what it should be."""
    return float((torch.as_tensor(ours).double() - theirs).norm() / theirs.norm())


def identity_error(model: LoadedModel, whole: Whole, layer: int) -> float:
    """How far the deltas of a layer and its tuned output bias are from the difference of the whole MLPs' outputs."""
    h = torch.randn(16, D_MODEL, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), StayDouble():
        expected = whole.mlp(whole.tuned, layer)(h.double()) - whole.mlp(whole.base, layer)(h.double())
    assert expected.norm() > 1e-3
    block = model.block(layer)
    deltas = block.deltas(block.activations(h, block.tuned), block.activations(h, block.base), torch.arange(D_FF))
    ours = deltas.sum(1)
    if block.tuned.down_bias is not None:
        ours = ours + block.tuned.down_bias
    if block.base.down_bias is not None:
        ours = ours - block.base.down_bias
    return error(ours, expected)
