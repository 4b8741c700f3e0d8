"""The model card of an analysis: what was looked at, what tuned it, and by how much each weight changed."""

from typing import Any

from torch import Tensor, nn

from hedonic_graph.errors import UserError
from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.models.skeleton import head_of, path_of

VERSION = 2
"""Raise it when a card says something else."""

Change = dict[str, float | int | None]


def card(model: LoadedModel, layers: tuple[int, ...]) -> dict[str, Any]:
    """Describe a model for the manifest, as JSON-able values.

    ``tuning`` says how it was tuned, None where it was not. ``changes`` holds, by layer, and ``outside``, for what
    stands beside the layers, every parameter that differs from the base: the Frobenius ``norm`` of the difference,
    that norm ``relative`` to the base's (None for a new or zero parameter) and the ``rank`` of a LoRA (None for
    others). Nothing is read for it that the analysis would not read: of an adapter all layers up to the last
    analysed one, of a whole tuned model those analysed, and neither token embedding nor unembedding. For an
    adapter ``steps`` and ``layers`` say what it is on, whether that was read or not.
    Raises UserError where neurons are to go back to the base and the MLP of a layer is the base's already.
    """
    row = model.architecture
    # One layer's modules say what all of them are; their weights are not needed.
    mlp = model.layers[0].get_submodule(row.mlp)
    found: dict[str, Any] = {
        "block": "gated" if row.gate else "plain",
        "activation": type(mlp.get_submodule(row.activation)).__name__,
        "norm": {"rms": "RMSNorm", "layer": "LayerNorm"}[row.norm],
        "norm_behind_mlp": row.post_norm is not None,
        "tuning": None,
    }
    if model.tuning is None:
        return found
    changes = {str(number): _layer_changes(model, number) for number in _compared(model, layers)}
    for layer in layers:
        if model.reference == "base" and not any(name.startswith(f"{row.mlp}.") for name in changes[str(layer)]):
            raise UserError(
                f"{model.adapter.name if model.adapter else model.weights.name} changes nothing in the MLP of "
                f"layer {layer} (its delta is exactly zero): untrained, not loaded, or meant for other layers"
            )
    outside = {f"{path}.{name}": change for path in _outside(model) for name, change in _changes(model, path).items()}
    kind = model.adapter.kind if model.adapter else "full"
    found["tuning"] = {"kind": kind, "changes": changes, "outside": outside} | _on(model)
    return found


def _compared(model: LoadedModel, layers: tuple[int, ...]) -> list[int]:
    """The layers whose base and tuned weights are both read."""
    if model.adapter is None:
        return list(layers)
    return sorted({*layers, *(number for number, _ in _inside(model) if number <= max(layers))})


def _inside(model: LoadedModel) -> list[tuple[int, str]]:
    """Layer and path in it of every module in the layers that the adapter changes."""
    start = f"{model.architecture.backbone}.{model.architecture.layers}."
    paths = model.adapter.modules if model.adapter else ()
    parts = [path.removeprefix(start).partition(".") for path in paths if path.startswith(start)]
    return [(int(number), path) for number, _, path in parts]


def _outside(model: LoadedModel) -> list[str]:
    """The modules beside the layers that are compared."""
    row = model.architecture
    layers = f"{row.backbone}.{row.layers}"
    if model.adapter is not None:
        return [path for path in model.adapter.modules if not path.startswith(f"{layers}.")]
    # The task head is small; a token embedding and unembedding would take longer to read than many layers.
    head = [] if model.model.get_output_embeddings() else [head_of(model.model)]
    embedding = path_of(model.model, model.model.get_input_embeddings())
    beside = [f"{row.backbone}.{name}" for name, _ in model.backbone.named_children()]
    return [*head, *(path for path in beside if path not in (layers, embedding))]


def _on(model: LoadedModel) -> dict[str, Any]:
    """What an adapter is on in the layers: modules of one rank and scale together, saved ones without either."""
    if model.adapter is None:
        return {}
    steps: dict[tuple[int | None, float | None], set[str]] = {}
    for number, path in _inside(model):
        module = model.layers[number].get_submodule(path)
        steps.setdefault((_first(module, "r"), _first(module, "lora_alpha")), set()).add(path)
    ordered = sorted(steps.items(), key=lambda step: (step[0][0] is None, step[0]))
    return {
        "steps": [{"rank": rank, "alpha": alpha, "modules": sorted(paths)} for (rank, alpha), paths in ordered],
        "layers": sorted({number for number, _ in _inside(model)}),
    }


def _layer_changes(model: LoadedModel, layer: int) -> dict[str, Change]:
    start = f"{model.architecture.backbone}.{model.architecture.layers}.{layer}"
    if model.adapter is None:
        return _changes(model, start)
    paths = [path for number, path in _inside(model) if number == layer]
    return {f"{path}.{name}": change for path in paths for name, change in _changes(model, f"{start}.{path}").items()}


def _changes(model: LoadedModel, path: str) -> dict[str, Change]:
    """What became of each parameter of one module."""
    base = model.base_part(path) if _known(model, path) else None
    before = dict(base.named_parameters()) if base is not None else {}
    module = model.model.get_submodule(path)
    # DoRA's change is of full rank.
    rank = None if getattr(module, "lora_variant", None) else _first(module, "r")
    found = {}
    for name, now in model.part(path).named_parameters():
        if (change := _change(now, before.get(name))) is not None:
            found[name] = change | {"rank": rank if name == "weight" else None}
    return found


def _known(model: LoadedModel, path: str) -> bool:
    """Whether the base has what is compared: of a head it may have none, or one for another task."""
    assert model.tuning is not None
    weights, name = model.tuning.weights, f"{path}.weight"
    shape = model.tuning.model.get_submodule(path).weight.shape if path == head_of(model.model) else None
    return shape is None or (weights.stored(name) is not None and weights.shape(name) == tuple(shape))


def _change(now: Tensor, before: Tensor | None) -> Change | None:
    """Norm of a change, absolute and relative; None where there is none."""
    norm = float((now if before is None else now - before).norm())
    if not norm:
        return None
    size = 0.0 if before is None else float(before.norm())
    return {"norm": norm, "relative": norm / size if size else None}


def _first(module: nn.Module, name: str) -> Any:
    """PEFT keeps the values of a LoRA by its name, of which there is one; None for modules without a LoRA."""
    values: dict[str, Any] = getattr(module, name, {})
    return next(iter(values.values()), None)
