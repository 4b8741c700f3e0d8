"""The whole of ``analyze``: read, capture, value, partition, track, into one folder that can be continued."""

import json
import platform
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from hedonic_graph.analysis import Analysis, key_of, now
from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.models.load import check_layers, shape_of
from hedonic_graph.models.locate import locate_adapter, locate_model
from hedonic_graph.pipeline.capturing import capture_layers
from hedonic_graph.pipeline.context import Context
from hedonic_graph.pipeline.partitioning import agree, partition_layer
from hedonic_graph.pipeline.tracking import track_step
from hedonic_graph.pipeline.valuing import value_layer
from hedonic_graph.progress import bar
from hedonic_graph.text.pairs import load_pairs, write_pairs
from hedonic_graph.valuation.pas import ADDITIVE

_PACKAGES = ("hedonic-graph", "torch", "transformers", "peft", "numpy", "scipy", "igraph", "pandas", "safetensors")


def analyze(
    config: Config, folder: Path, *, device: str = "cpu", report: Callable[[str], None] = lambda line: None
) -> list[str]:
    """Bring ``folder`` to what ``config`` asks for and return the names of the units that were computed.

    Units whose inputs have not changed are left alone, so a second call with the same inputs returns an
    empty list, and a call after an interruption continues. ``report`` takes lines for the user. Raises
    UserError (DESIGN §7) before anything is written where the inputs do not fit together.
    """
    started = time.perf_counter()
    on = _device(device)
    if "pas" in config.valuation and config.readout_norm == "off":
        raise UserError(ADDITIVE)
    pairs = load_pairs(
        Path(config.text).expanduser(),
        run=config.run,
        depth=config.depth,
        sample=config.sample,
        first=config.first,
        seed=config.text_seed,
    )
    files = locate_model(config.model)
    adapter = locate_adapter(config.adapter) if config.adapter else None
    shape = shape_of(files)
    check_layers(config.layers, shape["layers"], files.name)
    if config.kmin > shape["d_ff"]:
        raise UserError(f"kmin {config.kmin} is above the {shape['d_ff']} neurons of a layer")
    fingerprint = key_of(model=files.fingerprint(), adapter=adapter.fingerprint() if adapter else None)
    with Analysis.writing(folder) as analysis:
        context = Context(analysis, config, on, files, adapter, fingerprint, pairs, report)
        if (analysis.path / ".capture.safetensors").exists() or "model" not in analysis.manifest:
            # What would fail on the model must fail before the folder looks like an analysis.
            _ = context.model
        analysis.manifest |= {
            "complete": False,
            "config": json.loads(config.as_json()),
            "model": _model_entry(context, shape),
            "packages": {name: version(name) for name in _PACKAGES} | {"python": platform.python_version()},
            "device": str(on),
        }
        _write_text(context)
        _stages(context)
        analysis.manifest["complete"] = True
        if context.done:
            analysis.manifest |= {"finished": now(), "seconds": round(time.perf_counter() - started, 1)}
        analysis.save()
        return context.done


def _stages(context: Context) -> None:
    config = context.config
    capture_layers(context)
    neurons = len(config.layers) * len(config.runs) * context.analysis.manifest["model"]["d_ff"]
    with bar("partitions", total=neurons, unit="neuron") as progress:
        for layer in config.layers:
            for valuation in config.valuation:
                progress.set_postfix_str(f"{valuation} of layer {layer}")
                value_layer(context, valuation, layer)
            partition_layer(context, layer, progress)
            agree(context, layer)
    steps = context.steps()
    with bar("lineage", total=len(steps) * len(config.runs), unit="step") as progress:
        for layer, following in steps:
            track_step(context, layer, following, progress)


def _write_text(context: Context) -> None:
    key = key_of(stage="text", pairs=[asdict(pair) for pair in context.pairs])
    if not context.analysis.has("text/pairs", key, context.report):
        context.analysis.commit("text/pairs", key, lambda path: write_pairs(path.with_suffix(".jsonl"), context.pairs))
        context.done.append("text/pairs")


def _model_entry(context: Context, shape: dict[str, Any]) -> dict[str, Any]:
    name, adapter = context.files.name, context.adapter.name if context.adapter else None
    label = f"{name}+{adapter}" if adapter else name
    return {
        "id": f"{label}@{context.fingerprint[:8]}",
        "name": name,
        "adapter": adapter,
        "fingerprint": context.fingerprint,
        "architecture": shape["model_type"],
        "d_model": shape["d_model"],
        "d_ff": shape["d_ff"],
        "layers": shape["layers"],
    }


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"device {name!r} cannot be used: {reason}") from error
    return device
