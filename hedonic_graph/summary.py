"""An analysis in a few lines a person can judge: sizes, fates, and how each count stands against chance."""

import math
from collections.abc import Sequence
from typing import Any

from hedonic_graph.config import show_layers
from hedonic_graph.reliability import halves_lines, index
from hedonic_graph.results.protocol import FATES, RunInfo
from hedonic_graph.results.reader import AnalysisResults


def layer_rows(results: AnalysisResults, run: RunInfo) -> list[dict[str, Any]]:
    """One row for each layer of a run: coalitions, largest share, fates in per cent, edges beyond z = 3.

    Fates and ``significant`` (edges with z of 3 or more) stand beside ``... shuffled``, their means under
    shuffled membership of the targets. A layer that is not followed, such as the last, has no fates: None.
    """
    rows = []
    for layer in results.layers:
        record = results.partition_record(run, layer)
        row: dict[str, Any] = {
            "layer": layer,
            "coalitions": record["coalitions"],
            "singletons": record["singletons"],
            "largest_percent": round(100 * record["largest_share"], 1),
            "confidence": record.get("confidence"),
        }
        followed = layer in results.followed
        lineage = results.lineage_record(run, layer) if followed else {"counts": {}, "chance": {}}
        for name, counts in (("", lineage["counts"]), ("_shuffled", lineage["chance"])):
            sources = sum(counts.get(fate, 0) for fate in FATES)
            row |= {f"{fate}{name}": round(100 * counts[fate] / sources, 1) if sources else None for fate in FATES}
            row[f"significant{name}"] = counts.get("significant")
        row["edges"] = lineage["counts"].get("edges")
        rows.append(row)
    return rows


def table(rows: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Columns and cells of :func:`layer_rows` for people; shuffled means in brackets behind each count."""

    def beside(row: dict[str, Any], name: str) -> str | None:
        if row[name] is None:
            return None
        return f"{row[name]:g} ({_mean(row[f'{name}_shuffled'])})"

    columns, names = ["layer", "coalitions", "of one", "largest %"], ["coalitions", "singletons", "largest_percent"]
    cells = [[row["layer"], *(row[name] for name in names)] for row in rows]
    if any(row["confidence"] is not None for row in rows):
        columns.append("confidence")
        for line, row in zip(cells, rows, strict=True):
            line.append(None if row["confidence"] is None else f"{row['confidence']:.2f}")
    if any(row["edges"] is not None for row in rows):
        columns += [*(f"{fate} %" for fate in FATES), "edges", "z >= 3"]
        for line, row in zip(cells, rows, strict=True):
            line += [*(beside(row, fate) for fate in FATES), row["edges"], beside(row, "significant")]
    return columns, cells


def _mean(value: float) -> str:
    """Three digits, and all of those before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def model_lines(results: AnalysisResults) -> list[str]:
    """What was analysed and what tuned it, in a line each; none for partitions that came without a model."""
    model = results.analysis.manifest["model"]
    card = model.get("card")
    if card is None:
        return []
    behind = ", one behind the MLP" if card["norm_behind_mlp"] else ""
    lines = [
        f"{model['name']}: {model['architecture']}, {model['layers']} layers of {model['d_ff']} neurons "
        f"({card['block']} {card['activation']}), width {model['d_model']}, {card['norm']}{behind}"
    ]
    tuning = card["tuning"]
    if tuning is None:
        return [*lines, "not tuned"]
    read = [int(layer) for layer in tuning["changes"]]
    outside = ", ".join(
        f"{name.removesuffix('.weight')} ({_percent(change['relative'])}{' %' if change['relative'] else ''})"
        for name, change in tuning["outside"].items()
    )
    beside = f"; beside the layers: {outside}" if outside else ""
    if tuning["kind"] == "full":
        compared = f"layers {show_layers(read)} compared{beside}; other layers and tokens' embeddings are not"
        return [*lines, f"tuned as a whole into {model['tuned']}: {compared}"]
    steps = [
        f"rank {step['rank']}, alpha {step['alpha']}, on {', '.join(step['modules'])}"
        if step["rank"]
        else f"whole {', '.join(step['modules'])}"
        for step in tuning["steps"]
    ]
    above = [layer for layer in tuning["layers"] if layer > max(read)]
    unread = f" ({show_layers(above)} not read)" if above else ""
    on = f"{' and '.join(steps)} of layers {show_layers(tuning['layers'])}{unread}" if steps else "on no layer"
    return [*lines, f"{tuning['kind']} {model['adapter']}: {on}{beside}"]


def model_table(results: AnalysisResults) -> tuple[list[str], list[list[Any]]]:
    """Columns and cells: the size of each change in per cent of the base's weights, a row for each layer."""
    card = results.analysis.manifest["model"].get("card")
    changes = card["tuning"]["changes"] if card and card["tuning"] else {}
    names = sorted({name for changed in changes.values() for name in changed})
    cells = [
        [layer, *(_percent(changed[name]["relative"]) if name in changed else None for name in names)]
        for layer, changed in changes.items()
    ]
    return ["layer", *(name.removesuffix(".weight") for name in names)], cells


def _percent(relative: float | None) -> str:
    return "new" if relative is None else f"{100 * relative:.3g}"


def verdicts(results: AnalysisResults) -> list[str]:
    """What the figures let one say of each run, chance named as chance."""
    lines = []
    prompts = results.analysis.manifest.get("prompts", {"cut": 0})
    if prompts["cut"]:
        lines.append(
            f"{prompts['cut']} of {prompts['count']} prompts were cut at {prompts['max_tokens']} tokens (the longest "
            f"has {prompts['longest']}): their last token stands in the middle of the text"
        )
    if any(run.valuation == "pas" for run in results.runs):
        lines.append(_second_order(results))
    valuations = {run.valuation: run for run in results.runs if run.valuation is not None}
    lines += [line for run in valuations.values() for line in (*_kept(run), *halves_lines(results, run))]
    if any(run.valuation is None for run in results.runs):
        lineage = "" if results.followed else ", nor, without a model and text, of what becomes of them"
        lines.append(f"imported partitions come without a valuation: nothing is said of their stability{lineage}")
    for run in results.runs:
        figures: Any = run.honesty
        seeds = [one.seed for one in results.runs if (one.valuation, one.solver) == (run.valuation, run.solver)]
        if "seed_agreement" in figures and run.seed == seeds[0]:
            lines.append(f"{run.valuation}.{run.solver}: {_seeds(figures['seed_agreement'], len(seeds))}")
        if "confidence" in figures:
            lines.append(
                f"{run.id}: a neuron that is not alone shares its coalition with another member in "
                f"{100 * figures['confidence']:.0f}% of {run.parameters['resamples']} resamples of the examples (its "
                "confidence, on average)"
            )
        if "significant_edges" in figures:
            found, chance = int(figures["significant_edges"]), figures["significant_edges_shuffled"]
            lines.append(f"{run.id}: {_links(found, chance)}")
        if "blocking_bound_uniform" in figures:
            bounds = ", ".join(
                f"{figures[f'blocking_bound_{name}']:.2g} with {name} coalitions "
                f"(random partitions of the same sizes: rate {figures[f'blocking_rate_{name}_random']:.2g})"
                for name in ("uniform", "neighbourhood")
            )
            epsilon = run.parameters["epsilon"]
            lines.append(f"{run.id}: blocked at a rate of at most {bounds}; epsilon is {epsilon:g}")
        if "sampled_coalitions" in figures:
            drawn, asked = int(figures["sampled_coalitions"]), figures["sampled_coalitions_by_theorem"]
            lines.append(
                f"{run.id}: {drawn:,} coalitions sampled in a layer or more; to guarantee that epsilon "
                f"the theorem (Sliwinski and Zick 2017) asks for {asked:.1e}"
            )
        for layer in results.layers:
            if warning := results.partition_record(run, layer)["warning"]:
                lines.append(f"{run.id} layer {layer}: {warning}")
        lines += _left_out(results, run)
    return lines


def _left_out(results: AnalysisResults, run: RunInfo) -> list[str]:
    """Say where only the largest coalitions are followed."""
    records = {layer: results.lineage_record(run, layer) for layer in results.followed}
    left_out = {layer: one for layer, record in records.items() if (one := record.get("left_out", 0))}
    if not left_out:
        return []
    layer = max(left_out, key=lambda one: left_out[one])
    followed = sum(records[layer]["counts"][fate] for fate in FATES)
    return [
        f"{run.id}: mass {run.parameters['mass']} follows the {followed} largest coalitions of a layer; the others "
        f"({left_out[layer]} in layer {layer}, the most) have no flow, no edges and no fate; totals, beta and z are of "
        "those followed, and a coalition that none of them feeds has no origin, for another may"
    ]


def _second_order(results: AnalysisResults) -> str:
    run = next(run for run in results.runs if run.valuation == "pas")
    checks = {layer: results.second_order(run, layer) or {} for layer in results.layers}
    known = {layer: check["correlation"] for layer, check in checks.items() if check["correlation"] is not None}
    if not known:
        return "pas: its strongest pairs do not vary, so they cannot be held against exact ablation"
    worst = min(known, key=lambda layer: known[layer])
    line = (
        f"pas: its {checks[worst]['pairs']} strongest pairs correlate with exact double ablation at {known[worst]:.4f} "
        f"or better (worst in layer {worst}, mean error {100 * checks[worst]['error']:.1f}%)"
    )
    if known[worst] >= 0.99:
        return line
    to = {"zero": "from the activations to zero", "mean": "from the activations to their mean"}
    steps = to.get(str(run.parameters["reference"]), "of the tuning")
    return f"{line}: the steps {steps} are too large for the second order there"


def _kept(run: RunInfo) -> list[str]:
    """How far phi lies from what was computed; nothing where it was kept as it was."""
    if run.parameters.get("phi_precision", "float32") == "float32":
        return []
    from hedonic_graph.valuation.storage import HALF_ERROR, HALF_LEAST

    return [
        f"{run.valuation}: phi is kept in half precision, each value within {100 * HALF_ERROR:.2g}% "
        f"(below {HALF_LEAST:.0e} of its layer's largest, within {HALF_ERROR * HALF_LEAST:.0e} of that)"
    ]


def _seeds(agreement: float, count: int) -> str:
    line = f"its {count} seeds agree with an adjusted Rand index of {index(agreement)} (0 is chance, 1 is the same)"
    return f"{line}: these partitions are mostly sampling noise" if agreement < 0.1 else line


def _links(found: int, chance: float) -> str:
    line = f"{found} links beyond z = 3, {chance:.1f} under shuffled membership"
    # Three standard deviations of a count, plus one for counts near zero.
    if found <= chance + 3 * math.sqrt(chance + 1):
        return f"{line}: no more than about chance"
    return f"{line}: {found / chance:.1f} times chance" if chance else f"{line}: beyond chance"
