"""A negative control: an untrained adapter that changes every matrix as much as a trained one does (DESIGN §3.7)."""

import json
import re
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from hedonic_graph.errors import UserError
from hedonic_graph.models import adapter as adapters
from hedonic_graph.models.locate import Files

_SIDE = re.compile(r"(?P<matrix>.+)\.lora_(?P<side>[AB])\.weight")


def product_norm(a: Tensor, b: Tensor) -> float:
    """Frobenius norm of ``b @ a`` (``a`` [r, in], ``b`` [out, r]) without forming it, in float64."""
    a, b = a.double(), b.double()
    return float(((b.T @ b) * (a @ a.T)).sum().clamp_min(0).sqrt())


def untrained_like(trained: Files, folder: Path, seed: int = 0) -> dict[str, float]:
    """Write an adapter with random A and B, each product BA as long (Frobenius) as the trained one's.

    Directions are those of Gaussian matrices. The task head is the trained one's, so that both are read alike.
    Returns the norm of each matrix's BA. Raises UserError for anything but a plain LoRA, and for a folder that
    holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} holds something already: name a new folder")
    adapter = adapters.read(trained)
    if adapter.kind != "LoRA":
        raise UserError(f"adapter {adapter.name} is a {adapter.kind}: only a plain LoRA's norm is that of BA")
    draw = torch.Generator().manual_seed(seed)
    state = dict(adapter.state)
    norms: dict[str, float] = {}
    for name in sorted(state):
        match = _SIDE.fullmatch(name)
        if match is None or match["side"] == "B":
            continue
        other = f"{match['matrix']}.lora_B.weight"
        norm = product_norm(state[name], state[other])
        a, b = (torch.randn(state[one].shape, generator=draw, dtype=torch.float64) for one in (name, other))
        # A keeps the trained one's norm, B takes what is left.
        a *= state[name].double().norm() / a.norm()
        b *= norm / product_norm(a, b)
        state[name], state[other] = a.float(), b.float()
        norms[match["matrix"].removeprefix("base_model.model.")] = norm
    if not norms or max(norms.values()) == 0:
        raise UserError(f"adapter {adapter.name} changes nothing: there is no norm to match")
    _write(trained, folder, state, seed)
    return norms


def _write(trained: Files, folder: Path, state: dict[str, Tensor], seed: int) -> None:
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file({name: one.contiguous() for name, one in state.items()}, partial / "adapter_model.safetensors")
    shutil.copyfile(trained.folder / "adapter_config.json", partial / "adapter_config.json")
    about = {"control": "untrained-like", "of": trained.name, "fingerprint": trained.fingerprint(), "seed": seed}
    (partial / "control.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    if folder.is_dir():
        folder.rmdir()
    partial.replace(folder)
