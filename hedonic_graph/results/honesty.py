"""The figures of a run that say whether to believe it (DESIGN §3.8), from what its stages said."""

import numpy as np

from hedonic_graph.game.sample_size import guaranteed_samples
from hedonic_graph.results.protocol import FATES, RunInfo
from hedonic_graph.results.records import Records
from hedonic_graph.solvers import SOLVERS

HALVES = {
    "halves_correlation": "correlation",
    "halves_overlap": "overlap",
    "halves_agreement": "adjusted_rand",
    "choice_error": "choice_error",
}
"""Figures of a run, means over its layers, that come from what two halves of the examples say, as they are kept."""


def honesty(records: Records, run: RunInfo) -> dict[str, float | list[float]]:
    """Return the figures by name: of the worst layer, of all, or their mean; a list has one for each layer followed."""
    partitions = [records.partition_record(run, layer) for layer in records.layers]
    checks = [records.second_order(run, layer) for layer in records.layers]
    found: dict[str, float | list[float]] = {"largest_share": max(record["largest_share"] for record in partitions)}
    for sampler in partitions[0]["certificates"]:
        certificates = [record["certificates"][sampler] for record in partitions]
        found[f"blocking_rate_{sampler}"] = max(one["rate"] for one in certificates)
        found[f"blocking_bound_{sampler}"] = max(one["bound"] for one in certificates)
        found[f"blocking_rate_{sampler}_random"] = max(one["random_rate"] for one in certificates)
    if sampled := min(record.get("sampled") or 0 for record in partitions):
        game = records.game
        asked = guaranteed_samples(records.model.d_ff, epsilon=game.epsilon, delta=game.delta)
        found |= {"sampled_coalitions": float(sampled), "sampled_coalitions_by_theorem": float(asked)}
    correlations = [check["correlation"] for check in checks if check and check["correlation"] is not None]
    if correlations:
        found["second_order_correlation"] = min(correlations)
    halves = [one for layer in records.layers if (one := records.halves(run, layer))]
    for figure, name in HALVES.items():
        values = [one[name] for one in halves if one[name] is not None]
        if values:
            found[figure] = float(np.mean(values))
    if run.valuation is not None and SOLVERS[run.solver].resamples:
        tables = [table for layer in records.layers if (table := records.resolutions(run.valuation, layer)) is not None]
        if tables:
            resolution = records.game.resolution
            means = [table["adjusted_rand"][table["resolution"] == resolution].mean() for table in tables]
            found["halves_agreement_consensus"] = float(np.mean(means))
    confidences = [one for record in partitions if (one := record.get("confidence")) is not None]
    if confidences:
        found["confidence"] = float(np.mean(confidences))
    agreements = [value for layer in records.layers if (value := records.agreement(run, layer)) is not None]
    if agreements:
        found["seed_agreement"] = float(np.mean(agreements))
    steps = [records.lineage_record(run, layer) for layer in records.followed]
    if steps:
        found["significant_edges"] = sum(step["counts"]["significant"] for step in steps)
        found["significant_edges_shuffled"] = sum(step["chance"]["significant"] for step in steps)
        for fate in FATES:
            found[f"{fate}_shuffled"] = [
                100 * step["chance"][fate] / max(sum(step["chance"][one] for one in FATES), 1) for step in steps
            ]
    return found
