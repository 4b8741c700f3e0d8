"""What an analysis, or an import, is asked to do: frozen dataclasses, from the command line or a TOML file."""

import json
import math
import re
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hedonic_graph.errors import UserError
from hedonic_graph.solvers import SOLVERS, leader
from hedonic_graph.text.pairs import PROMPT, check_template
from hedonic_graph.text.readouts import SCORE, parse_readout

CHOICES: dict[str, tuple[str, ...]] = {
    "valuation": ("pas", "oca"),
    "solver": tuple(SOLVERS),
    "readout_norm": ("on", "off"),
    "reference": ("base", "zero", "mean"),
    "positions": ("all", "scored"),
    "phi_precision": ("float32", "float16"),
    "mass": ("composite", "residual", "effect"),
    "shares": ("excess", "relative", "flow"),
    "events": ("excess", "matched"),
    "utility": ("mean", "sum"),
    "emit": ("all", "one"),
    "retain": ("order", "top", "weighted"),
    "sampler": ("uniform", "neighbourhood"),
}
"""The values each option with a fixed set of them takes."""


LARGEST_KMIN = 17
"""The stability certificate also draws from a player and its 16 best partners."""


_LEAST: dict[str, int] = {
    **dict.fromkeys(("max_tokens", "batch_size", "k", "kmin", "certificate_samples", "min_size", "shuffles"), 1),
    **dict.fromkeys(("depth", "sample", "first", "samples", "window", "neurons", "resamples"), 1),
    "folds": 2,
    **dict.fromkeys(("text_seed", "halvings", "growth"), 0),
}
"""The smallest number each option takes."""


@dataclass(frozen=True, kw_only=True)
class PassesConfig:
    """What every command that takes a text through a model is told."""

    layers: tuple[int, ...]
    """Layers to look at, ascending."""
    adapter: str | None = None
    """LoRA or DoRA adapter in PEFT's form."""
    tuned: str | None = None
    """A whole model that ``model`` was tuned into, instead of an adapter."""
    task: str | None = None
    """What the adapter was tuned for; a label, kept with every run."""
    run: str | None = None
    """Which run gives the passages of each query: its name in a TREC folder, its file for an ``ir_datasets`` name."""
    depth: int | None = None
    """Take the first so many passages of each query."""
    sample: int | None = None
    """Draw so many passages of each query by ``text_seed``."""
    first: int | None = None
    """Draw them among the first so many."""
    text_seed: int = 0
    """Seed of that draw."""
    prompt: str = PROMPT
    """What the model reads: text around ``{query}`` and ``{passage}``."""
    max_tokens: int = 512
    """Longer prompts lose their end."""
    batch_size: int = 16
    """Prompts in one forward pass."""

    def __post_init__(self) -> None:
        known = {field.name for field in fields(self)}
        for name, allowed in CHOICES.items():
            value = getattr(self, name) if name in known else ()
            for one in value if isinstance(value, tuple) else (value,):
                if one not in allowed:
                    raise UserError(f"{name.replace('_', '-')} {one!r} is none of {', '.join(allowed)}")
        check_template(self.prompt)
        if self.adapter and self.tuned:
            raise UserError("give an adapter or a tuned model, not both")
        if list(self.layers) != sorted(set(self.layers)) or min(self.layers, default=0) < 0:
            raise UserError(f"layers must be ascending and each named once, not {','.join(map(str, self.layers))}")
        for name, least in _LEAST.items():
            value = getattr(self, name, None)
            if value is not None and value < least:
                raise UserError(f"{name.replace('_', '-')} must be at least {least}, not {value}")


@dataclass(frozen=True, kw_only=True)
class CommonConfig(PassesConfig):
    """What every command that follows coalitions from layer to layer is told: each layer into the next one named."""

    mass: str = "composite"
    """Interaction mass (DESIGN §3.6); ``effect`` follows the 100 largest coalitions of each layer."""
    shares: str = "excess"
    """What alpha and beta are shares of."""
    events: str = "excess"
    """Which edges can be events."""
    min_size: int = 2
    """Smaller coalitions have no lineage."""
    shuffles: int = 20
    """Shuffles of the targets' membership that every count stands beside."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.layers:
            raise UserError("no layers: name them as 7-14 or 7,8,9")

    @property
    def reference(self) -> str:
        """What a capture takes for the base (DESIGN §3.1): nothing, where nothing was tuned."""
        return "base" if self.adapter or self.tuned else "zero"

    @property
    def readout(self) -> str | None:
        """What is read of the model (DESIGN §3.2): nothing."""
        return None

    @property
    def all_tokens(self) -> bool:
        """Whether a capture looks at more than the scored positions."""
        return False

    @property
    def followed(self) -> bool:
        """Whether coalitions are followed from layer to layer."""
        return True

    def parameters(self) -> dict[str, Any]:
        """The values that have a say in the result."""
        return asdict(self)

    def as_json(self) -> str:
        """The configuration as one line of JSON, keys in the order of the fields."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig):
    """Everything that decides the result of an analysis. Paths are kept as the user wrote them."""

    model: str
    """Base model: a folder, a hub name, a GGUF file or ``smollm2``."""
    text: str
    """JSON-lines file of query and passage, a folder of TREC files, or a name in ``ir_datasets``."""
    valuation: tuple[str, ...] = ("pas",)
    """Valuations: ``pas``, ``oca``."""
    solver: tuple[str, ...] = ("exact", "pac")
    """Solvers, as ``hedonic_graph.solvers`` lists them.

    ``random`` takes the sizes of its coalitions, and ``kmeans`` and ``ward`` take their number, from the first named
    that is no baseline.
    """
    seed: tuple[int, ...] = (0,)
    """Seeds of the solvers that draw; each is a run."""
    readout: str = SCORE
    """``score`` (the task head) or ``token: yes - no``, a difference of two tokens' logits (DESIGN §3.2)."""
    readout_norm: str = "on"
    """Whether the head reads through the model's final norm (DESIGN §3.2)."""
    reference: str = "base"
    """What an ablated neuron goes back to (DESIGN §3.1)."""
    positions: str = "all"
    """Tokens OCA correlates over (DESIGN §3.4)."""
    phi_precision: str = "float32"
    """How the pairs' values are kept. Games, preferences and certificates work with what was kept; halves, resamples
    and the second-order check with what was computed."""
    k: int = 3
    """Size of a choice set."""
    kmin: int = 2
    """Smallest sampled coalition."""
    kmax: int = 10
    """Largest sampled coalition."""
    samples: int | None = None
    """Coalitions drawn at a time, m; None is max(80,000, 56 n)."""
    window: int | None = None
    """Coalitions looked at in a round, omega; None is a tenth of ``samples``."""
    utility: str = "mean"
    """Utility of ``pac``, and the one that members of a baseline are measured by (DESIGN §3.5)."""
    emit: str = "all"
    """Whether ``pac`` emits every valid component of a round or one."""
    retain: str = "order"
    """How ``pac`` orders or draws its reservoir."""
    sampler: str = "uniform"
    """The distribution ``pac`` draws coalitions from."""
    resamples: int = 20
    """Resamples of the examples that ``consensus`` looks at."""
    resample_share: float = 1.0
    """Examples drawn for each of them, as a share of the text's."""
    resolution: float = 4.0
    """Resolution of ``consensus``: the larger, the more and the smaller its coalitions."""
    halvings: int = 1
    """Ways to halve the examples whose halves ``consensus`` is held against each other on; 0 leaves that out."""
    growth: int = 0
    """How often each half is halved again, to show how the agreement of halves grows with the text."""
    leiden_resolution: float = 1.0
    """Resolution of ``leiden``: the larger, the more and the smaller its coalitions."""
    certificate_samples: int = 100_000
    """Fresh coalitions tried against each partition."""
    epsilon: float = 0.1
    """Blocking rate the stability bound is held against."""
    delta: float = 0.1
    """One minus the confidence of that bound."""

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_readout(self.readout)
        for name in ("valuation", "solver", "seed"):
            value = getattr(self, name)
            if not value or len(set(value)) != len(value):
                raise UserError(f"{name}: name at least one, and each once")
        if min(self.seed) < 0:
            raise UserError("a seed must be at least 0")
        if self.kmin > LARGEST_KMIN:
            raise UserError(f"kmin must be at most {LARGEST_KMIN} (a player and its 16 best partners), not {self.kmin}")
        if self.kmax < self.kmin:
            raise UserError(f"kmax {self.kmax} is below kmin {self.kmin}")
        for name in ("epsilon", "delta"):
            if not 0 < getattr(self, name) < 1:
                raise UserError(f"{name} must lie between 0 and 1, not {getattr(self, name)}")
        for name in ("resolution", "leiden_resolution"):
            if not 0 < getattr(self, name) < math.inf:
                raise UserError(f"{name.replace('_', '-')} must be above 0, not {getattr(self, name)}")
        if not 0 < self.resample_share <= 1:
            raise UserError(f"resample-share must be above 0 and at most 1, not {self.resample_share}")
        resampling = next((name for name in self.solver if SOLVERS[name].resamples), None)
        if resampling and self.all_tokens:
            raise UserError(
                f"solver {resampling} resamples the examples, and OCA over all tokens keeps nothing of each: "
                f"give --positions scored, or leave oca or {resampling} out"
            )
        if leader(self.solver) is None:
            leaders = [name for name, solver in SOLVERS.items() if not solver.follows]
            raise UserError(
                f"solver {self.solver[0]} takes the number of its coalitions from another solver: "
                f"name one beside it, of {', '.join(leaders)}"
            )

    @property
    def all_tokens(self) -> bool:
        """Whether a capture looks at more than the scored positions, as OCA does by default."""
        return "oca" in self.valuation and self.positions == "all"

    @property
    def runs(self) -> tuple["RunSpec", ...]:
        """Every combination of valuation, solver and seed; solvers that draw nothing have no seed."""
        return tuple(
            RunSpec(valuation, solver, seed)
            for valuation in self.valuation
            for solver in self.solver
            for seed in (self.seed if SOLVERS[solver].draws else (None,))
        )


@dataclass(frozen=True, kw_only=True)
class ImportConfig(CommonConfig):
    """What is known of partitions that were computed elsewhere.

    With ``model`` and ``text`` they are followed from layer to layer. Without ``model`` they are coalitions of
    so many ``neurons``, and nothing more.
    """

    model: str | None = None
    """Base model, as in :class:`Config`."""
    text: str | None = None
    """Text, as in :class:`Config`."""
    neurons: int | None = None
    """Neurons of a layer; the model says, where there is one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model is None:
            if alone := next((name for name in ("text", "adapter", "tuned") if getattr(self, name) is not None), None):
                raise UserError(f"--{alone} without --model: which model is meant?")
            if self.neurons is None:
                raise UserError("how many neurons has a layer? Give --neurons N, or --model")
        if self.text is None:
            for field in fields(self):
                if field.name in _OF_LINEAGE and getattr(self, field.name) != field.default:
                    option = "from" if field.name == "first" else field.name.replace("_", "-")
                    raise UserError(f"--{option} needs --model and --text: without them no lineage is computed")

    @property
    def followed(self) -> bool:
        """Whether coalitions are followed from layer to layer, which takes activations on a text."""
        return self.text is not None

    def parameters(self) -> dict[str, Any]:
        """The values that have a say in the result."""
        values = asdict(self)
        return values if self.followed else {name: one for name, one in values.items() if name not in _OF_LINEAGE}


_OF_LINEAGE = {field.name for field in fields(CommonConfig)} - {"layers", "adapter", "tuned", "task"}


@dataclass(frozen=True)
class RunSpec:
    """What tells a run from the others of its analysis."""

    valuation: str | None
    """None where partitions were imported."""
    solver: str
    """``imported`` is one, too."""
    seed: int | None = None
    """None for solvers that draw nothing."""
    name: str | None = None
    """What imported partitions are called, where they are called anything."""

    @property
    def id(self) -> str:
        """``pas.exact``, ``pas.pac.0`` or ``imported.NAME``, unique inside an analysis (DESIGN §5)."""
        return ".".join(str(part) for part in (self.valuation, self.solver, self.seed, self.name) if part is not None)


def imported(name: str | None = None) -> RunSpec:
    """The run of imported partitions; raises UserError for a ``name`` that could not be part of a file's."""
    if name is not None and not re.fullmatch(r"[\w+-][\w.+-]{0,63}", name):
        raise UserError(f"name {name[:80]!r}: at most 64 letters, digits, and any of . _ + -, no point first")
    return RunSpec(None, "imported", name=name)


def parse_layers(text: str) -> tuple[int, ...]:
    """Read ``7-14``, ``7,8,9`` or a mix; raises UserError for anything else."""
    layers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if not match:
            raise UserError(f"layers {text!r} cannot be read: write 7-14 or 7,8,9")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UserError(f"layers {text!r} cannot be read: {first}-{last} runs backwards")
        layers += range(first, last + 1)
    return tuple(layers)


def show_layers(layers: Sequence[int]) -> str:
    """Write ascending layers as :func:`parse_layers` reads them: ``7-9,12``."""
    parts: list[list[int]] = []
    for layer in layers:
        if parts and layer == parts[-1][-1] + 1:
            parts[-1].append(layer)
        else:
            parts.append([layer])
    return ",".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a configuration file: keys are the fields of :class:`Config`, lists where several are meant."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"configuration {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"configuration {path} is not TOML: {error}") from error
    known = {field.name for field in fields(Config)}
    values = {name.replace("-", "_"): value for name, value in found.items()}
    if unknown := sorted(set(values) - known):
        raise UserError(f"configuration {path}: unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")
    if isinstance(values.get("layers"), str):
        values["layers"] = parse_layers(values["layers"])
    for name in ("layers", "valuation", "solver", "seed"):
        if name in values:
            values[name] = tuple(values[name]) if isinstance(values[name], (list, tuple)) else (values[name],)
    for name, hint in get_type_hints(Config).items():
        if name in values and not _fits(values[name], hint):
            raise UserError(f"configuration {path}: {name} = {values[name]!r} is of the wrong type")
    return values


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a field's type: a scalar, one or None, or a tuple of scalars."""
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_fits(one, get_args(hint)[0]) for one in value)
    if get_origin(hint) is UnionType:
        return any(_fits(value, one) for one in get_args(hint))
    if isinstance(value, bool):
        return False
    return isinstance(value, (int, float) if hint is float else hint)
