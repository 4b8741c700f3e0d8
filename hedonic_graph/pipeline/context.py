"""What every stage of an analysis works with: the folder, the configuration, the inputs and how to report."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from hedonic_graph.analysis import Analysis
from hedonic_graph.config import Config
from hedonic_graph.models.locate import Files
from hedonic_graph.text.pairs import Pair

if TYPE_CHECKING:
    from hedonic_graph.models.load import LoadedModel


@dataclass
class Context:
    """One ``analyze`` at work. The model is loaded only when a stage asks for it."""

    analysis: Analysis
    config: Config
    device: torch.device
    files: Files
    adapter: Files | None
    fingerprint: str
    """Of base and adapter together."""
    pairs: list[Pair]
    report: Callable[[str], None]
    """Takes one line for the user."""
    done: list[str] = field(default_factory=list)
    """Names of the units computed this time."""

    @cached_property
    def model(self) -> "LoadedModel":
        """Base and adapter, loaded once."""
        from hedonic_graph.models.load import load_model

        self.report(f"loading {self.files.name}" + (f" with {self.adapter.name}" if self.adapter else ""))
        return load_model(self.files, self.adapter, self.config.layers, self.device, self.config.reference)

    def steps(self) -> list[tuple[int, int]]:
        """Each analysed layer with the next one analysed."""
        return list(zip(self.config.layers, self.config.layers[1:], strict=False))
