"""Pairwise ablation synergy for all pairs in closed form (DESIGN §3.3).

``phi_ij = E_x[delta_i^T H(x) delta_j]`` with ``H`` the Hessian of the layer-local logit. For a norm in front
of the head ``H`` is two rank-one terms and a multiple of the identity, so every pair comes from a few matrix
products: no autograd, no second forward pass.
"""

import torch
from torch import Tensor

from hedonic_graph.errors import UserError
from hedonic_graph.models.mlp import MLPBlock
from hedonic_graph.models.readout import Readout

ADDITIVE = (
    "PAS needs --readout-norm on: without the final norm the logit is additive over neurons, "
    "so every pairwise interaction is exactly zero"
)


def pas(
    block: MLPBlock,
    readout: Readout,
    y: Tensor,
    tuned: Tensor,
    base: Tensor,
    *,
    same_down: bool = False,
    block_size: int = 2048,
) -> Tensor:
    """Return phi float32 [n, n], symmetric with a zero diagonal.

    ``y`` [B, d] is the residual stream after the MLP, ``tuned`` and ``base`` [B, n] the activations, all at
    the scored position. ``same_down`` takes the base's down projection for equal to the tuned one, as
    ``reference="zero"`` and ``"mean"`` do. Everything runs on the device of ``y``; beside phi it needs a few
    [B, n] arrays and blocks of ``block_size`` squared. Raises UserError for a readout without a norm.

    Each delta is written ``(a1 - a0) D1 + a0 (D1 - D0)``: one full Gram matrix, and the step from D0 to D1 is
    of low rank.
    """
    if readout.norm is None:
        raise UserError(ADDITIVE)
    norm, (examples, n) = readout.norm, tuned.shape
    d = y.shape[1]
    v = norm.centre(readout.weight * norm.gain)
    y = norm.centre(y)
    rho = norm.scale(y)
    level = y @ v
    down = norm.centre(block.tuned.down, dim=0)
    change = tuned - base
    # t and q: each delta along the head's direction and along the residual stream, [B, n].
    t = change * (v @ down)
    q = change * (y @ down)
    step = None if same_down else block.down_step
    if step is not None:
        left = norm.centre(step.left, dim=0)
        t += base * ((v @ left) @ step.right)
        q += base * ((y @ left) @ step.right)
    x = q * (1.5 * level / (d**2 * rho**5)).unsqueeze(1) - t / (d * rho**3).unsqueeze(1)
    x /= examples
    weight = (-level / (d * rho**3 * examples)).unsqueeze(1)
    change_weighted, base_weighted = change * weight, base * weight
    phi = torch.empty(n, n, device=y.device)
    for start in range(0, n, block_size):
        rows, rest = slice(start, start + block_size), slice(start, n)
        part = (down[:, rows].T @ down[:, rest]) * (change[:, rows].T @ change_weighted[:, rest])
        if step is not None:
            # Gram blocks between the two pieces of delta, through the factors of the step.
            towards = (down[:, rows].T @ left) @ step.right[:, rest]
            part += towards * (change[:, rows].T @ base_weighted[:, rest])
            back = step.right[:, rows].T @ (left.T @ down[:, rest])
            part += back * (base[:, rows].T @ change_weighted[:, rest])
            own = step.right[:, rows].T @ ((left.T @ left) @ step.right[:, rest])
            part += own * (base[:, rows].T @ base_weighted[:, rest])
        part.addmm_(q[:, rows].T, x[:, rest]).addmm_(x[:, rows].T, q[:, rest])
        phi[rows, rest] = part
        phi[rest, rows] = part.T
    # The first block of a row stripe is written twice, once transposed; rounding may differ between the two.
    return _symmetric(phi, block_size)


def _symmetric(phi: Tensor, block_size: int) -> Tensor:
    for start in range(0, len(phi), block_size):
        corner = phi[start : start + block_size, start : start + block_size]
        corner.copy_((corner + corner.T) / 2)
    phi.fill_diagonal_(0.0)
    return phi
