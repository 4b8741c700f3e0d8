"""What an evaluation is asked to do: a frozen dataclass, from the command line."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from hedonic_graph.errors import UserError
from hedonic_graph.tuning.config import TASKS

WHAT = ("synergy", "alignment", "predictivity", "drop")
METRICS = {"cqtr": "-mse", "mean-tf-l": "-mse", "rm": "ndcg@10"}
"""What a drop is measured in, by task."""

_LEAST = {
    **dict.fromkeys(("train_examples", "per_class", "permutations", "drop_pairs", "random_groups"), 1),
    "features": 1,
    **dict.fromkeys(("groups", "min_size"), 2),
    "seed": 0,
}


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """Everything that decides the result of an evaluation, beside the analysis. Paths are as the user wrote them."""

    what: tuple[str, ...] = ()
    """Any of ``synergy``, ``alignment``, ``predictivity``, ``drop``; by default the first two and, with a
    ``train_text``, the third."""
    task: str | None = None
    """What the adapter was tuned for: ``cqtr``, ``mean-tf-l`` or ``rm``; by default what the analysis or the
    adapter's folder says."""
    runs: tuple[str, ...] = ()
    """Only these runs, such as ``pas.exact``; all of them by default."""
    layers: tuple[int, ...] = ()
    """Only these layers; all of them by default."""
    train_text: str | None = None
    """Predictivity: JSON lines of qid, query and positive, as for ``finetune``."""
    train_examples: int = 1000
    """Predictivity: examples drawn of those that ``finetune`` would build from it."""
    features: int | None = None
    """Predictivity: macro-features of each run, its largest coalitions; a run with fewer is left out. By default as
    many as every run has."""
    qrels: str | None = None
    """Judgements for ``rm``: a file; by default those of the analysis's text."""
    per_class: int = 10
    """Synergy and drop: coalitions of each size class that are evaluated."""
    min_size: int = 2
    """Smaller coalitions are not evaluated."""
    groups: int = 1000
    """Synergy: random groups of each size."""
    permutations: int = 1000
    """Alignment: permutations of the queries."""
    drop_pairs: int | None = None
    """Drop: pairs that it is measured on, whole queries drawn by the seed; all of them by default."""
    random_groups: int = 10
    """Drop: random groups of each size class."""
    seed: int = 0
    """Seed of all that is drawn."""

    def __post_init__(self) -> None:
        if wrong := next((one for one in self.what if one not in WHAT), None):
            raise UserError(f"what {wrong!r} is none of {', '.join(WHAT)}")
        if self.task is not None and self.task not in TASKS:
            raise UserError(f"task {self.task!r} is none of {', '.join(TASKS)}")
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UserError(f"{name.replace('_', '-')} must be at least {least}, not {value}")
        if "predictivity" in self.what and self.train_text is None:
            raise UserError("predictivity is fitted in the training domain: give its text with --train-text")

    def settled(self, *, bends: bool) -> "EvaluationOptions":
        """The same with ``what`` named; synergy is left out where the logit is additive and nothing ``bends`` it."""
        if self.what:
            return self
        more = ("predictivity",) if self.train_text else ()
        return replace(self, what=(*(("synergy",) if bends else ()), "alignment", *more))

    def parameters(self) -> dict[str, Any]:
        """The values as JSON has them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def task_named(label: str | None) -> str | None:
    """The task that a label such as ``CQTR`` or ``Mean-TF/L`` means; None where it means none."""
    plain = (label or "").strip().lower().replace("/", "-").replace("_", "-")
    return plain if plain in TASKS else None
