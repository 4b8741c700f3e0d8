"""What a probe is asked to do."""

import json
from dataclasses import asdict, dataclass

from hedonic_graph.config import PassesConfig
from hedonic_graph.errors import UserError


@dataclass(frozen=True, kw_only=True)
class ProbeConfig(PassesConfig):
    """Everything that decides the result of a probe. Paths are kept as the user wrote them."""

    model: str
    """Base model, as in :class:`hedonic_graph.config.Config`."""
    text: str
    """Text, as there."""
    layers: tuple[int, ...] = ()
    """Layers to look at, ascending; all of the model where none is named."""
    feature: tuple[str, ...] = ()
    """Features to read, by their names in :data:`hedonic_graph.text.features.FAMILIES`; all where none is named."""
    folds: int = 5
    """Parts that the queries are split into; each is foretold by the others."""
    seed: int = 0
    """Seed of that split."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seed < 0:
            raise UserError(f"seed must be at least 0, not {self.seed}")
        if len(set(self.feature)) != len(self.feature):
            raise UserError("feature: name each once")

    def as_json(self) -> str:
        """The configuration as one line of JSON, keys in the order of the fields."""
        return json.dumps(asdict(self))
