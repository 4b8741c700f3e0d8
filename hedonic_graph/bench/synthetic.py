"""A run of any size without a model: what the loader and the queries are measured with (DESIGN §6.1)."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from hedonic_graph.bench import shapes
from hedonic_graph.errors import UserError
from hedonic_graph.results.protocol import FATES, ModelInfo, RunInfo

if TYPE_CHECKING:
    import pandas as pd

FIRST_LAYER = 7
K = 3
# Nothing was measured of these yet: each coalition followed is aligned with some features of a short list.
ALIGNED, FEATURES, FAMILIES = 3, 24, 6
# What a real run's fates are under shuffled membership, in per cent.
SHUFFLED = dict(zip(FATES, (3.0, 20.0, 17.0, 60.0), strict=True))


Table = TypeVar("Table")


@dataclass(frozen=True)
class Scale:
    """How large a run is; the default is the largest one the paper looks at, an 8B model's layers 7-14."""

    layers: int = 8
    neurons: int = 14_336
    """In each layer."""
    coalitions: int = 5_000
    """In all layers together."""
    edges: int = 500_000
    """INTERACTS edges in all steps together."""
    seed: int = 0

    def check(self) -> None:
        """Raise UserError where there is no such run."""
        if self.layers < 2:
            raise UserError(f"layers is {self.layers}: a run to follow has 2 or more")
        # A layer may get twice the mean, and needs three neurons for each coalition.
        least, most = 2 * self.layers, self.layers * self.neurons // 6
        if not least <= self.coalitions <= most:
            raise UserError(
                f"coalitions is {self.coalitions:,}: {self.layers} layers of {self.neurons:,} neurons "
                f"have {least:,} to {most:,} here (two a layer at least, six neurons each on average)"
            )


class Synthetic:
    """A drawn ``Results`` with the shapes of a real run (``shapes``), the same for the same scale and seed.

    A table is drawn when it is asked for; the last ``hold`` are kept, all of them with None. ``runs`` many runs
    (seeds of one solver) share neurons and preferences. Names begin with ``name``. Raises UserError where the scale
    makes no sense.
    """

    def __init__(self, scale: Scale, *, name: str = "synthetic", runs: int = 1, hold: int | None = 8) -> None:
        scale.check()
        self.scale = scale
        self.name = name
        self.layers = tuple(range(FIRST_LAYER, FIRST_LAYER + scale.layers))
        self.model = ModelInfo(f"{name}/model", name, None, "LlamaForSequenceClassification", 4096, scale.neurons, 32)
        self.runs = [self._info(name, seed) for seed in range(runs)]
        self._hold = hold
        self._drawn: OrderedDict[tuple[str, int | None, int], Any] = OrderedDict()
        self._sizes = {run.seed: self._all_sizes(run) for run in self.runs}
        self._edges = {run.seed: self._edge_counts(run) for run in self.runs}

    def members(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        """See :class:`hedonic_graph.results.protocol.Results`."""
        return self._once(("members", run.seed, layer), lambda: self._draw_members(run, layer))

    def coalitions(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        """See :class:`hedonic_graph.results.protocol.Results`."""
        return self._once(("coalitions", run.seed, layer), lambda: self._draw_coalitions(run, layer))

    def edges(self, run: RunInfo, layer: int, keep: int) -> "pd.DataFrame":
        """See :class:`hedonic_graph.results.protocol.Results`; as many as the scale says, whatever ``keep`` is."""
        return self._once(("edges", run.seed, layer), lambda: self._draw_edges(run, layer))

    def preferences(self, valuation: str, layer: int) -> "pd.DataFrame":
        """See :class:`hedonic_graph.results.protocol.Results`."""
        return self._once(("preferences", None, layer), lambda: self._draw_preferences(layer))

    def alignments(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        """See :class:`hedonic_graph.results.protocol.Results`; a coalition's best feature comes first."""
        return self._once(("alignments", run.seed, layer), lambda: self._draw_alignments(run, layer))

    def preferences_fingerprint(self, valuation: str, layer: int) -> str:
        """See :class:`hedonic_graph.results.protocol.Results`."""
        return hashlib.sha256(repr((self.scale, valuation, layer)).encode()).hexdigest()

    def contents(self, run: RunInfo) -> dict[str, dict[int, str]]:
        """See :class:`hedonic_graph.results.protocol.Results`; a drawn run is made of nothing but its scale."""
        return {}

    def draw(self) -> None:
        """Draw every table now; with ``hold=None``, none is drawn again."""
        for layer in self.layers:
            for run in self.runs:
                self.members(run, layer), self.coalitions(run, layer), self.edges(run, layer, 0)
            self.preferences("pas", layer)

    def fingerprint(self, run: RunInfo) -> str:
        """See :class:`hedonic_graph.results.protocol.Results`."""
        return hashlib.sha256(repr((self.scale, run.id)).encode()).hexdigest()

    def _draw_members(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        import pandas as pd

        rng = self._rng("members", run.seed, layer)
        neurons = self.scale.neurons
        coalition = np.empty(neurons, dtype=np.int32)
        sizes = self._sizes[run.seed][layer]
        coalition[rng.permutation(neurons)] = np.repeat(np.arange(len(sizes)), sizes)
        utility = np.where(sizes[coalition] > 1, shapes.utility(neurons, rng), np.float32(0))
        return pd.DataFrame({"neuron": np.arange(neurons), "coalition": coalition, "utility": utility})

    def _draw_coalitions(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        import pandas as pd

        sizes = self._sizes[run.seed][layer]
        fate, origin = (np.full(len(sizes), None, dtype=object) for _ in range(2))
        if layer != self.layers[-1]:
            known = self._step(run, layer).fate
            fate[: len(known)] = known
        if layer != self.layers[0]:
            known = self._step(run, layer - 1).origin
            origin[: len(known)] = known
        synergy = shapes.synergy(sizes, self._rng("synergy", run.seed, layer))
        frame = pd.DataFrame({"coalition": np.arange(len(sizes)), "size": sizes, **synergy})
        # Without the explicit dtype pandas 3 makes them string columns and None a NaN.
        frame = frame.assign(fate=pd.Series(fate, dtype=object), origin=pd.Series(origin, dtype=object))
        best = self.alignments(run, layer).groupby("coalition").first()
        return frame.join(best[["feature", "r2"]], on="coalition")

    def _draw_edges(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        import pandas as pd

        names = ("source", "target", "mass", "flow", "alpha", "beta", "lift", "z", "matched", "event")
        if layer == self.layers[-1]:
            return pd.DataFrame({name: [] for name in names})
        step = self._step(run, layer)
        columns = {"source": step.source, "target": step.target, **step.numbers, "matched": step.matched}
        return pd.DataFrame({**columns, "event": pd.Series(step.event, dtype=object)})

    def _draw_preferences(self, layer: int) -> "pd.DataFrame":
        import pandas as pd

        rng = self._rng("preferences", 0, layer)
        neurons = self.scale.neurons
        k = min(K, neurons - 1)
        return pd.DataFrame(
            {
                "neuron": np.repeat(np.arange(neurons), k),
                "other": shapes.favourites(neurons, k, rng).ravel(),
                "rank": np.tile(np.arange(1, k + 1), neurons),
                "phi": shapes.phi(neurons, k, rng).ravel(),
            }
        )

    def _draw_alignments(self, run: RunInfo, layer: int) -> "pd.DataFrame":
        import pandas as pd

        followed = int((self._sizes[run.seed][layer] > 1).sum())
        rng = self._rng("aligned", run.seed, layer)
        r2 = -np.sort(-rng.beta(1.0, 8.0, (followed, ALIGNED)), axis=1)
        feature = rng.permuted(np.tile(np.arange(FEATURES), (followed, 1)), axis=1)[:, :ALIGNED].ravel()
        return pd.DataFrame(
            {
                "coalition": np.repeat(np.arange(followed), ALIGNED),
                # Features are known by name alone: these must not be taken for anybody's own.
                "feature": [f"{self.name}/feature {one}" for one in feature],
                "family": [f"{self.name}/family {one % FAMILIES}" for one in feature],
                "r2": r2.ravel(),
            }
        )

    def _info(self, name: str, seed: int) -> RunInfo:
        return RunInfo(
            id=f"{name}/pas.pac.{seed}",
            analysis=name,
            task=None,
            valuation="pas",
            solver="pac",
            seed=seed,
            created="2026-01-01T00:00:00+00:00",
            layers=self.layers,
            parameters={f"synthetic_{key}": value for key, value in asdict(self.scale).items()},
            honesty={f"{fate}_shuffled": [share] * (len(self.layers) - 1) for fate, share in SHUFFLED.items()},
        )

    def _all_sizes(self, run: RunInfo) -> dict[int, np.ndarray]:
        rng = self._rng("sizes", run.seed, 0)
        # Two in each layer come first, so that no layer is left without.
        counts = 2 + shapes.shares(self.scale.coalitions - 2 * len(self.layers), len(self.layers), rng)
        return {
            layer: shapes.sizes(self.scale.neurons, int(count), rng)
            for layer, count in zip(self.layers, counts, strict=True)
        }

    def _step(self, run: RunInfo, layer: int) -> shapes.Step:
        return self._once(("step", run.seed, layer), lambda: self._draw_step(run, layer))

    def _draw_step(self, run: RunInfo, layer: int) -> shapes.Step:
        source, target = (sizes[sizes > 1] for sizes in (self._sizes[run.seed][one] for one in (layer, layer + 1)))
        rng = self._rng("step", run.seed, layer)
        return shapes.step(source, target, self.scale.neurons, self._edges[run.seed][layer], rng)

    def _once(self, key: tuple[str, int | None, int], draw: Callable[[], Table]) -> Table:
        if (found := self._drawn.get(key)) is None:
            found = self._drawn[key] = draw()
            if self._hold is not None and len(self._drawn) > self._hold:
                self._drawn.popitem(last=False)
        return found

    def _edge_counts(self, run: RunInfo) -> dict[int, int]:
        """Edges of each step, in proportion to its pairs."""
        followed = [int((sizes > 1).sum()) for sizes in self._sizes[run.seed].values()]
        pairs = np.array([source * target for source, target in pairwise(followed)])
        if self.scale.edges > pairs.sum():
            raise UserError(f"edges is {self.scale.edges:,}: these coalitions have {pairs.sum():,} pairs")
        upto = np.rint(np.cumsum(pairs) * (self.scale.edges / pairs.sum())).astype(int)
        return dict(zip(self.layers, np.diff(upto, prepend=0).tolist(), strict=False))

    def _rng(self, what: str, seed: int | None, layer: int) -> np.random.Generator:
        word = int.from_bytes(what.encode()[:7], "little")
        return np.random.default_rng([self.scale.seed, word, seed or 0, layer])
