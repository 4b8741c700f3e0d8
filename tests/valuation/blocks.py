"""Blocks and readouts of random numbers."""

from dataclasses import replace

import torch
from torch import Tensor

from hedonic_graph.models.mlp import Factors, MLPBlock, Projections
from hedonic_graph.models.norm import Norm
from hedonic_graph.models.readout import Readout


def random_block(
    n: int, d: int, *, step: str | None = "low", norm: str | None = "rms", post: bool = False, capped: bool = False
) -> tuple[MLPBlock, Readout]:
    """A plain MLP and a readout; ``step`` is low, full or None, ``norm`` that of the readout."""

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape)

    base = Projections(draw(n, d), draw(d, n), up_bias=draw(n), down_bias=draw(d))
    change = {"low": Factors(0.2 * draw(d, 3), draw(3, n)), "full": Factors(0.2 * draw(d, n)), None: None}[step]
    down = base.down
    if change is not None:
        down = down + (change.left if change.right is None else change.left @ change.right)
    tuned = replace(base, up=base.up + 0.1 * draw(n, d), down=down)
    final = None if norm is None else Norm(norm, 1 + 0.3 * draw(d), draw(d) if norm == "layer" else None, 1e-5)
    behind = Norm("rms", 1 + 0.3 * draw(d), None, 1e-5) if post else None
    block = MLPBlock(0, tuned, base, change, torch.nn.functional.gelu, None, behind)
    if not capped:
        return block, Readout(draw(1, d), draw(1), final)
    return block, Readout(0.5 * draw(2, d), draw(2), final, (1.0, -1.0), 1.5)
