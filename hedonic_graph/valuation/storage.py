"""The file of all pairs of one layer: phi as it is, or in half precision (DESIGN §5)."""

import math
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

HALF_ERROR = 2.0**-11
"""The largest error of a value kept in half precision, as a share of it."""
HALF_LEAST = 2.0**-28
"""Values below this share of the layer's largest may lose more, but never more than ``HALF_ERROR`` of this."""

_TOP = 2.0**15
"""The largest value is kept between half of this and this; half precision has all its bits from 2**-14 on."""
_ROWS = 1024


def write_phi(path: Path, phi: Tensor, precision: str) -> None:
    """Write phi float32 [n, n] as ``float32``, or as ``float16`` with the factor that brings it back.

    The factor is a power of two, so that a value is changed by its rounding and nothing else.
    """
    if precision == "float32":
        save_file({"phi": phi.cpu()}, path)
        return
    largest = max(abs(float(one)) for one in torch.aminmax(phi)) if len(phi) else 0.0
    factor = 2.0 ** math.ceil(math.log2(largest / _TOP)) if largest else 1.0
    kept = torch.empty(phi.shape, dtype=torch.float16)
    for start in range(0, len(phi), _ROWS):
        kept[start : start + _ROWS] = phi[start : start + _ROWS].double() / factor
    save_file({"phi": kept, "factor": torch.tensor(factor, dtype=torch.float64)}, path)


def read_phi(path: Path, device: torch.device) -> Tensor:
    """Return phi float32 [n, n]; on the CPU it is the file itself, mapped, where that holds float32."""
    with safe_open(path, "pt", device=str(device)) as stored:
        phi = stored.get_tensor("phi")
        return phi if phi.dtype == torch.float32 else _brought_back(phi, stored)


def read_rows(path: Path, start: int, count: int) -> tuple[Tensor, int]:
    """Return rows ``start`` to ``start + count`` of phi, float32, fewer at the end, and n."""
    # Opened anew for each block: the pages of a file that stays open count as memory of this process.
    with safe_open(path, "pt") as stored:
        whole = stored.get_slice("phi")
        n = whole.get_shape()[0]
        rows = whole[start : min(start + count, n)]
        return rows.clone() if rows.dtype == torch.float32 else _brought_back(rows, stored), n


def _brought_back(kept: Tensor, stored: safe_open) -> Tensor:
    factor = float(stored.get_tensor("factor"))
    phi = torch.empty(kept.shape, device=kept.device)
    for start in range(0, len(kept), _ROWS):
        # The factor itself may lie outside of float32.
        phi[start : start + _ROWS] = kept[start : start + _ROWS].double() * factor
    return phi
