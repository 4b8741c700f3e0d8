"""Scores of many prompts without gradients, shared among the processes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from hedonic_graph.progress import Progress, Silent
from hedonic_graph.tuning.batches import by_length
from hedonic_graph.tuning.model import score


def predict(
    model: Any,
    prompts: Sequence[Sequence[int]],
    accelerator: Any,
    *,
    padding: int,
    size: int,
    half: bool,
    progress: Progress | None = None,
) -> np.ndarray:
    """Logits of all prompts, float64 [prompts], in their order and on every process; ``size`` in one pass."""
    progress = progress or Silent()
    plain = accelerator.unwrap_model(model)
    was_training = plain.training
    plain.eval()
    found = torch.zeros(len(prompts), device=accelerator.device)
    batches = by_length([len(prompt) for prompt in prompts], size)
    with torch.no_grad():
        for batch in batches[accelerator.process_index :: accelerator.num_processes]:
            chosen = [prompts[one] for one in batch]
            found[batch] = score(plain, chosen, padding, accelerator.device, half)
            progress.update(len(batch) * accelerator.num_processes)
    plain.train(was_training)
    total: Any = accelerator.reduce(found, "sum")
    return np.asarray(total.cpu().double().numpy())
