"""What every stage works with: the folder, the configuration, the inputs and how to report."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch

from hedonic_graph.analysis import Analysis, key_of
from hedonic_graph.config import CommonConfig
from hedonic_graph.errors import UserError
from hedonic_graph.pipeline.reading import text_key
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
        """Base and what it was tuned to, opened once."""
        from hedonic_graph.models.load import load_model

        subject, config = self.subject, self.config
        return load_model(
            subject.files,
            subject.adapter,
            config.layers,
            self.device,
            config.reference,
            tuned=subject.tuned,
            readout=config.readout,
        )

    def described_model(self) -> dict[str, Any]:
        """What the manifest says of the model, with its card.

        The card reads the model, so that what fails on it fails here; one that was there is kept.
        """
        from hedonic_graph.models.card import VERSION, card

        entry, config = self.subject.entry(), self.config
        key = key_of(
            version=VERSION,
            model=self.subject.fingerprint,
            layers=config.layers,
            reference=config.reference,
            readout=config.readout,
        )
        before = self.analysis.manifest.get("model", {})
        if before.get("card_key") != key:
            self.report(f"reading {self.subject.label}")
            before = {"card": card(self.model, config.layers)}
        return entry | {"card": before["card"], "card_key": key}

    @property
    def prompts(self) -> list[str]:
        """What the model reads, a prompt for each pair."""
        return [pair.fill(self.config.prompt) for pair in self.pairs]

    def described_prompts(self) -> dict[str, Any]:
        """What the manifest says of the prompts: how many, how long, how many were cut at how many tokens.

        Tokenises them, so that what fails on them fails here; what was found before is kept.
        """
        from hedonic_graph.models.prompts import tokenise

        config = self.config
        key = key_of(
            model=self.subject.fingerprint,
            text=text_key(self.pairs),
            prompt=config.prompt,
            max_tokens=config.max_tokens,
            readout=config.readout,
        )
        before: dict[str, Any] = self.analysis.manifest.get("prompts", {})
        if before.get("key") == key:
            return before
        found = tokenise(self.model, self.prompts, config.max_tokens)
        record = {"count": len(found.ids), "longest": found.longest, "max_tokens": config.max_tokens}
        record["tokens"] = sum(map(len, found.ids))
        return record | {"cut": found.cut, "key": key}

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
