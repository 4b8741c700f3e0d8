"""The training domain: examples of the text that an adapter was tuned on (or could have been), and their activations.

Units ``train/pairs`` and ``train.capture/L..``.
"""

import json
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.models import capture as capturing
from hedonic_graph.pipeline.evaluation.work import Unit, Work
from hedonic_graph.progress import Progress, bar
from hedonic_graph.text.labels import terms
from hedonic_graph.text.pairs import Pair
from hedonic_graph.text.positives import Positive, read_positives
from hedonic_graph.tuning.config import TuningConfig
from hedonic_graph.tuning.examples import build
from hedonic_graph.tuning.overlap import without

VERSION = 1
"""Part of every key: raise it when a change alters the examples or their capture."""
PAIRS, CAPTURE = "train/pairs", "train.capture"


@dataclass(frozen=True)
class Training:
    """Examples of the training domain, N of them."""

    pairs: tuple[Pair, ...]
    labels: tuple[float, ...]
    queries: int
    """Queries of the training text that are left after those that the analysed text knows are gone."""
    left_out: int
    """Those that are gone."""

    def label_array(self) -> np.ndarray:
        """The labels, float64 [N]."""
        return np.array(self.labels, np.float64)


def read_training(work: Work, task: str) -> Training:
    """Draw the examples from the training text, without queries and passages of the analysed text.

    They are those that ``finetune`` would build of whole queries, and a sample of them by the seed. Raises UserError
    where the text is missing, malformed or too small.
    """
    options = work.options
    assert options.train_text is not None
    positives = read_positives(Path(options.train_text).expanduser())
    kept = unseen(positives, work.pairs)
    config = TuningConfig(model=work.config.model, task=task, text=options.train_text, blends=0, seed=options.seed)
    found = [
        (Pair(one.query, passage), label)
        for one in build(kept, config)
        for passage, label in zip(one.passages, one.labels, strict=True)
    ]
    draw = random.Random(f"train {options.seed}")
    chosen = sorted(draw.sample(range(len(found)), min(options.train_examples, len(found))))
    pairs, labels = zip(*(found[place] for place in chosen), strict=True)
    return Training(pairs, labels, len(kept), len(positives) - len(kept))


def unseen(positives: list[Positive], pairs: list[Pair]) -> list[Positive]:
    """Those positives whose query is none of the ``pairs``' and that hold none of their passages."""
    asked = {tuple(terms(pair.query)) for pair in pairs}
    others = [one for one in positives if tuple(terms(one.query)) not in asked]
    return without(others, dict.fromkeys(pair.passage for pair in pairs))


def keep_training(work: Work, training: Training) -> None:
    """Write the examples where the folder lacks them, and what they show of the layers to evaluate."""
    unit = work.unit(PAIRS, VERSION, [], pairs=[[one.query, one.passage] for one in training.pairs],
                     labels=training.labels)  # fmt: skip
    if unit.missing:
        unit.keep(lambda path: _write(path.with_suffix(".jsonl"), training))
    missing = {layer: unit for layer in work.layers if (unit := _capture_unit(work, layer)).missing}
    if missing:
        _capture(work, training, missing)


def capture_unit(layer: int) -> str:
    """The file of what a layer showed of the training domain."""
    return f"{layer_unit(CAPTURE, layer)}.safetensors"


def _capture_unit(work: Work, layer: int) -> Unit:
    return work.unit(
        layer_unit(CAPTURE, layer),
        VERSION,
        [f"{PAIRS}.jsonl"],
        model=work.context.subject.fingerprint,
        prompt=work.config.prompt,
        max_tokens=work.config.max_tokens,
        layer=layer,
    )


def _capture(work: Work, training: Training, missing: dict[int, Unit]) -> None:
    config, model = work.config, work.context.model
    prompts = [pair.fill(config.prompt) for pair in training.pairs]
    batched = capturing.batches(model, prompts, batch_size=config.batch_size, max_tokens=config.max_tokens)

    def begin(first: int, layers: int) -> Progress:
        if first:
            work.report(f"continuing the capture of the training text at layer {first}")
        return bar("training text", total=layers * len(prompts), unit="pair")

    key = key_of(stage=CAPTURE, unit=_capture_unit(work, 0).key)
    found = capturing.capture(model, batched, list(missing), work.analysis.path, key, all_tokens=False, begin=begin)
    started = time.perf_counter()
    for layer, kept in found:
        tuned = kept.tuned
        missing[layer].keep(
            lambda path, tuned=tuned: save_file({"tuned": tuned}, path.with_suffix(".safetensors")),  # type: ignore[misc]
            spent=time.perf_counter() - started,
        )
        started = time.perf_counter()


def _write(path: Path, training: Training) -> None:
    with path.open("w", encoding="utf-8") as out:
        for pair, label in zip(training.pairs, training.labels, strict=True):
            record = {"query": pair.query, "passage": pair.passage, "label": label}
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
