"""Bring a base model and what it was tuned to together, and refuse what does not fit (DESIGN §3.1, §7)."""

import copy
from dataclasses import replace
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from hedonic_graph.config import show_layers
from hedonic_graph.errors import UserError
from hedonic_graph.models import adapter as adapters
from hedonic_graph.models.architectures import HEAD, Architecture, architecture_of
from hedonic_graph.models.checkpoint import plain_name
from hedonic_graph.models.loaded import LoadedModel, Tuning
from hedonic_graph.models.locate import Files
from hedonic_graph.models.mlp import projections
from hedonic_graph.models.quiet import quiet
from hedonic_graph.models.readout import check_head, check_tokens
from hedonic_graph.models.skeleton import (
    build,
    gguf_option,
    head_of,
    open_weights,
    path_of,
    read_config,
    read_tokenizer,
    reading,
)
from hedonic_graph.text.readouts import SCORE, parse_readout


def shape_of(files: Files) -> dict[str, Any]:
    """Read what a model's configuration says without loading weights.

    Returns ``model_type``, ``layers``, ``d_model``, ``d_ff``, ``projections`` (of an MLP: two, or three with a
    gate), ``post_norm`` (whether a norm stands behind the MLP) and ``capped`` (whether tokens' logits are); raises
    UserError for an unreadable or uncovered configuration.
    """
    config = read_config(files)
    row = architecture_of(config)
    layers = build(config, files, causal=True).get_submodule(f"{row.backbone}.{row.layers}")
    if not len(layers):
        raise UserError(f"model {files.name} has no layers, by its configuration")
    return {
        "model_type": config.model_type,
        "layers": len(layers),
        "d_model": config.hidden_size,
        "d_ff": len(projections(layers[0].get_submodule(row.mlp), row).up),
        "projections": 2 if row.gate is None else 3,
        "post_norm": row.post_norm is not None,
        "capped": getattr(config, "final_logit_softcapping", None) is not None,
    }


def load_model(
    files: Files,
    adapter: Files | None,
    layers: tuple[int, ...],
    device: torch.device,
    reference: str,
    *,
    tuned: Files | None = None,
    readout: str | None = SCORE,
) -> LoadedModel:
    """Bring a base model together with an adapter, or with ``tuned``, a whole model that it was made into.

    ``readout`` is written as in the configuration, None where nothing is read and no head is needed. Checks
    that they belong together and that all weights up to the last of ``layers`` are there, but reads none of
    the layers. Raises UserError where something does not fit.
    """
    if reference == "base" and adapter is None and tuned is None:
        raise UserError(
            "without an adapter there is no base to compare with: give --adapter or --tuned, "
            "or --reference zero or mean"
        )
    with quiet():
        stored = adapters.read(adapter) if adapter else None
    tokens = parse_readout(readout) if readout else None
    # Where nothing is read, the model is of the kind that the adapter was made on.
    causal = tokens is not None if readout else stored is None or not stored.brings_head
    config = read_config(tuned or files)
    row = architecture_of(config)
    model = build(config, tuned or files, causal=causal)
    weights = open_weights(tuned or files, model, row)
    tuning = None
    if tuned is not None:
        base = _base_of(model, row, tuned, files, causal=causal)
        tuning = Tuning(open_weights(files, base, row), base)
    elif stored is not None:
        tuning = Tuning(weights, copy.deepcopy(model))
        with quiet():
            adapters.attach(model, stored)
        model.eval()
    tokenizer = read_tokenizer(files, tuned, adapter)
    loaded = LoadedModel(model, tokenizer, row, device, weights, stored, tuning, reference, tokens)
    check_layers(layers, len(loaded.layers), files.name)
    _check_weights(loaded, max(layers), reads=readout is not None)
    if tokens is not None:
        check_tokens(tokenizer, tokens, len(model.get_submodule(head_of(model)).weight))
    if reference == "base" and stored is not None:
        _check_touched(loaded, stored, layers)
    _bring_in_the_rest(loaded)
    return loaded


def base_of(loaded: LoadedModel, layers: tuple[int, ...]) -> LoadedModel:
    """The base model alone of a tuned one, which it shares files, tokenizer and device with.

    Raises UserError where weights up to the last of ``layers`` are missing.
    """
    assert loaded.tuning is not None
    model, weights = copy.deepcopy(loaded.tuning.model), loaded.tuning.weights
    base = replace(loaded, model=model, weights=weights, adapter=None, tuning=None)
    _check_weights(base, max(layers), reads=False)
    _bring_in_the_rest(base)
    return base


def load_classifier(files: Files) -> tuple[Any, Any]:
    """Load a whole base model in float32 as a sequence classifier with one output, for training; its tokenizer.

    A head that the checkpoint lacks is drawn anew.
    """
    read_config(files)
    tokenizer = read_tokenizer(files)
    classifier = reading(
        lambda: AutoModelForSequenceClassification.from_pretrained(
            files.folder, num_labels=1, dtype=torch.float32, **gguf_option(files)
        ),
        files,
    )
    classifier.config.pad_token_id = tokenizer.pad_token_id
    return classifier.eval(), tokenizer


def check_layers(layers: tuple[int, ...], count: int, name: str) -> None:
    """Raise UserError unless every one of ``layers`` exists in a model of ``count`` layers."""
    if outside := [layer for layer in layers if not 0 <= layer < count]:
        raise UserError(f"{name} has no layer {outside[0]}: its layers are 0-{count - 1}")


def _base_of(model: Any, row: Architecture, tuned: Files, files: Files, *, causal: bool) -> Any:
    """The modules of the base that ``model`` was tuned from, by the base's own configuration.

    Raises UserError unless their layers are built alike: parameters, their shapes, activation.
    """

    def check(what: str, one: Any, other: Any) -> None:
        if one != other:
            raise UserError(f"{tuned.name} was not tuned from {files.name}: {what} {one} in one, {other} in the other")

    config = read_config(files)
    check("model type", model.config.model_type, config.model_type)
    base = build(config, files, causal=causal)
    one, other = (whole.get_submodule(f"{row.backbone}.{row.layers}") for whole in (model, base))
    check("layers", len(one), len(other))
    here, there = ({name: list(values.shape) for name, values in stack.named_parameters()} for stack in (one, other))
    for name in sorted({*here, *there}):
        check(name, here.get(name, "none"), there.get(name, "none"))
    acts = [stack[0].get_submodule(f"{row.mlp}.{row.activation}") for stack in (one, other)]
    x = torch.linspace(-5, 5, 101)
    if not torch.allclose(acts[0](x), acts[1](x), rtol=1e-5, atol=1e-6):
        check("activation", *(type(act).__name__ for act in acts))
    return base


def _check_weights(loaded: LoadedModel, last: int, *, reads: bool) -> None:
    """Raise UserError where weights that the analysis would read are missing or not what the configuration says.

    The head's are missed only where it ``reads`` one.
    """
    model, row, weights = loaded.model, loaded.architecture, loaded.weights
    above = tuple(f"{row.backbone}.{row.layers}.{number}." for number in range(last + 1, len(loaded.layers)))
    # What is not on the meta device came with the adapter.
    found = [(plain_name(name), one) for name, one in model.named_parameters(remove_duplicate=False) if one.is_meta]
    shapes = {name: one.shape for name, one in found if name and not name.startswith(above)}
    missing = [name for name in shapes if weights.stored(name) is None]
    head = f"{head_of(model)}."
    if lost := [name for name in missing if not name.startswith(head)]:
        raise UserError(f"{weights.name} lacks {len(lost)} of its weights, the first is {lost[0]}")
    if missing and reads:
        where = f"neither {weights.name} nor the adapter has" if loaded.adapter else f"{weights.name} does not have"
        if loaded.tokens:
            raise UserError(f"no language model head: {where} the weights of {head[:-1]!r}")
        raise UserError(
            f"no task head: {where} the weights of {head[:-1]!r}, which the logit is read from; "
            "a generative model is read by --readout 'token: yes - no'"
        )
    for name in (one for one in shapes if one not in missing):
        if name == f"{HEAD}.weight":
            check_head(weights.name, weights.shape(name)[0])
        weights.check(name, shapes[name])


def _check_touched(loaded: LoadedModel, adapter: adapters.Adapter, layers: tuple[int, ...]) -> None:
    """Raise UserError where the adapter leaves the MLP of an analysed layer alone."""
    row = loaded.architecture
    start = f"{row.backbone}.{row.layers}."
    inside = [path.removeprefix(start).split(".") for path in adapter.modules if path.startswith(start)]
    touched = sorted({int(number) for number, part, *_ in inside if part == row.mlp})
    if not touched:
        kinds = ", ".join(sorted({path.rpartition(".")[2] for path in adapter.modules})) or "nothing"
        raise UserError(
            f"adapter {adapter.name} changes no MLP (only {kinds}): give one on the MLP projections, "
            "or --reference zero or mean"
        )
    if left := [layer for layer in layers if layer not in touched]:
        raise UserError(
            f"adapter {adapter.name} changes nothing in the MLP of layer {left[0]}: it changes those of layers "
            f"{show_layers(touched)}"
        )


def _bring_in_the_rest(loaded: LoadedModel) -> None:
    """Read what stands beside the layers and the token embedding: norms, positions."""
    embedding = path_of(loaded.model, loaded.model.get_input_embeddings())
    for name, _ in list(loaded.backbone.named_children()):
        path = f"{loaded.architecture.backbone}.{name}"
        if name != loaded.architecture.layers and not embedding.startswith(path):
            setattr(loaded.backbone, name, loaded.part(path))
