"""A hand-drawn analysis of three layers with one event of each kind, as the loader reads it.

Layers 3, 4 and 6 (5 was not analysed) of a model with 12 neurons a layer. Edges with their events::

    L03  C0 (5) --persist--> C0 (5)  L04  C0 --split--> C0 (4)  L06
                                          C0 --split--> C1 (4)
         C1 (3) --merge----> C1 (4)       C1 --persist--> C2 (2)
         C2 (3) --merge----> C1
         C3 (1, not followed)             C2 (2) vanishes
                                          C3 (1, not followed)   C3 (2) emerges

and C2 of layer 4 emerges, as nothing leads to it. One more edge, C0 of layer 3 to C2 of layer 4, is beyond
chance without being an event. C0 of layer 3, C0 of layer 4 and C0 of layer 6 align with one feature.
"""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from hedonic_graph.results.protocol import ModelInfo, RunInfo

LAYERS = (3, 4, 6)
NEURONS = 12
# Members of each coalition are consecutive neurons, from 0.
SIZES = {3: [5, 3, 3, 1], 4: [5, 4, 2, 1], 6: [4, 4, 2, 2]}
FATES = {3: ["persist", "merge", "merge", None], 4: ["split", "persist", "vanish", None], 6: [None] * 4}
ORIGINS = {3: [None] * 4, 4: ["persist", "merge", "emerge", None], 6: ["split", "split", "persist", "emerge"]}
NAN = float("nan")
EDGE_COLUMNS = ["source", "target", "mass", "flow", "alpha", "beta", "lift", "z", "matched", "event"]
EDGES = {
    3: [
        (0, 0, 0.50, 12.5, 0.80, 0.90, 2.0, 7.5, True, "persist"),
        (0, 2, 0.20, 2.0, 0.20, 0.60, 1.5, 3.25, False, None),
        (1, 1, 0.40, 4.8, 0.95, 0.50, 1.9, 6.0, True, "merge"),
        (2, 1, 0.30, 3.6, 0.90, 0.50, 1.8, 4.5, False, "merge"),
        (2, 2, 0.10, 0.6, 0.00, 0.00, 0.7, -1.5, False, None),
    ],
    4: [
        (0, 0, 0.60, 12.0, 0.55, 0.95, 2.5, 9.0, True, "split"),
        (0, 1, 0.50, 10.0, 0.45, 0.90, 2.2, 8.0, False, "split"),
        (1, 2, 0.40, 3.2, 1.00, 1.00, 2.1, 5.0, True, "persist"),
        (2, 3, 0.05, 0.2, 0.00, 0.00, 0.9, NAN, False, None),
    ],
}

# Coalition, feature, family, r2.
ALIGNMENTS = {
    3: [(0, "overlap", "terms", 0.50), (0, "length", "lengths", 0.25), (1, "length", "lengths", 0.40)],
    4: [(0, "overlap", "terms", 0.60), (2, "rarity", "terms", 0.05)],
    6: [(0, "overlap", "terms", 0.30)],
}


# Per cent under shuffled membership, for each of the two layers that are followed.
SHUFFLED: dict[str, float | list[float]] = {
    "persist_shuffled": [10.0, 1.0],
    "merge_shuffled": [20.0, 2.0],
    "split_shuffled": [30.0, 3.0],
    "vanish_shuffled": [40.0, 94.0],
}


@dataclass
class Drawn:
    """A small ``Results``."""

    analysis: str = "drawn"
    model_id: str = "tiny+1a2b"
    solvers: tuple[str, ...] = ("exact", "pac")
    salt: str = ""
    """Another content: part of the utilities and of the fingerprint."""
    parameters: dict[str, Any] = field(default_factory=lambda: {"utility": "sum", "k": 3})
    config: str = '{"k": 3}'
    task: str | None = "CQTR"
    layers: tuple[int, ...] = LAYERS
    """Those of ``LAYERS`` that were analysed, without a gap."""
    features: str | None = None
    """What the names of its features begin with; its analysis unless given."""

    def __post_init__(self) -> None:
        self.model = ModelInfo(self.model_id, "tiny", "adapters/cqtr", "LlamaForSequenceClassification", 8, NEURONS, 8)
        self.runs = [
            RunInfo(
                id=f"{self.analysis}/pas.{solver}",
                analysis=self.analysis,
                task=self.task,
                valuation="pas",
                solver=solver,
                seed=0 if solver == "pac" else None,
                created="2026-01-02T03:04:05Z",
                layers=self.layers,
                parameters=self.parameters,
                config=self.config,
                honesty={"stability_bound": 0.01, "undefined": NAN, **SHUFFLED},
            )
            for solver in self.solvers
        ]

    def members(self, run: RunInfo, layer: int) -> pd.DataFrame:
        ranks = [rank for rank, size in enumerate(SIZES[layer]) for _ in range(size)]
        base = 2.0 if self.salt else 1.0
        utility = [base / (1 + neuron) for neuron in range(NEURONS)]
        return pd.DataFrame({"neuron": range(NEURONS), "coalition": ranks, "utility": utility})

    def coalitions(self, run: RunInfo, layer: int) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "coalition": range(len(SIZES[layer])),
                "size": SIZES[layer],
                "fate": pd.Series(FATES[layer], dtype=object),
                "origin": pd.Series(ORIGINS[layer], dtype=object),
                # Synergy is the larger the larger a coalition; none has a value where it has one member.
                "confidence": [0.5 + 0.05 * size if size > 1 else NAN for size in SIZES[layer]],
                "pair": [0.01 * size if size > 1 else NAN for size in SIZES[layer]],
                "ratio": [1.0 + 0.1 * size if size > 1 else NAN for size in SIZES[layer]],
                "drop": [0.002 * size for size in SIZES[layer]],
                **self._best(layer),
            }
        )

    def alignments(self, run: RunInfo, layer: int) -> pd.DataFrame:
        rows = [(rank, self.feature(name), family, r2) for rank, name, family, r2 in ALIGNMENTS[layer]]
        return pd.DataFrame(rows, columns=["coalition", "feature", "family", "r2"])

    def feature(self, name: str) -> str:
        """The name in the graph of a feature of ``ALIGNMENTS``."""
        return f"{self.analysis if self.features is None else self.features}/{name}"

    def _best(self, layer: int) -> dict[str, Any]:
        best = {
            rank: max((r2, name) for one, name, _, r2 in ALIGNMENTS[layer] if one == rank)
            for rank in {row[0] for row in ALIGNMENTS[layer]}
        }
        found = [best.get(rank, (NAN, None)) for rank in range(len(SIZES[layer]))]
        features = [None if name is None else self.feature(name) for _, name in found]
        return {"r2": [r2 for r2, _ in found], "feature": pd.Series(features, dtype=object)}

    def edges(self, run: RunInfo, layer: int, keep: int) -> pd.DataFrame:
        frame = pd.DataFrame(EDGES.get(layer, []), columns=EDGE_COLUMNS)
        kept = frame["event"].notna() | (frame["z"] >= 3) | frame["matched"].astype(bool) | (keep >= 2)
        return frame[kept].reset_index(drop=True)

    def preferences(self, valuation: str, layer: int) -> pd.DataFrame:
        rows = [(n, (n + step) % NEURONS, step, 1.0 / (n + 1) / step) for n in range(NEURONS) for step in (1, 2)]
        return pd.DataFrame(rows, columns=["neuron", "other", "rank", "phi"])

    def contents(self, run: RunInfo) -> dict[str, dict[int, str]]:
        members = {layer: hashlib.sha256(f"{self.salt} {layer}".encode()).hexdigest() for layer in self.layers}
        return {"members": members, "lineage": dict.fromkeys(self.layers[:-1], "followed")}

    def fingerprint(self, run: RunInfo) -> str:
        return hashlib.sha256(repr((run, self.salt)).encode()).hexdigest()

    def preferences_fingerprint(self, valuation: str, layer: int) -> str:
        return hashlib.sha256(repr((valuation, layer)).encode()).hexdigest()

    def changed(self) -> "Drawn":
        """The same runs with other content."""
        return replace(self, salt="other")
