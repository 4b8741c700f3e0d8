"""The stages ``partition.RUN`` and ``agreement.VALUATION.SOLVER``: solve the game, and say how far to trust it."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from hedonic_graph.analysis import key_of, layer_unit
from hedonic_graph.config import Config, RunSpec
from hedonic_graph.game.agreement import seed_agreement
from hedonic_graph.game.sampling import SAMPLERS
from hedonic_graph.game.stability import certificate
from hedonic_graph.game.utility import member_utilities
from hedonic_graph.pipeline.context import Context
from hedonic_graph.pipeline.partition_files import load_partition, partition_unit, save_partition
from hedonic_graph.pipeline.resampling import resamples_content
from hedonic_graph.pipeline.solving import Task, leading, solve
from hedonic_graph.pipeline.valuing import load_phi
from hedonic_graph.progress import Named, Progress
from hedonic_graph.solvers import SOLVERS

VERSION = 4
"""Part of every key: raise it when a change alters partitions or what is said of them."""


def partition_layer(context: Context[Config], layer: int, progress: Progress) -> None:
    """Compute every run's partition of a layer where the folder lacks it; ``progress`` takes neurons."""
    neurons = context.subject.shape["d_ff"]
    config = context.config
    for valuation in config.valuation:
        phi: Tensor | None = None
        specs = [spec for spec in config.runs if spec.valuation == valuation]
        # What others take the sizes of their coalitions from must be there first.
        for spec in sorted(specs, key=lambda spec: SOLVERS[spec.solver].follows):
            name, key = partition_unit(spec, layer), _key(context, spec, layer)
            if context.analysis.has(name, key, context.report):
                progress.update(neurons)
                continue
            phi = load_phi(context, valuation, layer) if phi is None else phi
            _commit(context, spec, layer, name, key, phi, Named(progress, f"{spec.id} L{layer:02d}"))


def agree(context: Context[Config], layer: int) -> None:
    """Say how far the seeds of each solver that draws agree, where there are several."""
    config, analysis = context.config, context.analysis
    if len(config.seed) < 2:
        return
    for valuation in config.valuation:
        for solver in (solver for solver in config.solver if SOLVERS[solver].draws):
            specs = [RunSpec(valuation, solver, seed) for seed in config.seed]
            units = [partition_unit(spec, layer) for spec in specs]
            name = layer_unit(f"agreement.{valuation}.{solver}", layer)
            key = key_of(
                stage="agreement", version=VERSION, partitions=[analysis.content(unit, ".parquet") for unit in units]
            )
            if analysis.has(name, key, context.report):
                continue
            found = seed_agreement([load_partition(analysis, spec, layer) for spec in specs])
            record = {"adjusted_rand": asdict(found), "seeds": list(config.seed)}
            analysis.commit(name, key, lambda path, record=record: _write_json(path, record))  # type: ignore[misc]
            context.done.append(name)


def _key(context: Context[Config], spec: RunSpec, layer: int) -> str:
    config, analysis = context.config, context.analysis
    parts: dict[str, Any] = {
        "stage": "partition",
        "version": VERSION,
        "run": spec.id,
        "phi": analysis.content(layer_unit(f"phi.{spec.valuation}", layer), ".safetensors"),
        "k": config.k,
        "certificate": [config.kmin, config.kmax, config.certificate_samples, config.epsilon, config.delta],
    }
    solver = SOLVERS[spec.solver]
    parts |= {name: getattr(config, name) for name in solver.options}
    if solver.follows:
        parts["sizes"] = analysis.content(partition_unit(leading(config, spec), layer), ".parquet")
    if solver.activations:
        parts["capture"] = analysis.content(layer_unit("capture", layer), ".safetensors")
    if solver.resamples:
        parts["partitions"] = resamples_content(context, spec, layer)
    return key_of(**parts)


def _commit(
    context: Context[Config], spec: RunSpec, layer: int, name: str, key: str, phi: Tensor, progress: Progress
) -> None:
    config = context.config

    def write(path: Path) -> None:
        solved = solve(Task(context, spec, layer, phi, progress))
        partition, utility = solved.partition, SOLVERS[spec.solver].utility(config.utility)
        utilities = member_utilities(phi, partition, config.k, utility)  # type: ignore[arg-type]
        certificates = [
            certificate(
                phi,
                partition,
                k=config.k,
                samples=config.certificate_samples,
                delta=config.delta,
                epsilon=config.epsilon,
                seed=_certificate_seed(spec, layer),
                sampler=sampler,  # type: ignore[arg-type]
                kmin=config.kmin,
                kmax=config.kmax,
            )
            for sampler in SAMPLERS
        ]
        warning = save_partition(
            path,
            partition,
            utilities=utilities.cpu().numpy(),
            utility=utility,
            rounds=solved.rounds,
            confidence=solved.confidence,
            certificates=certificates,
            caveat=solved.caveat,
        )
        if warning:
            context.report(f"{spec.id} layer {layer}: {warning}")

    context.analysis.commit(name, key, write)
    context.done.append(name)


def _certificate_seed(spec: RunSpec, layer: int) -> int:
    """A seed of its own, so that no coalition the solver has learned from is drawn again to judge it."""
    digest = hashlib.sha256(f"certificate of {spec.id} in layer {layer}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


def _write_json(path: Path, record: dict[str, Any]) -> None:
    path.with_suffix(".json").write_text(json.dumps(record, indent=1), encoding="utf-8")
