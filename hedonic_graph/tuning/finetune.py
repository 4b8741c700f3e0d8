"""From a base model and a text to an adapter that is scored (DESIGN §3.7)."""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import Accelerator
from peft import set_peft_model_state_dict
from safetensors.torch import load_file

from hedonic_graph.errors import UserError
from hedonic_graph.models.locate import locate_adapter, locate_model
from hedonic_graph.progress import bar
from hedonic_graph.text.positives import Positive, read_positives
from hedonic_graph.text.trec import read_collection
from hedonic_graph.tuning import checkpoint as checkpoints
from hedonic_graph.tuning import folder as folders
from hedonic_graph.tuning import scoring
from hedonic_graph.tuning.config import EvaluationConfig, TuningConfig
from hedonic_graph.tuning.encode import encode
from hedonic_graph.tuning.examples import Example, build, shuffled, split
from hedonic_graph.tuning.judging import Judged, held_out, read_text
from hedonic_graph.tuning.loop import Training, train
from hedonic_graph.tuning.model import Tuned, prepare, runs_half, save
from hedonic_graph.tuning.overlap import without
from hedonic_graph.tuning.start import start_from

Report = Callable[[str], None]


def finetune(
    config: TuningConfig,
    folder: Path,
    evaluation: EvaluationConfig | None = None,
    *,
    cpu: bool = False,
    report: Report = lambda line: None,
) -> dict[str, Any]:
    """Train an adapter into ``folder``, or go on where an interrupted training stopped, and score it.

    Returns what stands in the folder's ``scores.json``: for the held-out queries and the evaluation text, the
    measures of the adapter, of the untrained base, and of what needs no model. A finished adapter is not trained
    again, and scored again only on another text. ``accelerate`` says what it runs on; ``cpu`` forbids the GPU.
    Raises UserError for input that does not fit together, before anything is written.
    """
    accelerator = Accelerator(cpu=cpu)
    report = report if accelerator.is_main_process else _silent
    recipe = _recipe(config)
    asked = asdict(evaluation) | {"watch": False} if evaluation else None
    found = folders.check(folder, recipe)
    if found and folders.is_whole(folder):
        scores = folders.read_json(folder / folders.SCORES)
        if scores and scores.get("evaluation") == asked:
            return dict(scores)
    training, plain, text = _training(config, evaluation, accelerator, report)
    untrained = training.tuned.weights()
    if config.start:
        start_from(training.tuned, locate_adapter(config.start), training.scale)
    with ExitStack() as stack:
        if accelerator.is_main_process:
            stack.enter_context(folders.writing(folder, recipe))
        if folders.is_whole(folder):
            accelerator.prepare(training.tuned.model)
        else:
            train(training, folder)
            if accelerator.is_main_process:
                save(training.tuned, folder, training.scale)
        accelerator.wait_for_everyone()
        spent = _spent(folder, untrained)
        texts = [_scored(training, folder, one, untrained, plain) for one in (training.held_out, text) if one]
        scores = {"task": config.task, "evaluation": asked, "training": spent, "texts": texts}
        if accelerator.is_main_process:
            folders.write_json(folder / folders.SCORES, scores)
            (folder / checkpoints.NAME).unlink(missing_ok=True)
    return scores


def _training(
    config: TuningConfig, evaluation: EvaluationConfig | None, accelerator: Any, report: Report
) -> tuple[Training, list[Example], Judged | None]:
    """Read everything and bring it together; the training examples as they are scored against, and the text."""
    positives = _positives(config, report)
    parts = split(positives, config)
    examples, kept = build(parts.train, config), build(parts.held_out, config)
    if config.shuffle_labels:
        examples, kept = shuffled(examples, config.seed), shuffled(kept, config.seed)
    text = read_text(evaluation, config.task, config.prompt) if evaluation else None
    tuned = prepare(locate_model(config.model), config)
    encoded, long = encode(examples, tuned.tokenizer, config.prompt, config.max_tokens, cut=config.ranks)
    if long:
        what = "lose their end" if config.ranks else "are left out"
        report(f"{long} of {len(examples)} examples have more than {config.max_tokens} tokens and {what}")
    kept_encoded, _ = encode(kept, tuned.tokenizer, config.prompt, config.max_tokens, cut=config.ranks)
    labels = np.array([one.example.labels[0] for one in encoded])
    scale = 1.0 if config.ranks else float(labels.std())
    if not scale:
        raise UserError(f"the {config.task} label is {labels[0]:g} for every example: nothing to learn")
    judged = text.judged(tuned.tokenizer) if text else None
    training = Training(
        tuned=tuned,
        config=config,
        train=encoded,
        held_out=held_out(kept_encoded, config),
        watched=judged if evaluation and evaluation.watch else None,
        scale=scale,
        accelerator=accelerator,
        half=runs_half(config.precision, accelerator.device),
    )
    parameters = sum(one.numel() for one in tuned.trained().values())
    label = "" if config.ranks else f", label {labels.mean():.4g} ± {scale:.4g}"
    report(
        f"{len(parts.train)} queries, {len(encoded)} examples{label}; {len(parts.held_out)} queries held out; "
        f"{parameters:,} parameters, {training.steps} steps on {accelerator.num_processes} x {accelerator.device.type}"
        f"{' in bfloat16' if training.half else ''}"
    )
    return training, [one.example for one in encoded], judged


def _positives(config: TuningConfig, report: Report) -> list[Positive]:
    positives = read_positives(Path(config.text))
    for other in config.leave_out:
        path = Path(other)
        passages = (
            list(read_collection(path).values()) if path.is_dir() else [one.passage for one in read_positives(path)]
        )
        before = len(positives)
        positives = without(positives, passages)
        report(f"{before - len(positives)} of {before} queries left out: their positives occur in {other}")
    return positives


def _scored(
    training: Training, folder: Path, judged: Judged, untrained: dict[str, Any], plain: list[Example]
) -> dict[str, Any]:
    """Measures on one text; the tuned ones from the folder's files."""
    tuned, main = training.tuned, training.accelerator.is_main_process
    rows = scoring.baselines(judged, plain, ranks=training.config.ranks)
    for who, weights in (("untrained base", untrained), ("tuned", None)):
        if weights is not None:
            tuned.put(weights)
            scale = training.scale
        else:
            _load(tuned, folder)
            scale = 1.0
        progress = bar(f"{who}, {judged.name}", total=len(judged.prompts), unit="pair") if main else None
        rows[who] = training.measure(tuned.model, judged, progress, scale=scale)
        if progress:
            progress.close()
    return {"name": judged.name, "prompts": len(judged.prompts), "rows": rows}


def _spent(folder: Path, weights: dict[str, Any]) -> dict[str, Any]:
    """What the training took: by its last checkpoint, or by the scores that came after it."""
    left = checkpoints.read(folder, weights)
    if left is None:
        return dict((folders.read_json(folder / folders.SCORES) or {}).get("training", {}))
    state = left.progress
    return {"steps": state.step, "best_step": state.best_step, "seconds": round(state.seconds, 1)}


def _load(tuned: Tuned, folder: Path) -> None:
    """Put the saved adapter into the model, as PEFT reads it."""
    set_peft_model_state_dict(tuned.model, load_file(folder / "adapter_model.safetensors"))


def _recipe(config: TuningConfig) -> dict[str, Any]:
    """The configuration, and what was in the files that it names."""
    contents = {"model_files": locate_model(config.model).fingerprint(), "text_file": _digest(Path(config.text))}
    if config.start:
        contents["start_files"] = locate_adapter(config.start).fingerprint()
    return config.parameters() | contents


def _digest(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"no text at {path}: give JSON lines of qid, query and positive")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _silent(line: str) -> None:
    pass
