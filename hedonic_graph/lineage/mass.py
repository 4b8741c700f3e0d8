"""How strongly the coalitions of one layer feed the neurons of the next (DESIGN §3.6).

Every function here returns *flows* F [S, n'] float32: what source coalition C sends into target neuron q,
in units of the target's pre-activation (summed over its up and gate projections). The third kind of flow, measured
and in units of the activation itself, is in ``hedonic_graph.lineage.effect``. Coalition pairs come from
summing over the target's members (``pair_flow``) and dividing by both sizes (``pair_mass``).
"""

from collections.abc import Sequence

import numpy as np
import torch

from hedonic_graph.blocks import shrinking
from hedonic_graph.errors import UserError
from hedonic_graph.lineage.membership import Membership

# Floats in the largest temporary of `residual_flow`: 256 MB.
_BUDGET = 1 << 26


@shrinking
@torch.no_grad()
def composite_flow(
    down: torch.Tensor,
    target_up: torch.Tensor,
    target_gate: torch.Tensor | None,
    mean_abs: torch.Tensor,
    labels: Sequence[np.ndarray | torch.Tensor],
    *,
    block_size: int = 512,
) -> list[torch.Tensor]:
    """F[C, q] = sum over i in C of (|Up'·D|[q, i] + |Gate'·D|[q, i]) E|a_i|, one F for each membership.

    ``down`` [d, n] is layer l's tuned down projection with the gain of a post-MLP norm folded in,
    ``target_up`` and ``target_gate`` [n', d] are layer l+1's tuned projections with the gain of its pre-MLP
    norm folded in (``target_gate`` None for a plain MLP), ``mean_abs`` [n] is E|a_i| over scored positions.
    Each of ``labels`` is [n] with -1 for neurons left out and S of its own. The n' x n paths are computed
    ``block_size`` target neurons at a time and shared by all memberships. The work is done, and the result lies,
    on the device of ``down``. Raises UserError for shapes that do not fit and for values that are not finite.
    """
    _check_weights(down, target_up, target_gate)
    device, n = down.device, down.shape[1]
    strength = mean_abs.to(device, torch.float32)
    if strength.shape != (n,) or not bool((strength >= 0).all()):
        raise UserError(f"mean_abs must hold one non-negative number for each of the {n} neurons")
    memberships = memberships_of(labels, n, device)
    # E|a_i| >= 0 goes inside the absolute value, which saves a pass over every block.
    sources = down.float().T * strength[:, None]
    flows = [torch.empty(m.count, len(target_up), device=device) for m in memberships]
    for start in range(0, len(target_up), block_size):
        rows = slice(start, start + block_size)
        paths = _absolute_paths(sources, target_up[rows])
        if target_gate is not None:
            paths += _absolute_paths(sources, target_gate[rows])
        for flow, membership in zip(flows, memberships, strict=True):
            flow[:, rows] = membership.sums(paths)
    return [finite(flow) for flow in flows]


@shrinking
@torch.no_grad()
def residual_flow(
    down: torch.Tensor,
    target_up: torch.Tensor,
    target_gate: torch.Tensor | None,
    activations: torch.Tensor,
    labels: Sequence[np.ndarray | torch.Tensor],
    *,
    block_size: int = 128,
) -> list[torch.Tensor]:
    """F[C, q] = sum over p of (|Up'[q, p]| + |Gate'[q, p]|) E|sum over i in C of a_i D[p, i]|: the paper as printed.

    ``activations`` is [B, n], one row per example at its scored position; the rest as in ``composite_flow``.
    The mean runs over ``block_size`` examples and as many coalitions at a time as fit a fixed budget, so nothing
    of size B x S x d is ever whole. Nearly rank one in practice (DESIGN §3.6): it tells coalition sizes
    apart more than lineages.
    """
    _check_weights(down, target_up, target_gate)
    device, n = down.device, down.shape[1]
    acts = activations.to(device, torch.float32)
    if acts.ndim != 2 or acts.shape[1] != n or not len(acts):
        raise UserError(f"activations must be [examples, {n}] with one example or more; got {tuple(acts.shape)}")
    weights = target_up.to(device).float().abs()
    if target_gate is not None:
        weights += target_gate.to(device).float().abs()
    columns = down.float().T.contiguous()
    rows = acts.T.contiguous()
    return [finite(_mean_written(columns, rows, m, block_size) @ weights.T) for m in memberships_of(labels, n, device)]


def pair_flow(flows: torch.Tensor, target: Membership) -> torch.Tensor:
    """flow[C, C'] = sum over q in C' of F[C, q], from F [S, n'] to [S, T]."""
    return target.sums(flows.T).T


def pair_mass(flow: torch.Tensor, source_sizes: torch.Tensor, target_sizes: torch.Tensor) -> torch.Tensor:
    """M = flow / (|C||C'|), [S, T]."""
    return flow / source_sizes[:, None] / target_sizes


def _absolute_paths(sources: torch.Tensor, projection: torch.Tensor) -> torch.Tensor:
    return (sources @ projection.to(sources.device, torch.float32).T).abs_()


def _mean_written(columns: torch.Tensor, acts: torch.Tensor, membership: Membership, block: int) -> torch.Tensor:
    """E|what coalition C writes into residual dimension p|: [S, d], from D^T [n, d] and activations [n, B]."""
    d, examples = columns.shape[1], acts.shape[1]
    block = min(block, examples)
    written = columns.new_zeros(membership.count, d)
    sizes = membership.sizes.long().cpu()
    by_size = torch.argsort(sizes, stable=True)
    order = torch.argsort(membership.labels, stable=True)
    first = (membership.n - int(sizes.sum()) + torch.cumsum(sizes, 0) - sizes).tolist()
    start = 0
    while start < membership.count:
        # Coalitions of like size are padded to one size and multiplied as one batch.
        smallest = int(sizes[by_size[start]])
        fitting = by_size[start : start + max(1, _BUDGET // (d * max(block, 2 * smallest)))]
        chosen = fitting[sizes[fitting] <= 2 * smallest]
        start += len(chosen)
        width = int(sizes[chosen[-1]])
        offset = torch.arange(width)
        place = torch.tensor([first[c] for c in chosen.tolist()])[:, None] + offset
        real = (offset < sizes[chosen][:, None]).to(columns.device)
        members = order[place.clamp(max=membership.n - 1).to(columns.device)]
        written_by = columns[members]
        total = columns.new_zeros(len(chosen), d)
        for example in range(0, examples, block):
            part = acts[members, example : example + block] * real[..., None]
            total += torch.bmm(part.transpose(1, 2), written_by).abs_().sum(1)
        written[chosen.to(columns.device)] = total / examples
    return written


def memberships_of(labels: Sequence[np.ndarray | torch.Tensor], n: int, device: torch.device) -> list[Membership]:
    """The memberships that ``labels`` give; raises UserError where one is not of ``n`` neurons."""
    memberships = [Membership(one, device) for one in labels]
    for membership in memberships:
        if membership.n != n:
            raise UserError(f"labels cover {membership.n} neurons, the down projection has {n}")
    return memberships


def _check_weights(down: torch.Tensor, up: torch.Tensor, gate: torch.Tensor | None) -> None:
    if down.ndim != 2 or up.ndim != 2 or up.shape[1] != down.shape[0]:
        raise UserError(
            f"the next layer's projection {tuple(up.shape)} does not read what the down projection "
            f"{tuple(down.shape)} writes; expected [n', d] and [d, n]"
        )
    if gate is not None and gate.shape != up.shape:
        raise UserError(f"gate {tuple(gate.shape)} and up {tuple(up.shape)} projections must have one shape")


def finite(flow: torch.Tensor) -> torch.Tensor:
    """``flow`` itself; raises UserError where it is not finite."""
    if not bool(torch.isfinite(flow).all()):
        raise UserError("interaction mass is not finite; check weights and activations for NaN or infinity")
    return flow
