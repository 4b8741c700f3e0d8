"""The whole of ``import``: partitions computed elsewhere become a run, followed where there is a model and a text.

A folder takes several such runs, one after the other. They share its model, text, layers and options; the manifest
names a run when all of it is there, and no longer while any of it is written anew.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hedonic_graph.analysis import Analysis, key_of, now, packages
from hedonic_graph.config import ImportConfig, RunSpec, imported
from hedonic_graph.errors import UserError
from hedonic_graph.game.partition import Partition
from hedonic_graph.partitions.layers import partition
from hedonic_graph.partitions.readers import Coalitions
from hedonic_graph.pipeline.partition_files import partition_unit, save_partition
from hedonic_graph.pipeline.reading import keep_text, read_pairs, text_key
from hedonic_graph.pipeline.subject import Subject, locate
from hedonic_graph.text.pairs import Pair

if TYPE_CHECKING:
    from hedonic_graph.pipeline.context import Context

VERSION = 1
"""Part of every key: raise it when a change alters what is said of a partition."""


def import_partitions(
    config: ImportConfig,
    coalitions: Mapping[int, Coalitions],
    folder: Path,
    *,
    name: str | None = None,
    replace: bool = False,
    device: str = "cpu",
    report: Callable[[str], None] = lambda line: None,
) -> list[str]:
    """Bring the ``coalitions`` of each layer into ``folder`` as the run ``name``; return the units computed.

    What is there already is left alone, so a second call with the same inputs returns an empty list, and a call
    after an interruption continues. Raises UserError, before anything is written, for coalitions that are no
    partition, where the folder's other runs have another model, text, layers or options, and where it holds other
    partitions under this name, unless these are to ``replace`` them.
    """
    started = time.perf_counter()
    spec = imported(name)
    subject = None if config.model is None else locate(config.model, config.adapter, config.tuned, config.layers)
    neurons = _neurons(config, subject)
    partitions = {layer: partition(found, neurons) for layer, found in coalitions.items()}
    pairs = [] if config.text is None else read_pairs(config, config.text)
    with Analysis.writing(folder, "import") as analysis:
        manifest = analysis.manifest
        model = _unknown(analysis, neurons) if subject is None else subject.entry()
        terms = _terms(config, model, pairs)
        runs = dict(manifest.get("imports", {}))
        others = {run: record for run, record in runs.items() if run != spec.id}
        if others:
            _check_terms(analysis, next(iter(others)), terms)
        if spec.id in runs and not replace:
            _check_same(analysis, spec, partitions)
        context = None
        if subject is not None and config.followed:
            context = _context(analysis, config, device, subject, pairs, report)
            # What would fail on the model must fail before anything is written.
            model = context.described_model()
            manifest["prompts"] = context.described_prompts()
        if not others:
            manifest |= {"config": json.loads(config.as_json()), "model": model, "terms": terms}
        manifest |= {"complete": bool(others), "imports": others, "packages": packages(), "device": device}
        done = [unit for layer in partitions if (unit := _keep(analysis, spec, layer, partitions[layer], report))]
        if context is not None:
            done += _follow(context, spec)
        created = now() if done or spec.id not in runs else runs[spec.id]["created"]
        files = [{"layer": layer, "file": str(one.file), "sha256": one.sha256} for layer, one in coalitions.items()]
        manifest |= {"complete": True, "imports": runs | {spec.id: {"created": created, "files": files}}}
        if done:
            manifest |= {"finished": now(), "seconds": round(time.perf_counter() - started, 1)}
        analysis.save()
        return done


def _neurons(config: ImportConfig, subject: Subject | None) -> int:
    if subject is None:
        assert config.neurons is not None
        return config.neurons
    neurons = int(subject.shape["d_ff"])
    if config.neurons not in (None, neurons):
        raise UserError(f"--neurons {config.neurons}, but a layer of {subject.files.name} has {neurons}")
    return neurons


def _unknown(analysis: Analysis, neurons: int) -> dict[str, Any]:
    """What the manifest says of a model nobody named: nothing lets its neurons be taken for another analysis's."""
    before = analysis.manifest.get("model", {"fingerprint": ""})
    name = before["id"] if before["fingerprint"] is None else f"unknown@{analysis.name}"
    unknown = dict.fromkeys(("adapter", "fingerprint", "architecture", "d_model", "layers"))
    return {"id": name, "name": "unknown", "d_ff": neurons} | unknown


def _terms(config: ImportConfig, model: dict[str, Any], pairs: list[Pair]) -> dict[str, Any]:
    """What all runs of a folder share, by contents and not by where they came from."""
    shared = {"model": model["id"], "neurons": model["d_ff"], "layers": list(config.layers), "task": config.task}
    if config.followed:
        names = ("prompt", "max_tokens", "mass", "shares", "events", "min_size", "shuffles")
        shared |= {"text": text_key(pairs)} | {name: getattr(config, name) for name in names}
    return shared


def _check_terms(analysis: Analysis, other: str, terms: dict[str, Any]) -> None:
    before = analysis.manifest["terms"]
    if name := next((name for name in before | terms if before.get(name) != terms.get(name)), None):
        had, has = before.get(name), terms.get(name)
        if name == "text":
            name, had, has = "text (by its checksum)", had and had[:8], has and has[:8]
        raise UserError(
            f"{analysis.path} holds {other}, whose {name} is {had}, not {has}: the runs of a folder share model, "
            "text, layers and options; give the same, or name another folder"
        )


def _check_same(analysis: Analysis, spec: RunSpec, partitions: dict[int, Partition]) -> None:
    units = analysis.manifest["units"]
    held = analysis.manifest["terms"]["layers"]
    for layer in sorted({*held, *partitions}):
        if (
            layer in held
            and layer in partitions
            and units[partition_unit(spec, layer)]["key"] == _key(partitions[layer])
        ):
            continue
        raise UserError(
            f"{analysis.name}/{spec.id} holds other partitions (layer {layer} differs): give these a --name of "
            "their own, or --replace those"
        )


def _key(found: Partition) -> str:
    return key_of(stage="import", version=VERSION, labels=found.labels.astype(np.int32).tolist())


def _keep(analysis: Analysis, spec: RunSpec, layer: int, found: Partition, report: Callable[[str], None]) -> str | None:
    """Write one layer's partition where the folder lacks it; return the unit's name if it did."""
    name, key = partition_unit(spec, layer), _key(found)
    if analysis.has(name, key, report):
        return None

    def write(path: Path) -> None:
        if warning := save_partition(path, found):
            report(f"{spec.id} layer {layer}: {warning}")

    analysis.commit(name, key, write)
    return name


def _context(
    analysis: Analysis,
    config: ImportConfig,
    device: str,
    subject: Subject,
    pairs: list[Pair],
    report: Callable[[str], None],
) -> "Context[ImportConfig]":
    # It takes torch, and with it seconds, to import; partitions that are not followed do without.
    from hedonic_graph.pipeline.context import Context, device_of

    return Context(analysis, config, device_of(device), subject, pairs, report)


def _follow(context: "Context[ImportConfig]", spec: RunSpec) -> list[str]:
    from hedonic_graph.pipeline.capturing import capture_layers
    from hedonic_graph.pipeline.tracking import track_step
    from hedonic_graph.progress import bar

    keep_text(context)
    capture_layers(context)
    steps = context.steps()
    with bar("lineage", total=len(steps), unit="step") as progress:
        for layer, following in steps:
            track_step(context, [spec], layer, following, progress)
    return context.done
