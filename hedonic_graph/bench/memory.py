"""How much memory an analysis takes, held against a limit: one ``analyze`` in a process of its own.

``python -m hedonic_graph.bench.memory`` is that process; see :func:`measure`.
"""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedonic_graph import tables
from hedonic_graph.bench.machine import forget_peak, machine, peak
from hedonic_graph.bench.process import answer, ask

if TYPE_CHECKING:
    from hedonic_graph.analysis import Analysis

_GB = 1e9


@dataclass(frozen=True)
class Task:
    """What to analyse."""

    model: str
    adapter: str
    layers: Sequence[int]
    pairs: int
    """Of the packaged text."""
    folder: str
    """Takes the analysis while it lasts."""


@dataclass
class Stage:
    """What one kind of work took, all layers together."""

    seconds: float = 0.0
    peak: int = 0
    """Bytes held at most meanwhile; where the system cannot forget the most that was held, by then."""


@dataclass(frozen=True)
class Taken:
    """What an analysis took."""

    peak: int
    """Bytes held at most, by the whole process, files that it maps among them."""
    before: int
    """Bytes held at most before it began: the interpreter and its libraries."""
    seconds: float
    stages: dict[str, Stage] = field(default_factory=dict)
    """By the name of what it leaves in the folder; the first, ``text``, reads the model's files and describes them."""


@dataclass(frozen=True)
class Report:
    """What was measured, beside the limit."""

    machine: dict[str, Any]
    task: Task
    taken: Taken
    limit: float
    """Bytes."""

    @property
    def ratio(self) -> float:
        """The peak over the limit."""
        return self.taken.peak / self.limit

    @property
    def within(self) -> bool:
        """Whether the peak stayed in the limit."""
        return self.taken.peak <= self.limit

    def record(self) -> dict[str, Any]:
        """Return all of it for JSON; memory in bytes, times in seconds."""
        return {"bench": "memory", **asdict(self), "ratio": self.ratio, "within": self.within}

    def text(self) -> str:
        """Return it for people."""
        from hedonic_graph.config import show_layers

        rows = [(name, round(one.seconds, 1), round(one.peak / _GB, 2)) for name, one in self.taken.stages.items()]
        return (
            f"analyze, layers {show_layers(self.task.layers)}, {self.task.pairs} pairs, on the CPU: "
            f"at most {self.taken.peak / _GB:.2f} GB of memory, {self.ratio:.2f} of {self.limit / _GB:g} GB"
            f"{'' if self.within else ': ABOVE THE LIMIT'} (its libraries alone: {self.taken.before / _GB:.2f} GB)\n"
            f"{self.taken.seconds:.0f} s in all\n\n{tables.render(('stage', 'seconds', 'peak GB'), rows)}"
        )


def measure(model: Path, adapter: Path, layers: Sequence[int], *, pairs: int, limit: float, folder: Path) -> Report:
    """Run ``analyze`` with its defaults on ``pairs`` packaged examples and say what it took; ``limit`` in bytes.

    The analysis lies in ``folder`` meanwhile and is taken away afterwards. Raises UserError where analyze does.
    """
    task = Task(str(model), str(adapter), tuple(layers), pairs, str(folder))
    before = machine()
    found = ask("hedonic_graph.bench.memory", json.dumps(asdict(task)))
    stages = {name: Stage(**one) for name, one in found.pop("stages").items()}
    return Report(before, task, Taken(**found, stages=stages), limit)


def run(task: Task) -> Taken:
    """Analyse in this process."""
    from hedonic_graph.analysis import Analysis
    from hedonic_graph.config import Config
    from hedonic_graph.demo import text
    from hedonic_graph.pipeline.analyze import analyze
    from hedonic_graph.text.pairs import write_pairs

    before, began = peak(), time.perf_counter()
    with tempfile.TemporaryDirectory(dir=task.folder, prefix="analysis-") as place, watched(Analysis) as stages:
        examples = Path(place) / "pairs.jsonl"
        write_pairs(examples, text.pairs(task.pairs, split="held-out", seed=0))
        config = Config(model=task.model, adapter=task.adapter, text=str(examples), layers=tuple(task.layers))
        analyze(config, Path(place) / "analysis")
    most = max(before, *(one.peak for one in stages.values()))
    return Taken(most, before, time.perf_counter() - began, stages)


@contextmanager
def watched(analysis: type["Analysis"]) -> Iterator[dict[str, Stage]]:
    """Give what each stage took, as its units are kept: from one unit to the next is the work of the next."""
    stages: dict[str, Stage] = {}
    commit = analysis.commit
    forget_peak()
    began = time.perf_counter()

    def counted(self: "Analysis", name: str, *args: Any, **options: Any) -> None:
        nonlocal began
        commit(self, name, *args, **options)
        stage = stages.setdefault(name.partition("/")[0].partition(".")[0], Stage())
        now = time.perf_counter()
        stage.seconds, stage.peak = stage.seconds + now - began, max(stage.peak, peak())
        forget_peak()
        began = now

    analysis.commit = counted  # type: ignore[method-assign]
    try:
        yield stages
    finally:
        analysis.commit = commit  # type: ignore[method-assign]


if __name__ == "__main__":
    answer(lambda question: asdict(run(Task(**json.loads(question)))))
