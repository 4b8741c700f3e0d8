"""What every stage of an evaluation works with: the analysis, what was asked, and how to report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from hedonic_graph.analysis import Analysis, key_of, layer_unit
from hedonic_graph.config import Config, ImportConfig, RunSpec, show_layers
from hedonic_graph.errors import UserError
from hedonic_graph.game.partition import Partition
from hedonic_graph.pipeline.analyze import bends
from hedonic_graph.pipeline.context import Context, device_of
from hedonic_graph.pipeline.evaluation.options import EvaluationOptions, task_named
from hedonic_graph.pipeline.evaluation.provenance import recipe_of
from hedonic_graph.pipeline.partition_files import load_partition, partition_unit
from hedonic_graph.pipeline.reading import UNIT as TEXT
from hedonic_graph.pipeline.subject import locate
from hedonic_graph.text.pairs import Pair, load_pairs

COMMAND = "evaluate"


@dataclass
class Work:
    """One evaluation of a finished analysis. The model is looked for only when a stage asks for it."""

    analysis: Analysis
    config: Config
    """How the analysis was made."""
    options: EvaluationOptions
    task: str | None
    device: str
    report: Callable[[str], None]
    """Takes one line for the user."""
    done: list[str] = field(default_factory=list)
    """Names of the units computed this time."""

    @classmethod
    def of(
        cls,
        analysis: Analysis,
        config: Config | ImportConfig,
        options: EvaluationOptions,
        device: str,
        report: Callable[[str], None],
    ) -> "Work":
        """Bring an analysis and what is asked of it together; UserError where they do not fit."""
        if not isinstance(config, Config):
            raise UserError(
                f"{analysis.path} holds imported partitions, which evaluate does not cover: it takes what analyze made"
            )
        known = [spec.id for spec in config.runs]
        if unknown := next((run for run in options.runs if run not in known), None):
            raise UserError(f"{analysis.path} has no run {unknown}; it has {', '.join(known)}")
        if strange := [layer for layer in options.layers if layer not in config.layers]:
            raise UserError(f"layer {strange[0]} was not analysed; layers {show_layers(config.layers)} were")
        recipe = recipe_of(config) or {}
        task = options.task or task_named(config.task) or task_named(recipe.get("task"))
        work = cls(analysis, config, options, task, device, report)
        work.options = options.settled(bends=config.readout_norm == "on" or bends(config, work.context.subject))
        return work

    @property
    def runs(self) -> list[RunSpec]:
        """The runs to evaluate."""
        return [spec for spec in self.config.runs if not self.options.runs or spec.id in self.options.runs]

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers to evaluate."""
        return self.options.layers or self.config.layers

    @cached_property
    def pairs(self) -> list[Pair]:
        """The pairs that were analysed."""
        return load_pairs(self.analysis.file(TEXT, ".jsonl"))

    @cached_property
    def queries(self) -> list[str]:
        """The query of each pair: its identifier, or its text where it has none."""
        return [pair.query if pair.qid is None else pair.qid for pair in self.pairs]

    @cached_property
    def context(self) -> Context[Config]:
        """The model and all else that a forward pass needs; raises UserError where the model is not what it was."""
        config = self.config
        subject = locate(config.model, config.adapter, config.tuned, config.layers)
        if subject.fingerprint != self.analysis.manifest["model"]["fingerprint"]:
            raise UserError(
                f"{subject.label} is not the model that {self.analysis.path} was made with: its files have changed; "
                "run the analyze command again"
            )
        device = device_of(self.device)
        return Context(self.analysis, config, device, subject, self.pairs, self.report, self.done)

    def partition(self, spec: RunSpec, layer: int) -> Partition:
        """One run's coalitions of a layer."""
        return load_partition(self.analysis, spec, layer)

    def captured(self, name: str, layer: int, stage: str = "capture") -> np.ndarray:
        """One tensor of a layer's capture, ``y``, ``tuned`` or ``base``, float32."""
        path = self.analysis.file(layer_unit(stage, layer), ".safetensors")
        with safe_open(path, "np") as stored:
            found: np.ndarray = stored.get_tensor(name)
        return found

    def unit(self, name: str, version: int, sources: Sequence[str], **options: Any) -> "Unit":
        """The unit of that name, computed from the files ``sources`` by ``options``."""
        key = key_of(stage=name, version=version, sources=self.analysis.checksums(sources), options=options)
        return Unit(self, name, key, tuple(sources))


@dataclass(frozen=True)
class Unit:
    """One unit that the analysis should hold."""

    work: Work
    name: str
    key: str
    sources: tuple[str, ...]

    @property
    def missing(self) -> bool:
        """Whether the folder lacks it, or holds another or a damaged one."""
        return not self.work.analysis.has(self.name, self.key, self.work.report)

    def keep(self, write: Callable[[Path], None], *, spent: float = 0.0) -> None:
        """Let ``write`` write its files, as :meth:`Analysis.commit` does; ``spent`` seconds went into it before."""
        self.work.analysis.commit(self.name, self.key, write, spent=spent, command=COMMAND, sources=self.sources)
        self.work.done.append(self.name)


def capture_file(layer: int) -> str:
    """The file of what a layer showed."""
    return f"{layer_unit('capture', layer)}.safetensors"


def text_file() -> str:
    """The file of the pairs."""
    return f"{TEXT}.jsonl"


def members_file(spec: RunSpec, layer: int) -> str:
    """The file of one run's coalitions of a layer."""
    return f"{partition_unit(spec, layer)}.parquet"
