"""How far ablations move the layer-local logit, by inner products of the deltas (DESIGN §3.1-3.2).

Of a vector z the logit needs a few products with fixed vectors and one or two squared lengths. What ablating a
set does to these follows from the deltas' products with the point and with each other, so that no pair of
neurons needs a vector of its own. All of it is exact, and in float64.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from hedonic_graph.models.mlp import MLPBlock
from hedonic_graph.valuation.logit import LayerLogit
from hedonic_graph.valuation.moved import Moved

Map = Callable[[Tensor], Tensor]
"""A linear map of vectors [..., d]."""


class Deltas:
    """The deltas of s neurons for B examples, as ``sum_p factors_p matrices_p``; never stored themselves."""

    def __init__(self, block: MLPBlock, tuned: Tensor, base: Tensor, neurons: Tensor) -> None:
        now, before = tuned[:, neurons].double().T, base[:, neurons].double().T
        down = block.tuned.down[:, neurons].double().T
        # a1 D1 - a0 D0 = (a1 - a0) D1 + a0 (D1 - D0)
        self.factors = [now - before]
        """[s, B] each"""
        self.matrices = [down]
        """[s, d] each"""
        if block.down_step is not None:
            self.factors.append(before)
            self.matrices.append(down - block.base.down[:, neurons].double().T)

    def along(self, v: Tensor, of: Map | None = None) -> Tensor:
        """``v . map(delta_i)`` [s, B] for v [B, d], or [1, d] for all examples."""
        parts = zip(self.factors, self.matrices, strict=True)
        return torch.stack([one * ((matrix if of is None else of(matrix)) @ v.T) for one, matrix in parts]).sum(0)

    def squares(self, of: Map) -> Tensor:
        """``|map(delta_i)|^2`` [s, B]."""
        seen = [of(matrix) for matrix in self.matrices]
        found = torch.zeros_like(self.factors[0])
        for one, rows in zip(self.factors, seen, strict=True):
            for other, others in zip(self.factors, seen, strict=True):
                found += one * other * (rows * others).sum(1, keepdim=True)
        return found

    def total(self) -> Tensor:
        """The sum of all deltas, [B, d]."""
        return torch.stack([one.T @ matrix for one, matrix in zip(self.factors, self.matrices, strict=True)]).sum(0)

    def products(self, of: Map) -> list[list[Tensor]]:
        """``map(matrix_p) . map(matrix_q)`` of all neurons, [s, s] for each p and q: what :meth:`crossed` needs."""
        seen = [of(matrix) for matrix in self.matrices]
        return [[one @ other.T for other in seen] for one in seen]

    def crossed(self, products: list[list[Tensor]], i: Tensor, j: Tensor) -> Tensor:
        """``map(delta_i) . map(delta_j)`` [P, B] for P pairs."""
        found = torch.zeros(len(i), self.factors[0].shape[1]).to(self.factors[0])
        others = [factor[j] for factor in self.factors]
        for one, row in zip(self.factors, products, strict=True):
            inner = torch.zeros_like(found)
            for other, product in zip(others, row, strict=True):
                inner.addcmul_(other, product[i, j, None])
            found.addcmul_(one[i], inner)
        return found


class Forms:
    """The layer-local logit as a function of ``line . z`` and ``|map(z)|^2`` for a few lines and maps."""

    def __init__(self, logit: LayerLogit) -> None:
        self._logit = logit
        readout, point, post = logit.readout, logit.point, logit.post_norm
        norm, weight = readout.norm, readout.weight.to(point)
        self._constant = readout.bias.to(point)
        heads = weight
        if norm is not None:
            heads = norm.centre(weight * norm.gain.to(point))
            if norm.bias is not None:
                self._constant = self._constant + weight @ norm.bias.to(point)
        self.lines = [*heads[:, None]]
        """[1, d] each, or [B, d]"""
        self.maps: list[Map] = [] if norm is None else [norm.centre]
        if post is None or logit.rest is None:
            return
        gain = post.gain.to(point)
        self.lines = [gain * line for line in self.lines]
        self.maps = [lambda z: z]
        self._still = heads @ logit.rest.T
        if norm is not None:
            centred = norm.centre(logit.rest)
            self.lines.append(gain * centred)
            self.maps.append(lambda z: norm.centre(gain * z))
            self._still_square = centred.square().sum(1)

    def alone(self, deltas: Deltas) -> tuple[list[Moved], list[Moved]]:
        """Lines and squares where each neuron is ablated alone, moved by [s, B]."""
        point = self._logit.point
        lines = [Moved((line * point).sum(1), -deltas.along(line)) for line in self.lines]
        squares = []
        for of in self.maps:
            seen = of(point)
            squares.append(Moved(seen.square().sum(1), deltas.squares(of) - 2 * deltas.along(seen, of)))
        return lines, squares

    def change(self, lines: list[Moved], squares: list[Moved]) -> Tensor:
        """``f(z - step) - f(z)`` [..., B] from what the step does to lines and squares."""
        readout, post, d = self._logit.readout, self._logit.post_norm, self._logit.point.shape[1]
        levels, length = lines, squares[-1] if squares else None
        if post is not None:
            back = (squares[0] * (1 / d) + post.eps).rsqrt()
            levels = [line * back + still for line, still in zip(lines, self._still, strict=False)]
            if readout.norm is not None:
                length = squares[1] * back * back + lines[-1] * back * 2 + self._still_square
        if readout.norm is not None and length is not None:
            scale = (length * (1 / d) + readout.norm.eps).rsqrt()
            levels = [level * scale for level in levels]
        total = torch.zeros_like(levels[0].by)
        for sign, level, constant in zip(readout.sign, levels, self._constant, strict=True):
            if readout.cap is not None:
                level = ((level + constant) * (1 / readout.cap)).tanh() * readout.cap
            total += sign * level.by
        return total
