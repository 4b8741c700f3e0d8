"""What a fine-tuning is asked to do: two frozen dataclasses, one that makes the adapter and one that scores it."""

from dataclasses import asdict, dataclass
from typing import Any

from hedonic_graph.errors import UserError
from hedonic_graph.text.pairs import PROMPT, check_template

TASKS = ("cqtr", "mean-tf-l", "rm")
LOSSES = ("listwise", "pairwise")
PRECISIONS = ("auto", "float32", "bfloat16")

_LEAST: dict[str, float] = {
    **dict.fromkeys(("rank", "batch_size", "per_pass", "steps", "max_tokens", "others", "near", "negatives"), 1),
    **dict.fromkeys(("held_out", "evaluate_every", "checkpoint_every"), 1),
    **dict.fromkeys(("warm_up", "patience", "weight_decay", "seed", "blends"), 0),
}
_POSITIVE = ("alpha", "learning_rate", "head_learning_rate", "epochs", "clip")


@dataclass(frozen=True, kw_only=True)
class TuningConfig:
    """Everything that decides what an adapter becomes. Paths are kept as the user wrote them."""

    model: str
    """Base model: a folder, a hub name, a GGUF file or ``smollm2``."""
    task: str
    """``cqtr``, ``mean-tf-l`` or ``rm``."""
    text: str
    """JSON lines of qid, query and positive."""
    leave_out: tuple[str, ...] = ()
    """Texts whose passages must not be trained on: folders of TREC files or files like ``text``."""
    start: str | None = None
    """An adapter to go on from, by folder or hub name, in place of a fresh LoRA and head."""
    layers: tuple[int, ...] = tuple(range(7, 15))
    """Layers whose MLP projections are tuned, ascending."""
    rank: int = 8
    """Rank of each LoRA."""
    alpha: float = 16
    """LoRA's alpha: the step is ``alpha / rank`` times BA."""
    learning_rate: float = 2e-4
    """AdamW's rate for the LoRA."""
    head_learning_rate: float = 1e-4
    """Its rate for the task head. A step of the head moves the logit by the rate times the sum of d_model
    features, so it must be small."""
    weight_decay: float = 0.0
    """AdamW's weight decay."""
    batch_size: int = 16
    """Examples in one step, over all processes; for ``rm`` an example is a query with its candidates."""
    per_pass: int = 16
    """Examples in one forward pass; a step takes as many passes as it needs, with the same result."""
    epochs: float = 1.0
    """How often every example is seen."""
    steps: int | None = None
    """Stop after so many steps at the latest."""
    warm_up: int = 20
    """Steps over which the rate grows to its full height; it falls linearly to nothing afterwards."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    max_tokens: int = 160
    """Longer prompts are left out of the term tasks, whose labels are of the whole passage, and lose their end in
    ``rm``."""
    others: int = 3
    """Term tasks: examples of each query with other queries' positives, beside its own."""
    blends: int = 3
    """Term tasks: examples of each positive under a query that is partly another's, so that what the passage is about
    does not give the label away."""
    negatives: int = 7
    """RM: other queries' positives that each positive is held against."""
    near: int = 50
    """Passages by BM25 that negatives, and two of three ``others``, are drawn among; the rest among all."""
    loss: str = "listwise"
    """RM: cross-entropy over all candidates (``listwise``) or the logistic loss of each pair (``pairwise``)."""
    held_out: int = 100
    """Queries that are kept, with their positives, for evaluation and early stopping."""
    evaluate_every: int = 100
    """Steps between evaluations on them."""
    patience: int = 5
    """Stop after so many evaluations without a smaller loss, and keep the best weights; 0 never stops and keeps the
    last."""
    checkpoint_every: int = 50
    """Steps between checkpoints."""
    precision: str = "auto"
    """``bfloat16`` runs matrix products in it, ``auto`` does where the device is fast at it."""
    shuffle_labels: bool = False
    """A negative control: labels permuted among the examples (``rm``: among a query's candidates); it never stops
    early, because there is nothing to be learned."""
    seed: int = 0
    """Seed of examples, head, LoRA and batches."""
    prompt: str = PROMPT
    """What the model reads: text around ``{query}`` and ``{passage}``."""

    def __post_init__(self) -> None:
        for name, allowed in (("task", TASKS), ("loss", LOSSES), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise UserError(f"{name} {getattr(self, name)!r} is none of {', '.join(allowed)}")
        check_template(self.prompt)
        if not self.layers:
            raise UserError("no layers: name them as 7-14 or 7,8,9")
        if list(self.layers) != sorted(set(self.layers)) or self.layers[0] < 0:
            raise UserError(f"layers must be ascending and each named once, not {','.join(map(str, self.layers))}")
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UserError(f"{name.replace('_', '-')} must be at least {least}, not {value}")
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise UserError(f"{name.replace('_', '-')} must be above 0, not {getattr(self, name)}")

    @property
    def ranks(self) -> bool:
        """Whether the task is to rank candidates, rather than to predict a number."""
        return self.task == "rm"

    @property
    def stops_early(self) -> bool:
        """Whether the best weights are kept, rather than the last."""
        return self.patience > 0 and not self.shuffle_labels

    def parameters(self) -> dict[str, Any]:
        """The values as JSON has them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """The text that the finished adapter is scored on; see :func:`hedonic_graph.text.pairs.load_pairs`."""

    text: str
    run: str | None = None
    depth: int | None = None
    sample: int | None = None
    first: int | None = None
    text_seed: int = 0
    max_tokens: int = 512
    """Longer prompts lose their end."""
    watch: bool = False
    """Score it at every evaluation as well, for the log alone: nothing is decided by it."""
