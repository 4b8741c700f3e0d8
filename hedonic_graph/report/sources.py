"""Analyses side by side: which task and which model each is about."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hedonic_graph.errors import UserError
from hedonic_graph.report.methods import Method
from hedonic_graph.results import open_results
from hedonic_graph.results.protocol import RunInfo
from hedonic_graph.results.reader import AnalysisResults

TASKS = {"cqtr": "CQTR", "mean-tf-l": "Mean-TF/L", "rm": "RM"}
"""The paper's names of its tasks, by the names that commands take."""


@dataclass(frozen=True, eq=False)
class Source:
    """One analysis folder of a table."""

    path: Path
    results: AnalysisResults
    task: str
    """The paper's name of it where it is one of the paper's, the label as it was given, or empty."""
    model: str
    """What its columns are called: the base model, with the adapter or more where two would share a name."""

    def method(self, run: RunInfo) -> Method:
        """How a run of this analysis found its coalitions."""
        name = run.id.removeprefix(f"{run.analysis}/imported").removeprefix(".") if run.solver == "imported" else ""
        return Method(run.valuation, run.solver, name or None)

    def seed(self, run: RunInfo) -> str:
        """What tells this run from others of its method, over all analyses."""
        return f"{self.path}:{run.seed}"


def open_sources(paths: Sequence[Path]) -> list[Source]:
    """Open finished analyses, each named once; raises UserError as ``open_results`` does."""
    resolved = [path.resolve() for path in paths]
    if twice := next((path for path, count in Counter(resolved).items() if count > 1), None):
        raise UserError(f"{paths[resolved.index(twice)]} is given twice: it would count twice")
    opened = [open_results(path) for path in paths]
    tasks = [task_name(results) for results in opened]
    labels = _labels(opened, tasks)
    return [Source(*parts) for parts in zip(paths, opened, tasks, labels, strict=True)]


def task_name(results: AnalysisResults) -> str:
    """The task of an analysis, by its evaluation or its own label."""
    evaluation = results.evaluated
    return paper_task(evaluation.get("task") or results.config.task)


def paper_task(label: str | None) -> str:
    """The paper's name of a task, whichever way it is written; another label as it is, nothing where there is none."""
    plain = (label or "").strip()
    return TASKS.get(plain.lower().replace("/", "-").replace("_", "-"), plain)


def _labels(opened: Sequence[AnalysisResults], tasks: Sequence[str]) -> list[str]:
    """Name models by as little as tells those of a task apart: base, adapter, identity."""
    labels = []
    for results, task in zip(opened, tasks, strict=True):
        model = results.model
        rivals = {
            other.model.id: other.model
            for other, theirs in zip(opened, tasks, strict=True)
            if theirs == task and other.model.name == model.name
        }
        adapters = [rival.adapter for rival in rivals.values()]
        if len(rivals) == 1:
            labels.append(model.name)
        elif adapters.count(model.adapter) == 1:
            labels.append(f"{model.name} + {model.adapter or 'no adapter'}")
        else:
            labels.append(model.id)
    return labels
