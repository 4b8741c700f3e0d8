"""What is looked at: a base model and what tuned it as files, known by a fingerprint of their contents."""

from dataclasses import dataclass
from typing import Any

from hedonic_graph.analysis import key_of
from hedonic_graph.models.locate import Files, locate_adapter, locate_model


@dataclass(frozen=True)
class Subject:
    """A base model and its adapter, or the whole model it was tuned into; no weights are loaded yet."""

    files: Files
    adapter: Files | None
    tuned: Files | None
    shape: dict[str, Any]
    """What :func:`hedonic_graph.models.load.shape_of` says."""
    fingerprint: str
    """Of base and what tuned it together."""

    @property
    def label(self) -> str:
        """All their names."""
        return "+".join(part.name for part in (self.files, self.adapter, self.tuned) if part)

    def entry(self) -> dict[str, Any]:
        """What the manifest says of it, and later the graph."""
        return {
            "id": f"{self.label}@{self.fingerprint[:8]}",
            "name": self.files.name,
            "adapter": self.adapter.name if self.adapter else None,
            "tuned": self.tuned.name if self.tuned else None,
            "fingerprint": self.fingerprint,
            "architecture": self.shape["model_type"],
            "d_model": self.shape["d_model"],
            "d_ff": self.shape["d_ff"],
            "layers": self.shape["layers"],
        }


def locate(model: str, adapter: str | None, tuned: str | None, layers: tuple[int, ...]) -> Subject:
    """Find a model with ``layers`` and what tuned it; raises UserError where there is none."""
    files = locate_model(model)
    adapter_files = locate_adapter(adapter) if adapter else None
    tuned_files = locate_model(tuned) if tuned else None
    # It takes transformers, and with it seconds, to import.
    from hedonic_graph.models.load import check_layers, shape_of

    shape = shape_of(files)
    check_layers(layers, shape["layers"], files.name)
    contents = {"model": files.fingerprint(), "adapter": adapter_files.fingerprint() if adapter_files else None}
    contents |= {"tuned": tuned_files.fingerprint()} if tuned_files else {}
    return Subject(files, adapter_files, tuned_files, shape, key_of(**contents))
