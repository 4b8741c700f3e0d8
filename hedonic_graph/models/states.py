"""The residual stream after each layer at the scored position, of a base model and of what it was tuned to."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from hedonic_graph.models.capture import capture
from hedonic_graph.models.load import base_of, load_model
from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.models.locate import Files
from hedonic_graph.models.walk import Batch
from hedonic_graph.progress import Progress

BASE, TUNED = "base", "tuned"


def base_and_tuned(
    files: Files, adapter: Files | None, tuned: Files | None, layers: tuple[int, ...], device: torch.device
) -> dict[str, LoadedModel]:
    """Open the base model alone and, where there is an ``adapter`` or a ``tuned`` whole model, what it was tuned to.

    By name, ``base`` and ``tuned``; both read prompts with the same tokenizer, the tuned one's. Raises UserError where
    :func:`~hedonic_graph.models.load.load_model` does.
    """
    # Nothing is ablated and nothing is read off a head: the models need none, and no MLP needs to be tuned.
    loaded = load_model(files, adapter, layers, device, "zero", tuned=tuned, readout=None)
    return {BASE: loaded} if loaded.tuning is None else {BASE: base_of(loaded, layers), TUNED: loaded}


def states(
    model: LoadedModel,
    batched: Sequence[Batch],
    layers: Sequence[int],
    folder: Path,
    key: str,
    *,
    begin: Callable[[int, int], Progress],
) -> Iterator[tuple[int, Tensor]]:
    """Yield each of ``layers`` with the residual stream [B, d] that leaves it at the scored position, going up.

    Float32 on the CPU, without the norm behind the last layer; one layer at a time is in memory. The arguments are
    those of :func:`~hedonic_graph.models.capture.capture`, which a walk that was cut off goes on in.
    """
    for number, kept in capture(model, batched, layers, folder, key, all_tokens=False, begin=begin):
        yield number, kept.y
