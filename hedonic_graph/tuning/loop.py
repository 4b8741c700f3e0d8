"""The training loop: plain torch under ``accelerate``, which shares every batch among the processes."""

import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hedonic_graph.progress import bar
from hedonic_graph.tuning import checkpoint as checkpoints
from hedonic_graph.tuning.batches import Plan
from hedonic_graph.tuning.checkpoint import Checkpoint, Progress
from hedonic_graph.tuning.config import TuningConfig
from hedonic_graph.tuning.encode import Encoded
from hedonic_graph.tuning.judging import Judged, Measures, loss_in, metric_in
from hedonic_graph.tuning.log import Log
from hedonic_graph.tuning.losses import labels_of, loss_of
from hedonic_graph.tuning.model import Tuned, check_finite, score
from hedonic_graph.tuning.predicting import predict


@dataclass(frozen=True)
class Training:
    """What is trained, on what, and how."""

    tuned: Tuned
    config: TuningConfig
    train: list[Encoded]
    held_out: Judged
    watched: Judged | None
    """A text that is scored at every evaluation for the log alone."""
    scale: float
    """Labels are divided by it: in a term task by their standard deviation, so that the same learning rates serve
    shares of a half and of a hundredth. Only by it and not moved as well, because a head has no bias to move them
    back: the model learns the mean from the stream, which is nearly constant in some directions."""
    accelerator: Any
    half: bool

    @cached_property
    def plan(self) -> Plan:
        """Which examples each step sees."""
        return Plan(tuple(one.length for one in self.train), self.config.batch_size, self.config.seed)

    @property
    def steps(self) -> int:
        """Steps in all."""
        return min(ceil(self.config.epochs * self.plan.per_epoch), self.config.steps or 2**62)

    @property
    def padding(self) -> int:
        """The token that fills short prompts up."""
        return int(self.tuned.tokenizer.pad_token_id)

    def measure(self, model: Any, judged: Judged, progress: Any = None, *, scale: float | None = None) -> Measures:
        """How good the model's scores of a text are; ``scale`` is 1 for a head that gives labels' own unit."""
        size = self.config.per_pass * len(self.train[0].prompts)
        logits = predict(
            model, judged.prompts, self.accelerator, padding=self.padding, size=size, half=self.half, progress=progress
        )
        return judged.measure(logits * (self.scale if scale is None else scale))


def train(training: Training, folder: Path) -> Progress:
    """Train to the end, from the folder's checkpoint where there is one; leaves the weights to keep in the model.

    A checkpoint stands in ``folder`` afterwards, at the last step.
    """
    config, accelerator, tuned = training.config, training.accelerator, training.tuned
    start = checkpoints.read(folder, tuned.weights())
    state = start.progress if start else Progress()
    best = start.best if start else {}
    if start:
        tuned.put(start.weights)
    # After it the parameters are where they will stay, which the optimiser's moments must be as well.
    model = accelerator.prepare(tuned.model)
    tuned.model.train()
    names = {id(parameter): name for name, parameter in tuned.trained().items()}
    optimiser = _optimiser(tuned, config)
    if start:
        checkpoints.restore_moments(optimiser, names, start.moments)
    accelerator.wait_for_everyone()
    with ExitStack() as stack:
        log = stack.enter_context(Log(folder, state.step)) if accelerator.is_main_process else None
        steps = stack.enter_context(bar("training", training.steps, unit="step", done=state.step)) if log else None
        began = time.perf_counter() - state.seconds
        while state.step < training.steps and not _stopped(state, config):
            row = _step(training, model, optimiser, state.step)
            state.step += 1
            check_finite(row["loss"], state.step)
            last = state.step == training.steps
            if last or state.step % config.evaluate_every == 0:
                row |= _evaluate(training, model)
                if state.best is None or row["held_out_loss"] < state.best:
                    state.best, state.best_step, state.stale = row["held_out_loss"], state.step, 0
                    best = tuned.weights()
                else:
                    state.stale += 1
            state.seconds = time.perf_counter() - began
            if log and steps:
                log.add(step=state.step, epoch=state.step / training.plan.per_epoch, seconds=state.seconds, **row)
                steps.set_postfix_str(_remark(row, state))
                steps.update(1)
            kept = last or state.step % config.checkpoint_every == 0 or _stopped(state, config)
            if kept and accelerator.is_main_process:
                moments = checkpoints.moments_of(optimiser, names)
                checkpoints.write(folder, Checkpoint(state, tuned.weights(), best, moments))
    if config.stops_early and best:
        tuned.put(best)
    tuned.model.eval()
    return state


def rate(step: int, steps: int, warm_up: int) -> float:
    """Share of the learning rate at a step: up to 1 over the warm-up, down to nothing at the end."""
    return min((step + 1) / max(warm_up, 1), (steps - step) / max(steps - warm_up, 1), 1.0)


def _step(training: Training, model: Any, optimiser: Any, step: int) -> dict[str, float]:
    """One step of the optimiser; says what the log keeps of it."""
    config, accelerator = training.config, training.accelerator
    share = rate(step, training.steps, config.warm_up)
    for group in optimiser.param_groups:
        group["lr"] = group["full"] * share
    batch = [training.train[one] for one in training.plan.batch(step)]
    mine = batch[accelerator.process_index :: accelerator.num_processes]
    # Every process must take part in every pass, also where there is nothing left for it.
    passes = ceil(ceil(len(batch) / accelerator.num_processes) / config.per_pass)
    parts = [mine[at * config.per_pass : (at + 1) * config.per_pass] for at in range(passes)]
    total = torch.zeros((), device=accelerator.device)
    for number, part in enumerate(parts):
        quiet = accelerator.no_sync(model) if number < passes - 1 else nullcontext()
        with quiet:
            losses = _losses(training, model, part or batch[:1])
            # Processes' gradients are averaged, so that each counts its examples as if it were alone.
            loss = losses.sum() * (accelerator.num_processes / len(batch) if part else 0.0)
            accelerator.backward(loss)
        total += loss.detach()
    norm = accelerator.clip_grad_norm_(list(training.tuned.trained().values()), config.clip)
    optimiser.step()
    optimiser.zero_grad()
    mean: Any = accelerator.reduce(total, "mean")
    unit = 1.0 if config.ranks else training.scale**2
    tokens = sum(len(prompt) for one in batch for prompt in one.prompts)
    return {"loss": float(mean) * unit, "gradient": float(norm), "rate": config.learning_rate * share, "tokens": tokens}


def _losses(training: Training, model: Any, part: list[Encoded]) -> Tensor:
    device = training.accelerator.device
    prompts = [prompt for one in part for prompt in one.prompts]
    scores = score(model, prompts, training.padding, device, training.half).reshape(len(part), -1)
    labels = labels_of([one.example.labels for one in part], device) / training.scale
    return loss_of(training.config.task, training.config.loss)(scores, labels)


def _evaluate(training: Training, model: Any) -> dict[str, float]:
    measured = training.measure(model, training.held_out)
    row = {"held_out_loss": loss_in(measured), "held_out": metric_in(measured)}
    if training.watched:
        measured = training.measure(model, training.watched)
        row |= {"text": metric_in(measured)}
        if "mse" in measured:
            row |= {"text_loss": measured["mse"]}
    return row


def _optimiser(tuned: Tuned, config: TuningConfig) -> Any:
    groups: dict[bool, list[Any]] = {False: [], True: []}
    for name, parameter in tuned.trained().items():
        groups[tuned.is_head(name)].append(parameter)
    rates = {False: config.learning_rate, True: config.head_learning_rate}
    return torch.optim.AdamW(
        [{"params": found, "lr": rates[head], "full": rates[head]} for head, found in groups.items()],
        weight_decay=config.weight_decay,
    )


def _stopped(state: Progress, config: TuningConfig) -> bool:
    return config.stops_early and state.stale >= config.patience


def _remark(row: dict[str, float], state: Progress) -> str:
    best = "" if state.best is None else f", held-out {state.best:.4g} at step {state.best_step}"
    return f"loss {row['loss']:.4g}{best}"
