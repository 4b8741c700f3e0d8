"""The stages ``phi.pas`` and ``phi.oca``: one file of all pairs for each layer."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.models.capture import LayerCapture
from hedonic_graph.models.examples import halves
from hedonic_graph.models.mlp import MLPBlock
from hedonic_graph.models.moments import Moments
from hedonic_graph.models.readout import Readout
from hedonic_graph.pipeline.capturing import load_capture, load_moments
from hedonic_graph.pipeline.context import Context
from hedonic_graph.text.pairs import query_numbers
from hedonic_graph.valuation.exact import SecondOrder, check_second_order
from hedonic_graph.valuation.oca import oca, oca_errors
from hedonic_graph.valuation.pas import pas, pas_errors
from hedonic_graph.valuation.storage import read_phi, write_phi

VERSION = 1
"""Part of every key: raise it when a change alters a valuation."""


def value_layer(context: Context[Config], valuation: str, layer: int) -> None:
    """Compute ``phi.VALUATION/L..`` where the folder lacks it."""
    name, key = layer_unit(f"phi.{valuation}", layer), _key(context, valuation, layer)
    if context.analysis.has(name, key, context.report):
        return

    def write(path: Path) -> None:
        values = Values(context, valuation, layer)
        phi = values.whole()
        # NaN propagates into both, and no mask of all pairs is made.
        if not all(bool(torch.isfinite(one)) for one in torch.aminmax(phi)):
            raise UserError(f"{valuation} of layer {layer} holds values that are not finite (NaN or infinite)")
        write_phi(path.with_suffix(".safetensors"), phi, context.config.phi_precision)
        if check := values.second_order(phi):
            path.with_suffix(".json").write_text(json.dumps(asdict(check), indent=1), encoding="utf-8")

    context.analysis.commit(name, key, write)
    context.done.append(name)


def load_phi(context: Context[Config], valuation: str, layer: int) -> Tensor:
    """Read phi float32 [n, n] onto the analysis's device."""
    return read_phi(context.analysis.file(layer_unit(f"phi.{valuation}", layer), ".safetensors"), context.device)


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
        stage=f"phi.{valuation}",
        version=VERSION,
        model=context.subject.fingerprint,
        layer=layer,
        seen=seen,
        precision=config.phi_precision,
        **options,
    )


@dataclass(frozen=True)
class Values:
    """One layer's valuation of the whole text or parts of it; reads weights and what was captured once."""

    context: Context[Config]
    valuation: str
    layer: int

    def whole(self) -> Tensor:
        """phi [n, n]."""
        return oca(self._block.tuned.down, load_moments(self.context, self.layer)) if self.tokens else self.of(None)

    def half(self, number: int, depth: int = 0) -> Tensor:
        """phi [n, n] of one half of the examples, 0 or 1, or of a part of it (:func:`halves`)."""
        if self.tokens:
            assert depth == 0
            return oca(self._block.tuned.down, load_moments(self.context, self.layer, number))
        return self.of(halves(len(self._seen.y), depth=depth)[number])

    def of(self, times: Tensor | None) -> Tensor:
        """phi [n, n] where each example counts ``times`` [B] (whole numbers), once where that is None.

        OCA over all tokens has none of this: of tokens, the moments of both halves are all that is kept.
        """
        assert not self.tokens
        times = None if times is None else times.to(self._seen.tuned)
        if self.valuation == "pas":
            return pas(*self.arguments, times)
        return oca(self._block.tuned.down, Moments.of(self._seen.tuned, times))

    def errors(self, pairs: Tensor) -> Tensor | None:
        """The standard errors of phi for ``pairs`` [P, 2], over queries; NaN for one query.

        None for OCA over all tokens, as in :meth:`of`.
        """
        if self.tokens:
            return None
        queries = torch.tensor(query_numbers(self.context.pairs), device=pairs.device)
        if self.valuation == "pas":
            return pas_errors(*self.arguments, pairs, queries)
        return oca_errors(self._block.tuned.down, self._seen.tuned, pairs, queries)

    def second_order(self, phi: Tensor) -> SecondOrder | None:
        """How PAS agrees with exact ablation; None for OCA."""
        return check_second_order(phi, *self.arguments) if self.valuation == "pas" else None

    @property
    def tokens(self) -> bool:
        """Whether this is OCA over all tokens, of which nothing is kept for each example."""
        return self.valuation == "oca" and self.context.config.positions == "all"

    @property
    def arguments(self) -> tuple[MLPBlock, Readout, Tensor, Tensor, Tensor]:
        """What PAS is computed from: the block, the readout as configured, ``y``, ``tuned`` and ``base``."""
        readout = self.context.model.readout
        if self.context.config.readout_norm == "off":
            readout = readout.without_norm()
        return self._block, readout, self._seen.y, self._seen.tuned, self._seen.base

    @cached_property
    def _block(self) -> MLPBlock:
        return self.context.model.block(self.layer)

    @cached_property
    def _seen(self) -> LayerCapture:
        return load_capture(self.context, self.layer)
