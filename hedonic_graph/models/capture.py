"""Forward passes that keep what the valuations need, and nothing of size examples x tokens x neurons.

For every analysed layer and example: the residual stream before the MLP's norm and after the MLP, and the tuned
and base activations, at the scored position (DESIGN §3.1). For OCA over all tokens: running moments of the tuned
activations in each half of the examples, of one layer at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hedonic_graph.errors import UserError
from hedonic_graph.models.architectures import first_of
from hedonic_graph.models.examples import halves
from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.models.mlp import MLPBlock
from hedonic_graph.models.moments import Moments
from hedonic_graph.models.prompts import tokenise
from hedonic_graph.models.stream import Stream
from hedonic_graph.models.walk import Batch, Step, embedding, through
from hedonic_graph.progress import Progress, Silent


@dataclass
class LayerCapture:
    """What one layer showed; B examples, n neurons, model dimension d, float32 on the CPU."""

    y: Tensor
    """Residual stream right after the MLP was added, at the scored position, [B, d]."""
    tuned: Tensor
    """Activations of the tuned model there, [B, n]."""
    base: Tensor
    """Activations from the same MLP input with the base's weights, [B, n]; see ``reference``."""
    moments: tuple[Moments, Moments] | None
    """Of the tuned activations over all non-padding tokens of each half of the examples, where they were asked for."""
    x: Tensor | None = None
    """Residual stream that the MLP reads, before the norm in front of it, at the scored position, [B, d]."""


def batches(model: LoadedModel, prompts: Sequence[str], *, batch_size: int, max_tokens: int) -> list[Batch]:
    """Tokenise prompts and pad them in batches of similar length, longest first.

    Prompts of more than ``max_tokens`` tokens lose their end. Padding goes on the side the tokenizer uses. Raises
    UserError where :func:`~hedonic_graph.models.prompts.tokenise` does.
    """
    ids = tokenise(model, prompts, max_tokens).ids
    order = sorted(range(len(ids)), key=lambda example: (-len(ids[example]), example))
    found = []
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        padded = model.tokenizer.pad({"input_ids": [ids[example] for example in chosen]}, return_tensors="pt")
        # Padding may be a token that the embedding lacks; what stands there is never looked at.
        mask = padded["attention_mask"]
        found.append(Batch(torch.tensor(chosen), padded["input_ids"] * mask, mask))
    return found


def capture(
    model: LoadedModel,
    batched: Sequence[Batch],
    layers: Sequence[int],
    folder: Path,
    key: str,
    *,
    all_tokens: bool,
    begin: Callable[[int, int], Progress] = lambda first, layers: Silent(),
) -> Iterator[tuple[int, LayerCapture]]:
    """Yield what each of ``layers`` showed as soon as it is done, going up layer by layer.

    ``folder`` keeps the residual stream under ``key``, so that a walk that was cut off goes on at the layer
    where it stopped; it is cleared at the end. ``all_tokens`` asks for moments over all tokens of
    each half of the examples. ``begin`` is told the first layer and the number of layers to walk, and gives a bar
    that takes examples. Raises UserError where values are not finite.
    """
    halved = halves(sum(len(batch.examples) for batch in batched))
    last, tokens = max(layers), sum(int(batch.mask.sum()) for batch in batched)
    stream = Stream(folder, key, tokens, model.d_model)
    first = stream.latest(min(layers) + 1)
    if first is None:
        _embed(model, batched, stream)
        first = 0
    bar = begin(first, last + 1 - first)
    for number in range(first, last + 1):
        module = model.layer(number)
        tap = _Tap(module, model, halved if all_tokens else None) if number in layers else None
        leaving = stream.leaving_to(number + 1) if number < last else _nowhere()
        with torch.no_grad(), stream.entering(number) as read, leaving as write, through(model, number, module) as step:
            for batch in batched:
                _pass(model, number, batch, read, step, write, tap)
                bar.update(len(batch.examples))
        if tap is not None:
            yield number, tap.result(model.block(number, module), model.reference)
    bar.close()
    stream.clear()


def last_token(mask: Tensor) -> Tensor:
    """The scored position [b]: the last non-padding token of each row of ``mask`` [b, t]."""
    return mask.shape[1] - 1 - mask.flip(1).argmax(1)


def _pass(
    model: LoadedModel,
    number: int,
    batch: Batch,
    read: Callable[[int], Tensor],
    step: Step,
    write: Callable[[Tensor], None],
    tap: "_Tap | None",
) -> None:
    """Take one batch through a layer, from stream to stream, in halves where the device has no memory for it whole."""
    mask = batch.mask.bool()
    hidden = torch.zeros(*mask.shape, model.d_model)
    hidden[mask] = read(int(mask.sum()))
    parts = [(batch, hidden)]
    while parts:
        part, entering = parts.pop()
        passed = _try(step, part, entering.to(model.device), tap)
        if passed is None:
            torch.cuda.empty_cache()
            parts += reversed(_in_halves(part, entering))
            continue
        left, heard = passed
        rows = left[part.mask.bool().to(model.device)]
        if not bool(torch.isfinite(rows).all()):
            raise UserError(f"layer {number} gives values that are not finite (NaN or infinite)")
        if tap is not None:
            tap.take(part, heard, left)
        write(rows)


def _try(step: Step, batch: Batch, hidden: Tensor, tap: "_Tap | None") -> tuple[Tensor, dict[str, Tensor]] | None:
    """What leaves the layer, and what the tap heard; None where the device has no memory for so many prompts."""
    try:
        with tap.on(batch) if tap else nullcontext(dict[str, Tensor]()) as heard:
            return step(batch, hidden), heard
    except torch.OutOfMemoryError as error:
        if len(batch.examples) == 1:
            raise UserError(
                f"the device has too little memory, even for one prompt of {batch.mask.shape[1]} tokens: "
                "free some of it, or take --device cpu"
            ) from error
    # Not in the handler: its traceback holds on to the arrays of the failed attempt.
    return None


def _in_halves(batch: Batch, hidden: Tensor) -> list[tuple[Batch, Tensor]]:
    """The first and the last prompts of a batch, with their streams [b, t, d]."""
    middle = (len(batch.examples) + 1) // 2
    return [
        (Batch(batch.examples[half], batch.input_ids[half], batch.mask[half]), hidden[half])
        for half in (slice(middle), slice(middle, None))
    ]


class _Tap:
    """What passes one layer's MLP, reduced batch by batch: nothing of a batch's full length is kept."""

    def __init__(self, layer: nn.Module, model: LoadedModel, halved: Tensor | None) -> None:
        self._mlp = layer.get_submodule(model.architecture.mlp)
        self._down = self._mlp.get_submodule(model.architecture.down)
        # Whatever stands between two layers, attention before or beside the MLP: this is what its norm is given.
        self._reader = first_of(layer, model.architecture.pre_norm) or self._mlp
        self._halved = halved
        self._moments: tuple[Moments, Moments] | None = None
        self._examples: list[Tensor] = []
        self._seen: dict[str, list[Tensor]] = {"x": [], "h": [], "a": [], "y": []}

    @contextmanager
    def on(self, batch: Batch) -> Iterator[dict[str, Tensor]]:
        """Listen while this batch passes, and give what is heard of it; nothing of that counts before ``take``."""
        heard: dict[str, Tensor] = {}

        def hear(name: str) -> Callable[[Any, tuple[Tensor, ...]], None]:
            def hook(_: Any, args: tuple[Tensor, ...]) -> None:
                heard[name] = self._scored(batch, args[0])
                if name == "a" and self._halved is not None:
                    heard["all"] = args[0]

            return hook

        modules = {"x": self._reader, "h": self._mlp, "a": self._down}
        handles = [module.register_forward_pre_hook(hear(name)) for name, module in modules.items()]
        try:
            yield heard
        finally:
            for handle in handles:
                handle.remove()

    def take(self, batch: Batch, heard: dict[str, Tensor], left: Tensor) -> None:
        """Keep what was heard of a batch that passed, and of ``left`` [b, t, d], what leaves the layer."""
        if self._halved is not None:
            self._add(batch, heard.pop("all"), self._halved)
        self._examples.append(batch.examples)
        for name, values in {**heard, "y": self._scored(batch, left)}.items():
            self._seen[name].append(values)

    def result(self, block: MLPBlock, reference: str) -> LayerCapture:
        """Put the batches together, in the order of the examples."""
        order = torch.cat(self._examples).argsort()
        x, h, tuned, y = (torch.cat(self._seen[name])[order] for name in ("x", "h", "a", "y"))
        if reference == "base":
            device = block.base.up.device
            base = torch.cat([block.activations(part.to(device), block.base).cpu() for part in h.split(1024)])
        else:
            base = tuned.mean(0).expand_as(tuned).contiguous() if reference == "mean" else torch.zeros_like(tuned)
        return LayerCapture(y, tuned, base, self._moments, x)

    def _scored(self, batch: Batch, values: Tensor) -> Tensor:
        """The rows [b, ...] of ``values`` [b, t, ...] at the scored positions."""
        return values[torch.arange(len(values)), last_token(batch.mask)].cpu()

    def _add(self, batch: Batch, activations: Tensor, halved: Tensor) -> None:
        """Add the activations [b, t, n] of all tokens to the moments of the halves that their examples are in."""
        n, device = activations.shape[-1], activations.device
        if self._moments is None:
            self._moments = Moments.empty(n, device), Moments.empty(n, device)
        for moments, half in zip(self._moments, halved[:, batch.examples], strict=True):
            moments.add(activations[(batch.mask.bool() & half[:, None]).to(device)])


def _embed(model: LoadedModel, batched: Sequence[Batch], stream: Stream) -> None:
    with torch.no_grad(), embedding(model) as embed, stream.leaving_to(0) as write:
        for batch in batched:
            write(embed(batch)[batch.mask.bool().to(model.device)])


@contextmanager
def _nowhere() -> Iterator[Callable[[Tensor], None]]:
    yield lambda rows: None
