"""The whole of ``evaluate``: add to a finished analysis what its coalitions do, mean and foretell."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hedonic_graph.analysis import Analysis, now
from hedonic_graph.pipeline.evaluation import provenance
from hedonic_graph.pipeline.evaluation.aligning import Alignments, alignments
from hedonic_graph.pipeline.evaluation.dropping import Drops
from hedonic_graph.pipeline.evaluation.judged import read_judged
from hedonic_graph.pipeline.evaluation.options import METRICS, EvaluationOptions
from hedonic_graph.pipeline.evaluation.predicting import Predictions, predictions
from hedonic_graph.pipeline.evaluation.synergising import Synergies
from hedonic_graph.pipeline.evaluation.training import keep_training
from hedonic_graph.pipeline.evaluation.work import Work
from hedonic_graph.progress import bar
from hedonic_graph.results import open_results

Report = Callable[[str], None]


def evaluate(
    options: EvaluationOptions, folder: Path, *, device: str = "cpu", report: Report = lambda line: None
) -> list[str]:
    """Bring the evaluation of a finished analysis to what ``options`` ask for; return the units that were computed.

    Units whose inputs have not changed are left alone: a second call returns an empty list, and a call after an
    interruption continues. ``report`` takes lines for the user. Raises UserError (DESIGN §7), before anything
    is written, where the analysis is unfinished or imported, or the options do not fit it.
    """
    started = time.perf_counter()
    results = open_results(folder)
    with Analysis.writing(folder, results.analysis.command) as analysis:
        work = Work.of(analysis, results.config, options, device, report)
        stages = _prepare(work)
        record = _record(work)
        if any(analysis.manifest.get("evaluation", {}).get(name) != value for name, value in record.items()):
            analysis.manifest["evaluation"] = {**record, "finished": None}
            analysis.save()
        for stage in stages:
            stage()
        if work.done or analysis.manifest["evaluation"]["finished"] is None:
            spent = round(time.perf_counter() - started, 1)
            analysis.manifest["evaluation"] |= {"finished": now(), "seconds": spent}
            analysis.save()
        return work.done


def _prepare(work: Work) -> list[Callable[[], None]]:
    """Read and check what the stages need, and return them: what cannot be done fails here."""
    stages: list[Callable[[], None]] = []
    what = work.options.what
    judged = read_judged(work) if {"predictivity", "drop"} & set(what) else None
    if "synergy" in what:
        stages.append(partial(_by_layer, work, "synergy", "run", Synergies(work)))
    if "alignment" in what:
        stages.append(partial(_by_layer, work, "alignment", "run", alignments(work)))
    if judged and "predictivity" in what:
        stages.append(partial(_predict, work, predictions(work, judged)))
    if judged and "drop" in what:
        drops = Drops(work, judged)
        if cost := drops.cost():
            work.report(cost)
        stages.append(partial(_by_layer, work, "drop", "example", drops))
    return stages


def _by_layer(work: Work, label: str, unit: str, stage: Synergies | Alignments | Predictions | Drops) -> None:
    with bar(label, total=stage.steps, unit=unit) as progress:
        for layer in work.layers:
            progress.set_postfix_str(f"layer {layer}")
            stage.layer(layer, progress)


def _predict(work: Work, stage: Predictions) -> None:
    training = stage.training
    if training.left_out:
        work.report(
            f"predictivity: {training.left_out} queries of the training text are left out, as the analysed text asks "
            "them or holds their passages"
        )
    keep_training(work, training)
    _by_layer(work, "predictivity", "valuation", stage)


def _record(work: Work) -> dict[str, Any]:
    """What the manifest says of the evaluation."""
    before = work.analysis.manifest.get("evaluation", {})
    task = work.task or before.get("task")
    return {
        "task": task,
        "metric": METRICS[task] if task else None,
        "config": work.options.parameters(),
        "adapter_scores": provenance.scores_of(work.config),
        "overlap": provenance.overlap(work.config, work.pairs, before.get("overlap")),
    }
