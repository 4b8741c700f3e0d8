"""The whole of ``analyze``: read, capture, value, partition, track, into one folder that can be continued."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from hedonic_graph.analysis import MANIFEST, Analysis, now, packages
from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.pipeline.capturing import capture_layers
from hedonic_graph.pipeline.comparing import check_growth, compare_resolutions, show_growth
from hedonic_graph.pipeline.context import Context, device_of
from hedonic_graph.pipeline.foresight import Sizes, check_room
from hedonic_graph.pipeline.halving import halve_layer
from hedonic_graph.pipeline.partitioning import agree, partition_layer
from hedonic_graph.pipeline.reading import keep_text, read_pairs
from hedonic_graph.pipeline.resampling import resample_halves, resample_layer, resampling, works
from hedonic_graph.pipeline.subject import Subject, locate
from hedonic_graph.pipeline.tracking import track_step
from hedonic_graph.pipeline.valuing import value_layer
from hedonic_graph.progress import bar
from hedonic_graph.text.readouts import SCORE
from hedonic_graph.valuation.pas import ADDITIVE


def analyze(
    config: Config, folder: Path, *, device: str = "cpu", report: Callable[[str], None] = lambda line: None
) -> list[str]:
    """Bring ``folder`` to what ``config`` asks for and return the names of the units that were computed.

    Units whose inputs have not changed are left alone, so a second call with the same inputs returns an
    empty list, and a call after an interruption continues. ``report`` takes lines for the user. Raises
    UserError (DESIGN §7) before anything is written where the inputs do not fit together.
    """
    started = time.perf_counter()
    on = device_of(device)
    pairs = read_pairs(config, config.text)
    subject = locate(config.model, config.adapter, config.tuned, config.layers)
    if "pas" in config.valuation and not bends(config, subject):
        raise UserError(ADDITIVE)
    if resampling(config) and len(pairs) < 2:
        raise UserError(
            f"solver {resampling(config)[0].solver} needs two examples or more to resample; the text has one"
        )
    check_growth(config, len(pairs))
    shape = subject.shape
    if config.kmin > shape["d_ff"]:
        raise UserError(f"kmin {config.kmin} is above the {shape['d_ff']} neurons of a layer")
    sizes = Sizes(shape["d_ff"], shape["d_model"], len(pairs), shape["projections"])
    done = _is_done(config, folder)
    if not done:
        check_room(config, folder, sizes, on)
    with Analysis.writing(folder, "analyze") as analysis:
        context = Context(analysis, config, on, subject, pairs, report)
        # What would fail on the model must fail before the folder looks like an analysis.
        model, prompts = context.described_model(), context.described_prompts()
        if not done:
            check_room(config, folder, sizes.with_prompts(prompts), on)
        analysis.manifest |= {
            "complete": False,
            "config": json.loads(config.as_json()),
            "model": model,
            "prompts": prompts,
            "packages": packages(),
            "device": str(on),
        }
        keep_text(context)
        _stages(context)
        analysis.manifest["complete"] = True
        if context.done:
            analysis.manifest |= {"finished": now(), "seconds": round(time.perf_counter() - started, 1)}
        analysis.save()
        return context.done


def _is_done(config: Config, folder: Path) -> bool:
    """Whether the folder holds all of this analysis, so that it takes no room more."""
    if not (folder / MANIFEST).is_file():
        return False
    manifest = Analysis.open(folder).manifest
    return bool(manifest.get("complete")) and manifest.get("config") == json.loads(config.as_json())


def bends(config: Config, subject: Subject) -> bool:
    """Whether the logit is anything but additive over neurons: something behind them is not linear."""
    capped = subject.shape["capped"] and config.readout != SCORE
    return config.readout_norm == "on" or subject.shape["post_norm"] or capped


def _stages(context: Context[Config]) -> None:
    config = context.config
    capture_layers(context)
    neurons = len(config.layers) * (len(config.runs) + works(config)) * context.subject.shape["d_ff"]
    with bar("partitions", total=neurons, unit="neuron") as progress:
        for layer in config.layers:
            for valuation in config.valuation:
                progress.set_postfix_str(f"{valuation} of layer {layer}")
                value_layer(context, valuation, layer)
                halve_layer(context, valuation, layer)
                resample_layer(context, valuation, layer, progress)
                resample_halves(context, valuation, layer, progress)
                compare_resolutions(context, valuation, layer)
                show_growth(context, valuation, layer)
            partition_layer(context, layer, progress)
            agree(context, layer)
    steps = context.steps()
    with bar("lineage", total=len(steps) * len(config.runs), unit="step") as progress:
        for layer, following in steps:
            track_step(context, config.runs, layer, following, progress)
