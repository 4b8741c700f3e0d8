"""What every stage works with: the folder, the configuration, the inputs and how to report."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

import torch

from hedonic_graph.analysis import Analysis, layer_unit
from hedonic_graph.config import CommonConfig
from hedonic_graph.errors import UserError
from hedonic_graph.pipeline.subject import Subject
from hedonic_graph.text.pairs import Pair

if TYPE_CHECKING:
    from hedonic_graph.models.load import LoadedModel

C = TypeVar("C", bound=CommonConfig, covariant=True)


@dataclass
class Context(Generic[C]):
    """One command at work. The model is loaded only when a stage asks for it."""

    analysis: Analysis
    config: C
    device: torch.device
    subject: Subject
    pairs: list[Pair]
    report: Callable[[str], None]
    """Takes one line for the user."""
    done: list[str] = field(default_factory=list)
    """Names of the units computed this time."""

    @cached_property
    def model(self) -> "LoadedModel":
        """Base and adapter, loaded once."""
        from hedonic_graph.models.load import load_model

        files, adapter = self.subject.files, self.subject.adapter
        self.report(f"loading {files.name}" + (f" with {adapter.name}" if adapter else ""))
        config = self.config
        return load_model(files, adapter, config.layers, self.device, config.reference, needs_head=config.reads_head)

    def check_model(self) -> None:
        """Load the model where a first capture is to come: what fails on it must fail before anything is written."""
        units = self.analysis.manifest["units"]
        if any(layer_unit("capture", layer) not in units for layer in self.config.layers):
            _ = self.model

    def steps(self) -> list[tuple[int, int]]:
        """Each analysed layer with the next one analysed."""
        return list(zip(self.config.layers, self.config.layers[1:], strict=False))


def device_of(name: str) -> torch.device:
    """The device of that name; raises UserError where it cannot be used."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"device {name!r} cannot be used: {reason}") from error
    return device
