"""The stages ``phi.pas`` and ``phi.oca``: one file of all pairs for each layer."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.models.moments import Moments
from hedonic_graph.pipeline.capturing import load_capture, load_moments
from hedonic_graph.pipeline.context import Context
from hedonic_graph.valuation.exact import SecondOrder, check_second_order
from hedonic_graph.valuation.oca import oca
from hedonic_graph.valuation.pas import pas

VERSION = 1
"""Part of every key: raise it when a change alters a valuation."""


def value_layer(context: Context[Config], valuation: str, layer: int) -> None:
    """Compute ``phi.VALUATION/L..`` where the folder lacks it."""
    name, key = layer_unit(f"phi.{valuation}", layer), _key(context, valuation, layer)
    if context.analysis.has(name, key, context.report):
        return

    def write(path: Path) -> None:
        phi, check = _pas(context, layer) if valuation == "pas" else (_oca(context, layer), None)
        if not bool(torch.isfinite(phi).all()):
            raise UserError(f"{valuation} of layer {layer} holds values that are not finite (NaN or infinite)")
        save_file({"phi": phi.cpu()}, path.with_suffix(".safetensors"))
        if check is not None:
            path.with_suffix(".json").write_text(json.dumps(asdict(check), indent=1), encoding="utf-8")

    context.analysis.commit(name, key, write)
    context.done.append(name)


def load_phi(context: Context[Config], valuation: str, layer: int) -> Tensor:
    """Read phi [n, n] onto the analysis's device."""
    path = context.analysis.file(layer_unit(f"phi.{valuation}", layer), ".safetensors")
    with safe_open(path, "pt", device=str(context.device)) as stored:
        return stored.get_tensor("phi")


def _key(context: Context[Config], valuation: str, layer: int) -> str:
    config, analysis = context.config, context.analysis
    if valuation == "pas":
        seen = analysis.content(layer_unit("capture", layer))
        options = {name: getattr(config, name) for name in ("readout", "readout_norm", "reference")}
    else:
        source = "moments" if config.positions == "all" else "capture"
        seen = analysis.content(layer_unit(source, layer))
        options = {"positions": config.positions}
    return key_of(
        stage=f"phi.{valuation}", version=VERSION, model=context.subject.fingerprint, layer=layer, seen=seen, **options
    )


def _pas(context: Context[Config], layer: int) -> tuple[Tensor, SecondOrder]:
    seen = load_capture(context, layer)
    block, readout = context.model.block(layer), context.model.readout
    if context.config.readout_norm == "off":
        readout = readout.without_norm()
    phi = pas(block, readout, seen.y, seen.tuned, seen.base)
    return phi, check_second_order(phi, block, readout, seen.y, seen.tuned, seen.base)


def _oca(context: Context[Config], layer: int) -> Tensor:
    if context.config.positions == "all":
        moments = load_moments(context, layer)
    else:
        moments = Moments.of(load_capture(context, layer).tuned)
    return oca(context.model.block(layer).tuned.down, moments)
