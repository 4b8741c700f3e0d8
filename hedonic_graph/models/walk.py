"""Go up a model one layer at a time, with the weights of one layer in memory.

``transformers`` decides what a layer is called with (masks, positions, kinds of attention): its own forward
pass runs for every layer, with all layers below standing aside and the one in question put in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.models.skeleton import path_of


@dataclass(frozen=True)
class Batch:
    """A padded batch: which examples, and their tokens."""

    examples: Tensor
    """[b], positions in the list of prompts"""
    input_ids: Tensor
    """[b, t]"""
    mask: Tensor
    """[b, t], 1 for tokens, 0 for padding"""


Step = Callable[[Batch, Tensor], Tensor]
"""From the residual stream [b, t, d] that enters a layer to the one that leaves it."""


@contextmanager
def embedding(model: LoadedModel) -> Iterator[Callable[[Batch], Tensor]]:
    """Give the function from a batch to the residual stream [b, t, d] that enters the first layer."""
    tokens = path_of(model.model, model.model.get_input_embeddings())
    weightless = model.model.get_submodule(tokens)
    model.model.set_submodule(tokens, model.part(tokens))

    def stop(hidden: Tensor, *_: Any, **__: Any) -> None:
        raise _Reached(hidden)

    def embed(batch: Batch) -> Tensor:
        return _run(model, batch, input_ids=batch.input_ids.to(model.device))

    try:
        with _standing_in({model.layers[0]: stop}):
            yield embed
    finally:
        model.model.set_submodule(tokens, weightless)


@contextmanager
def through(model: LoadedModel, number: int, layer: nn.Module) -> Iterator[Step]:
    """Give the step through layer ``number``, whose weights are in ``layer``."""
    entering: Tensor

    def stop(_: Tensor, *args: Any, **kwargs: Any) -> None:
        left = layer(entering, *args, **kwargs)
        raise _Reached(left[0] if isinstance(left, tuple) else left)

    def step(batch: Batch, hidden: Tensor) -> Tensor:
        nonlocal entering
        entering = hidden
        return _run(model, batch, inputs_embeds=hidden)

    plain = model.tuning.model if model.tuning else model.model
    aside = _Aside(plain.get_submodule(f"{model.architecture.backbone}.{model.architecture.layers}.0"))
    with _standing_in({**dict.fromkeys(model.layers[:number], aside), model.layers[number]: stop}):
        yield step


class _Aside:
    """In a layer's place: let the residual stream pass, in the form in which such a ``layer`` returns it."""

    def __init__(self, layer: nn.Module) -> None:
        self._forward = layer.forward
        self._in_tuple: bool | None = None

    def __call__(self, hidden: Tensor, *args: Any, **kwargs: Any) -> Any:
        if self._in_tuple is None:
            on_meta = tree_map_only(Tensor, lambda one: one.to("meta"), (hidden, args, kwargs))
            self._in_tuple = isinstance(self._forward(on_meta[0], *on_meta[1], **on_meta[2]), tuple)
        return (hidden, None) if self._in_tuple else hidden


class _Reached(Exception):
    """Carries the residual stream out of a forward pass that need not go on."""

    def __init__(self, hidden: Tensor) -> None:
        self.hidden = hidden


@contextmanager
def _standing_in(forwards: dict[Any, Callable[..., Any]]) -> Iterator[None]:
    try:
        for module, forward in forwards.items():
            module.forward = forward
        yield
    finally:
        for module in forwards:
            module.__dict__.pop("forward", None)


def _run(model: LoadedModel, batch: Batch, **given: Tensor) -> Tensor:
    mask = batch.mask.to(model.device)
    try:
        model.backbone(attention_mask=mask, position_ids=(mask.cumsum(-1) - 1).clamp_min(0), use_cache=False, **given)
    except _Reached as reached:
        return reached.hidden
    raise AssertionError("the forward pass went past its layer")
