"""The stages ``phi.pas`` and ``phi.oca``: one file of all pairs for each layer."""

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.errors import UserError
from hedonic_graph.models.moments import Moments
from hedonic_graph.pipeline.capturing import load_capture, load_moments
from hedonic_graph.pipeline.context import Context
from hedonic_graph.valuation.oca import oca
from hedonic_graph.valuation.pas import pas


def value_layer(context: Context, valuation: str, layer: int) -> None:
    """Compute ``phi.VALUATION/L..`` where the folder lacks it."""
    name, key = layer_unit(f"phi.{valuation}", layer), _key(context, valuation, layer)
    if context.analysis.has(name, key, context.report):
        return
    phi = _pas(context, layer) if valuation == "pas" else _oca(context, layer)
    if not bool(torch.isfinite(phi).all()):
        raise UserError(f"{valuation} of layer {layer} holds values that are not finite (NaN or infinite)")
    context.analysis.commit(name, key, lambda path: save_file({"phi": phi.cpu()}, path.with_suffix(".safetensors")))
    context.done.append(name)


def load_phi(context: Context, valuation: str, layer: int) -> Tensor:
    """Read phi [n, n] onto the analysis's device."""
    path = context.analysis.file(layer_unit(f"phi.{valuation}", layer), ".safetensors")
    with safe_open(path, "pt", device=str(context.device)) as stored:
        return stored.get_tensor("phi")


def _key(context: Context, valuation: str, layer: int) -> str:
    config, analysis = context.config, context.analysis
    if valuation == "pas":
        seen = analysis.content(layer_unit("capture", layer))
        options = {"readout_norm": config.readout_norm, "reference": config.reference}
    else:
        source = "moments" if config.positions == "all" else "capture"
        seen = analysis.content(layer_unit(source, layer))
        options = {"positions": config.positions}
    return key_of(stage=f"phi.{valuation}", model=context.fingerprint, layer=layer, seen=seen, **options)


def _pas(context: Context, layer: int) -> Tensor:
    seen = load_capture(context, layer)
    return pas(
        context.model.block(layer),
        context.model.readout,
        seen.y,
        seen.tuned,
        seen.base,
        same_down=context.config.reference != "base",
    )


def _oca(context: Context, layer: int) -> Tensor:
    if context.config.positions == "all":
        moments = load_moments(context, layer)
    else:
        moments = Moments.of(load_capture(context, layer).tuned)
    return oca(context.model.block(layer).tuned.down, moments)
