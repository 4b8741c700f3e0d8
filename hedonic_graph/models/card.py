"""The model card of an analysis: what was looked at, what tuned it, and by how much each weight changed."""

from typing import Any

from torch import Tensor, nn

from hedonic_graph.errors import UserError
from hedonic_graph.models.loaded import LoadedModel


def card(model: LoadedModel, layers: tuple[int, ...]) -> dict[str, Any]:
    """Describe a model for the manifest, as JSON-able values.

    ``tuning`` says how it was tuned (None where it was not) and, in ``changes``, for every analysed layer and
    every parameter in it that differs from the base: the Frobenius ``norm`` of the difference, that norm
    ``relative`` to the base's (None for a new or zero parameter) and the ``rank`` of a LoRA (None for others).
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
    changes = {str(layer): _changes(model, layer) for layer in layers}
    for layer, changed in changes.items():
        if model.reference == "base" and not any(name.startswith(f"{row.mlp}.") for name in changed):
            raise UserError(
                f"{model.adapter.name if model.adapter else model.weights.name} changes nothing in the MLP of "
                f"layer {layer} (its delta is exactly zero): untrained, not loaded, or meant for other layers"
            )
    adapter, start = model.adapter, f"{row.backbone}.{row.layers}."
    found["tuning"] = {"kind": adapter.kind if adapter else "full", "changes": changes}
    if adapter is not None:
        inside = [path.removeprefix(start).partition(".") for path in adapter.modules if path.startswith(start)]
        found["tuning"] |= {
            "rank": adapter.config.r,
            "alpha": adapter.config.lora_alpha,
            "layers": sorted({int(number) for number, _, _ in inside}),
            "modules": sorted({path for _, _, path in inside}),
            "outside": [path for path in adapter.modules if not path.startswith(start)],
        }
    return found


def _changes(model: LoadedModel, layer: int) -> dict[str, dict[str, float | int | None]]:
    row = model.architecture
    start = f"{row.backbone}.{row.layers}.{layer}"
    if model.adapter is None:
        paths = [""]
    else:
        inside = (path for path in model.adapter.modules if path.startswith(f"{start}."))
        paths = [path.removeprefix(f"{start}.") for path in inside]
    found = {}
    for path in paths:
        base = model.base_layer(layer, path)
        assert base is not None
        before = dict(base.named_parameters())
        for name, now in model.part(f"{start}.{path}".rstrip(".")).named_parameters():
            if (change := _change(now, before.get(name))) is not None:
                rank = _rank(model.layers[layer].get_submodule(path)) if name == "weight" else None
                found[f"{path}.{name}".lstrip(".")] = {**change, "rank": rank}
    return found


def _change(now: Tensor, before: Tensor | None) -> dict[str, float | None] | None:
    """Norm of a change, absolute and relative; None where there is none."""
    norm = float((now if before is None else now - before).norm())
    if not norm:
        return None
    size = 0.0 if before is None else float(before.norm())
    return {"norm": norm, "relative": norm / size if size else None}


def _rank(module: nn.Module) -> int | None:
    """The rank of a LoRA on this module; DoRA's change is of full rank."""
    ranks: dict[str, int] = getattr(module, "r", {})
    return None if getattr(module, "lora_variant", None) else next(iter(ranks.values()), None)
