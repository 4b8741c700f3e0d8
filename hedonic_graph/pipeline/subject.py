"""What is looked at: a base model and its adapter as files, known by a fingerprint of their contents."""

from dataclasses import dataclass
from typing import Any

from hedonic_graph.analysis import key_of
from hedonic_graph.models.locate import Files, locate_adapter, locate_model


@dataclass(frozen=True)
class Subject:
    """A base model and its adapter; no weights are loaded yet."""

    files: Files
    adapter: Files | None
    shape: dict[str, Any]
    """``model_type``, ``layers``, ``d_model`` and ``d_ff``."""
    fingerprint: str
    """Of base and adapter together."""

    def entry(self) -> dict[str, Any]:
        """What the manifest says of it, and later the graph."""
        name, adapter = self.files.name, self.adapter.name if self.adapter else None
        label = f"{name}+{adapter}" if adapter else name
        return {
            "id": f"{label}@{self.fingerprint[:8]}",
            "name": name,
            "adapter": adapter,
            "fingerprint": self.fingerprint,
            "architecture": self.shape["model_type"],
            "d_model": self.shape["d_model"],
            "d_ff": self.shape["d_ff"],
            "layers": self.shape["layers"],
        }


def locate(model: str, adapter: str | None, layers: tuple[int, ...]) -> Subject:
    """Find a model and an adapter that have ``layers``; raises UserError where there are none."""
    files = locate_model(model)
    adapter_files = locate_adapter(adapter) if adapter else None
    # It takes transformers, and with it seconds, to import.
    from hedonic_graph.models.load import check_layers, shape_of

    shape = shape_of(files)
    check_layers(layers, shape["layers"], files.name)
    fingerprint = key_of(model=files.fingerprint(), adapter=adapter_files.fingerprint() if adapter_files else None)
    return Subject(files, adapter_files, shape, fingerprint)
