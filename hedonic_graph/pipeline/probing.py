"""The whole of ``probe``: what can be read of the text off each layer's state (the paper's Figure 1), into a folder.

Its units: ``states.base/L..`` and ``states.tuned/L..`` hold one layer's states, ``base`` and ``tuned`` the tables of
R^2 (``base.csv``, ``tuned.csv``), ``figure`` the drawing (``figure.png``, ``figure.svg``).
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.numpy import load_file
from safetensors.torch import save_file

from hedonic_graph.analysis import Analysis, key_of, layer_unit, now, packages
from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.probing import draw_probe, folds_of, probe
from hedonic_graph.models.capture import batches
from hedonic_graph.models.prompts import tokenise
from hedonic_graph.models.states import BASE, TUNED, base_and_tuned, states
from hedonic_graph.pipeline.context import device_of
from hedonic_graph.pipeline.probe_config import ProbeConfig
from hedonic_graph.pipeline.reading import read_pairs, text_key
from hedonic_graph.pipeline.subject import Subject, locate
from hedonic_graph.progress import Progress, bar
from hedonic_graph.text.features import FAMILIES, mslr_features
from hedonic_graph.text.pairs import Pair

if TYPE_CHECKING:
    import pandas as pd

VERSION = 1
"""Part of every key: raise it when a change alters what a state, a table or a figure holds."""
FIGURE = "figure"


@dataclass
class _Work:
    """One probe at work."""

    analysis: Analysis
    config: ProbeConfig
    layers: tuple[int, ...]
    subject: Subject
    pairs: list[Pair]
    report: Callable[[str], None]
    done: list[str] = field(default_factory=list)

    @property
    def models(self) -> tuple[str, ...]:
        return (BASE, TUNED) if self.subject.adapter or self.subject.tuned else (BASE,)

    @property
    def queries(self) -> list[str]:
        """The query of each pair; by its text, which is what features are made of."""
        return [pair.query for pair in self.pairs]

    def inputs(self, model: str) -> str:
        """A key over all that decides a model's states."""
        return key_of(
            version=VERSION,
            states=model,
            model=self.subject.fingerprint,
            text=text_key(self.pairs),
            prompt=self.config.prompt,
            max_tokens=self.config.max_tokens,
        )


def probe_layers(
    config: ProbeConfig, folder: Path, *, device: str = "cpu", report: Callable[[str], None] = lambda line: None
) -> list[str]:
    """Bring ``folder`` to what ``config`` asks for and return the names of the units that were computed.

    A second call with the same inputs returns an empty list, one after an interruption continues. Without matplotlib
    there is no figure, and ``report`` is told what is missing. Raises UserError (DESIGN §7) before anything is
    written where the inputs do not fit together.
    """
    started = time.perf_counter()
    on = device_of(device)
    names = _features(config)
    pairs = read_pairs(config, config.text)
    folds_of([pair.query for pair in pairs], config.folds, config.seed)
    subject = locate(config.model, config.adapter, config.tuned, config.layers)
    layers = config.layers or tuple(range(subject.shape["layers"]))
    with Analysis.writing(folder, "probe") as analysis:
        work = _Work(analysis, config, layers, subject, pairs, report)
        _keep_states(work, on)
        analysis.manifest |= {"device": str(on)}
        _keep_tables(work, names)
        _keep_figure(work)
        analysis.manifest["complete"] = True
        if work.done:
            analysis.manifest |= {"finished": now(), "seconds": round(time.perf_counter() - started, 1)}
        analysis.save()
        return work.done


def read_probe(folder: Path) -> "dict[str, pd.DataFrame]":
    """Read the tables of a folder by model, ``base`` and ``tuned``: R^2, a row per layer, a column per feature."""
    import pandas as pd

    analysis = Analysis.open(folder)
    names = [name for name in (BASE, TUNED) if name in analysis.manifest["units"]]
    return {name: pd.read_csv(analysis.file(name, ".csv"), index_col="layer") for name in names}


def _features(config: ProbeConfig) -> list[str]:
    if unknown := next((name for name in config.feature if name not in FAMILIES), None):
        raise UserError(f"no feature is called {unknown!r}; there are: {', '.join(FAMILIES)}")
    return [name for name in FAMILIES if name in config.feature or not config.feature]


def _keep_states(work: _Work, device: torch.device) -> None:
    """Compute what the folder lacks of each model's states."""
    analysis, config = work.analysis, work.config
    lacking = {model: _lacking(work, model) for model in work.models}
    described = {"config": json.loads(config.as_json()), "model": work.subject.entry(), "packages": packages()}
    if not any(lacking.values()):
        analysis.manifest |= {"complete": False, **described}
        return
    work.report(f"reading {work.subject.label}")
    models = base_and_tuned(work.subject.files, work.subject.adapter, work.subject.tuned, work.layers, device)
    # What would fail on a model must fail before the folder looks like a probe.
    prompts = [pair.fill(config.prompt) for pair in work.pairs]
    cut = tokenise(models[work.models[-1]], prompts, config.max_tokens).cut
    batched = {
        name: batches(model, prompts, batch_size=config.batch_size, max_tokens=config.max_tokens)
        for name, model in models.items()
    }
    analysis.manifest |= {"complete": False, **described, "prompts": _counts(work, cut)}
    for name, missing in lacking.items():
        if not missing:
            continue

        def begin(first: int, layers: int, name: str = name) -> Progress:
            return bar(f"states, {name}", total=layers * len(prompts), unit="pair")

        key, begun = work.inputs(name), time.perf_counter()
        found = states(models[name], batched[name], missing, analysis.path, key, begin=begin)
        for layer, state in found:
            unit, spent = _unit(name, layer), time.perf_counter() - begun
            analysis.commit(
                unit,
                key,
                lambda path, state=state: save_file({"state": state}, path.with_suffix(".safetensors")),  # type: ignore[misc]
                spent=spent,
            )
            work.done.append(unit)
            begun = time.perf_counter()


def _keep_tables(work: _Work, names: Sequence[str]) -> None:
    """Compute the tables that the folder lacks, and let go of one that it should not have."""
    import pandas as pd

    analysis, config = work.analysis, work.config
    if TUNED not in work.models:
        analysis.forget(TUNED)
    features = None
    for model in work.models:
        units = [_unit(model, layer) for layer in work.layers]
        key = key_of(
            version=VERSION,
            states=[analysis.content(unit) for unit in units],
            layers=work.layers,
            text=text_key(work.pairs),
            features=list(names),
            folds=config.folds,
            seed=config.seed,
        )
        if analysis.has(model, key, work.report):
            continue
        if features is None:
            features = mslr_features(work.queries, [pair.passage for pair in work.pairs])[list(names)]
        rows = []
        with bar(f"probes, {model}", total=len(units), unit="layer") as progress:
            for layer, unit in zip(work.layers, units, strict=True):
                state = load_file(analysis.file(unit, ".safetensors"))["state"][None]
                rows.append(probe(state, [layer], features, work.queries, folds=config.folds, seed=config.seed))
                progress.update()
        table = pd.concat(rows)
        analysis.commit(model, key, lambda path, table=table: table.to_csv(path.with_suffix(".csv")))  # type: ignore[misc]
        work.done.append(model)


def _keep_figure(work: _Work) -> None:
    """Draw the tables where the folder lacks that; a figure of other tables is never left."""
    analysis = work.analysis
    texts = f"{len(work.pairs)} pairs of {len(set(work.queries))} queries"
    task = f", {work.config.task}" if work.config.task else ""
    title = f"{work.subject.label}{task}\n{Path(work.config.text).name}: {texts}"
    key = key_of(version=VERSION, tables=[analysis.content(model) for model in work.models], title=title)
    if analysis.has(FIGURE, key, work.report):
        return
    analysis.forget(FIGURE)
    try:
        figure = draw_probe(read_probe(analysis.path), dict(FAMILIES), title)
    except UserError as error:
        work.report(f"no figure: {error}")
        return

    def write(path: Path) -> None:
        figure.savefig(path.with_suffix(".png"), dpi=150)
        figure.savefig(path.with_suffix(".svg"))

    analysis.commit(FIGURE, key, write)
    work.done.append(FIGURE)


def _counts(work: _Work, cut: int) -> dict[str, int]:
    """What the manifest says of the prompts."""
    counts = {"count": len(work.pairs), "queries": len(set(work.queries))}
    return counts | {"max_tokens": work.config.max_tokens, "cut": cut}


def _lacking(work: _Work, model: str) -> list[int]:
    key = work.inputs(model)
    return [layer for layer in work.layers if not work.analysis.has(_unit(model, layer), key, work.report)]


def _unit(model: str, layer: int) -> str:
    return layer_unit(f"states.{model}", layer)
