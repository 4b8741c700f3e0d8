"""The units ``drop.RUN/L..`` and ``drop.random/L..``: what the metric loses when a coalition goes back to the base."""

import hashlib
import json
import random
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.config import RunSpec
from hedonic_graph.evaluation.choice import random_groups, size_class
from hedonic_graph.evaluation.drop import Measure, drops, ranked, squared_error
from hedonic_graph.models.capture import batches
from hedonic_graph.models.restart import MEMORY, Restart
from hedonic_graph.pipeline.evaluation.judged import Judged
from hedonic_graph.pipeline.evaluation.synergising import chosen, rule
from hedonic_graph.pipeline.evaluation.work import Unit, Work, capture_file, members_file, text_file
from hedonic_graph.progress import Named, Progress

VERSION = 1
"""Part of every key: raise it when a change alters a drop."""
SCORES = ".drop"
"""Scores of groups that are there already, while a layer is at work."""


class Drops:
    """Drops of the chosen coalitions of all runs, and of random groups of their sizes."""

    def __init__(self, work: Work, judged: Judged) -> None:
        self.work = work
        self.chosen = _pairs(work, judged)
        self.measure = self._measure(judged)
        # What would fail on the model must fail before anything is written.
        self._prompts = [work.pairs[one].fill(work.config.prompt) for one in self.chosen]
        self._labels = judged.labels[self.chosen].tolist() if judged.qrels is None else judged.qrels
        self._depth = int(work.context.subject.shape["layers"])

    @property
    def steps(self) -> int:
        """Examples that have yet to pass a layer: the unit of progress."""
        found = 0
        for layer in self.work.layers:
            groups = len(self._groups(layer, *self._missing(layer)))
            # The whole model goes first, from the bottom.
            found += groups * (self._depth - layer) + (self._depth if groups else 0)
        return found * len(self.chosen)

    def cost(self) -> str | None:
        """What it will take, by how long the capture took, in a line for the user; None where nothing is left to do."""
        work = self.work
        units = work.analysis.manifest["units"]
        groups = sum(len(self._groups(layer, *self._missing(layer))) for layer in work.layers)
        spent = sum(units[layer_unit("capture", layer)]["seconds"] for layer in work.config.layers)
        minutes = self.steps * spent / (work.config.layers[-1] + 1) / len(work.pairs) / 60
        time = f"{minutes / 60:.1f} hours" if minutes >= 90 else f"{minutes:.0f} minutes"
        if not groups:
            return None
        return (
            f"drop: {groups:,} groups of neurons are ablated on {len(self.chosen)} pairs, about "
            f"{time if minutes >= 1 else 'a minute'} at the pace of the capture; it continues after an interruption"
        )

    def layer(self, layer: int, progress: Progress) -> None:
        """Ablate the groups of a layer where the folder lacks it."""
        work = self.work
        missing, by_chance = self._missing(layer)
        if not missing and not by_chance:
            return
        ablated = Ablated(work, self._prompts, layer, Named(progress, f"layer {layer}"))
        for spec, unit in missing.items():
            partition = work.partition(spec, layer)
            numbers, members = chosen(work, partition), partition.coalitions()
            table = self._table([members[one] for one in numbers], ablated)
            table.insert(0, "coalition", numbers)
            record = self._record(ablated.whole) | {"coalitions": len(partition), "evaluated": len(numbers)}
            unit.keep(lambda path, table=table, record=record: _write(path, table, record))  # type: ignore[misc]
        if by_chance:
            table, record = self._table(self._random(layer), ablated), self._record(ablated.whole)
            by_chance.keep(lambda path: _write(path, table, record))
        ablated.clear()

    def _missing(self, layer: int) -> tuple[dict[RunSpec, Unit], Unit | None]:
        """The units of a layer that the folder lacks: of runs, and of random groups."""
        units = {spec: self._unit(layer, f"drop.{spec.id}", [spec]) for spec in self.work.runs}
        by_chance = self._unit(layer, "drop.random", list(self.work.config.runs))
        return {spec: unit for spec, unit in units.items() if unit.missing}, by_chance if by_chance.missing else None

    def _measure(self, judged: Judged) -> Measure:
        pairs = [self.work.pairs[one] for one in self.chosen]
        if judged.qrels is None:
            return squared_error(judged.labels[self.chosen], [self.work.queries[one] for one in self.chosen])
        qids, docids = [str(pair.qid) for pair in pairs], [str(pair.docid) for pair in pairs]
        return ranked(qids, docids, judged.qrels)

    def _groups(self, layer: int, runs: Iterable[RunSpec], by_chance: Unit | None) -> dict[str, np.ndarray]:
        """The groups of these runs, and the random ones where they are wanted; what several share stands there once."""
        found: dict[str, np.ndarray] = {}
        for spec in runs:
            partition = self.work.partition(spec, layer)
            members = partition.coalitions()
            found |= {_name(members[one]): members[one] for one in chosen(self.work, partition)}
        return found | ({_name(one): one for one in self._random(layer)} if by_chance else {})

    def _random(self, layer: int) -> list[np.ndarray]:
        """As many random groups of each size class as asked for, with sizes drawn from those of the coalitions there.

        The coalitions are those of all runs of the analysis, so that the groups do not hang on which are evaluated.
        """
        work, options = self.work, self.work.options
        partitions = [work.partition(spec, layer) for spec in work.config.runs]
        there = np.concatenate([partition.sizes[chosen(work, partition)] for partition in partitions])
        classes = size_class(there)
        draw = np.random.default_rng([options.seed, layer])
        sizes = [draw.choice(there[classes == one], options.random_groups) for one in np.unique(classes)]
        return random_groups(partitions[0].n, np.concatenate([there[:0], *sizes]), seed=options.seed)

    def _unit(self, layer: int, stage: str, runs: Sequence[RunSpec]) -> Unit:
        options, config = self.work.options, self.work.config
        return self.work.unit(
            layer_unit(stage, layer),
            VERSION,
            [capture_file(layer), text_file(), *(members_file(spec, layer) for spec in runs)],
            model=self.work.context.subject.fingerprint,
            readout=[config.readout, config.reference],
            prompt=[config.prompt, config.max_tokens],
            pairs=self.chosen,
            metric=self.measure.name,
            labels=self._labels,
            per_class=options.per_class,
            min_size=options.min_size,
            random_groups=options.random_groups if stage == "drop.random" else None,
            seed=options.seed,
        )

    def _table(self, groups: list[np.ndarray], ablated: "Ablated") -> pd.DataFrame:
        found = drops(ablated.whole, ablated.scores(groups), self.measure, seed=self.work.options.seed)
        sizes = np.array([len(group) for group in groups], np.int64)
        found.insert(0, "size", sizes)
        found.insert(1, "size_class", size_class(sizes))
        return found

    def _record(self, whole: np.ndarray) -> dict[str, object]:
        return {
            "metric": self.measure.name,
            "full": float(self.measure(whole)),
            "examples": len(self.chosen),
            "queries": len(self.measure.queries),
            "rule": rule(self.work),
        }


class Ablated:
    """Scores of the model with groups of one layer's neurons ablated; each is kept until the layer is done."""

    def __init__(self, work: Work, prompts: Sequence[str], layer: int, progress: Progress) -> None:
        config, model = work.config, work.context.model
        batched = batches(model, prompts, batch_size=config.batch_size, max_tokens=config.max_tokens)
        self._progress = progress
        self._restart = Restart(model, batched, layer, begin=lambda _: progress)
        self.whole = self._restart.whole
        tokens = sum(int(batch.mask.sum()) for batch in batched)
        self._at_once = max(1, MEMORY // (tokens * model.d_model * 4))
        key = key_of(
            version=VERSION, model=work.context.subject.fingerprint, layer=layer, prompts=list(prompts),
            readout=[config.readout, config.reference], max_tokens=config.max_tokens,
        )  # fmt: skip
        self._steps = len(prompts) * (len(model.layers) - layer)
        self._counted = set[str]()
        self._folder = work.analysis.path / SCORES / f"L{layer:02d}-{key[:16]}"

    def scores(self, groups: Sequence[np.ndarray]) -> np.ndarray:
        """The scores [G, B] of ``groups``; what was computed before an interruption is read."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lacking = {_name(group): group for group in groups if not self._path(group).is_file()}
        present = {_name(group) for group in groups} - lacking.keys() - self._counted
        self._progress.update(self._steps * len(present))
        self._counted |= present | lacking.keys()
        rest = list(lacking.values())
        for start in range(0, len(rest), self._at_once):
            some = rest[start : start + self._at_once]
            for group, found in zip(some, self._restart.scores(some, begin=lambda _: self._progress), strict=True):
                partial = self._path(group).with_suffix(".partial")
                with partial.open("wb") as out:
                    np.save(out, found)
                partial.replace(self._path(group))
        whole = np.empty((0, len(self.whole)))
        return np.concatenate([whole, *(np.load(self._path(group))[None] for group in groups)])

    def clear(self) -> None:
        """Forget the scores."""
        shutil.rmtree(self._folder, ignore_errors=True)
        if not any(self._folder.parent.glob("*")):
            shutil.rmtree(self._folder.parent, ignore_errors=True)

    def _path(self, group: np.ndarray) -> Path:
        return self._folder / f"{_name(group)}.npy"


def _pairs(work: Work, judged: Judged) -> list[int]:
    """The pairs that drops are measured on, ascending: whole queries where they are ranked, else any."""
    draw, wanted = random.Random(f"drop {work.options.seed}"), work.options.drop_pairs
    if judged.qrels is None:
        everything = range(len(work.pairs))
        return sorted(draw.sample(everything, min(wanted or len(work.pairs), len(work.pairs))))
    of_query: dict[str, list[int]] = {}
    for place, query in enumerate(work.queries):
        if judged.qrels.get(query):
            of_query.setdefault(query, []).append(place)
    queries = sorted(of_query)
    draw.shuffle(queries)
    found: list[int] = []
    for query in queries:
        if wanted is None or not found or len(found) + len(of_query[query]) <= wanted:
            found += of_query[query]
    return sorted(found)


def _name(group: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(group, np.int64).tobytes()).hexdigest()[:32]


def _write(path: Path, table: pd.DataFrame, record: dict[str, object]) -> None:
    table.to_parquet(path.with_suffix(".parquet"), index=False)
    path.with_suffix(".json").write_text(json.dumps(record, indent=1), encoding="utf-8")
