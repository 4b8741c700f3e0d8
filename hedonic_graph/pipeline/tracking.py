"""The stage ``lineage.RUN``: what becomes of each coalition in the next analysed layer."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.config import CommonConfig, RunSpec
from hedonic_graph.game.partition import Partition
from hedonic_graph.lineage.effect import LARGEST, effect_flow
from hedonic_graph.lineage.mass import composite_flow, residual_flow
from hedonic_graph.lineage.membership import kept_labels
from hedonic_graph.lineage.step import track
from hedonic_graph.lineage.storage import save_step
from hedonic_graph.pipeline.capturing import load_capture, load_stream
from hedonic_graph.pipeline.context import Context
from hedonic_graph.pipeline.partition_files import load_partition, partition_unit
from hedonic_graph.progress import Progress

VERSION = 2
"""Part of every key: raise it when a change alters lineage."""


def track_step(
    context: Context[CommonConfig], runs: Sequence[RunSpec], layer: int, following: int, progress: Progress
) -> None:
    """Follow the coalitions of ``runs`` from ``layer`` into ``following`` where the folder lacks it.

    Each run is one step of ``progress``.

    The paths between the two layers' neurons are computed once for all runs.
    """
    keys = {spec: _key(context, spec, layer, following) for spec in runs}
    missing = [
        spec
        for spec, key in keys.items()
        if not context.analysis.has(layer_unit(f"lineage.{spec.id}", layer), key, context.report)
    ]
    progress.update(len(keys) - len(missing))
    if not missing:
        return
    sources = {spec: load_partition(context.analysis, spec, layer) for spec in missing}
    largest = LARGEST if context.config.mass == "effect" else None
    labels = [kept_labels(source, context.config.min_size, largest) for source in sources.values()]
    started = time.perf_counter()
    flows = _flows(context, layer, following, labels)
    spent = (time.perf_counter() - started) / len(missing)
    for spec, flow in zip(missing, flows, strict=True):
        target = load_partition(context.analysis, spec, following)

        def write(path: Path, spec: RunSpec = spec, flow: Tensor = flow, target: Partition = target) -> None:
            config = context.config
            step = track(
                flow,
                sources[spec],
                target,
                min_size=config.min_size,
                shares=config.shares,
                events=config.events,
                shuffles=config.shuffles,
                largest=largest,
            )
            save_step(path, step, following)

        context.analysis.commit(layer_unit(f"lineage.{spec.id}", layer), keys[spec], write, spent=spent)
        context.done.append(layer_unit(f"lineage.{spec.id}", layer))
        progress.update(1)


def _flows(context: Context[CommonConfig], layer: int, following: int, labels: list[np.ndarray]) -> list[Tensor]:
    source, target = context.model.block(layer), context.model.block(following)
    seen = load_capture(context, layer)
    if context.config.mass == "effect":
        return effect_flow(source, target, seen.tuned, seen.base, load_stream(context, following), labels)
    down, (up, gate), tuned = source.writes(), target.reads(), seen.tuned
    if context.config.mass == "residual":
        return residual_flow(down, up, gate, tuned, labels)
    return composite_flow(down, up, gate, tuned.abs().mean(0), labels)


def _key(context: Context[CommonConfig], spec: RunSpec, layer: int, following: int) -> str:
    config, analysis = context.config, context.analysis
    stream = {"stream": analysis.content(layer_unit("stream", following))} if config.mass == "effect" else {}
    return key_of(
        stage="lineage",
        version=VERSION,
        model=context.subject.fingerprint,
        layers=[layer, following],
        capture=analysis.content(layer_unit("capture", layer)),
        partitions=[analysis.content(partition_unit(spec, one), ".parquet") for one in (layer, following)],
        options={name: getattr(config, name) for name in ("mass", "shares", "events", "min_size", "shuffles")},
        **stream,
    )
