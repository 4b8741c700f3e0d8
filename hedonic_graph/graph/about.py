"""The properties of a run and of its model in the graph (DESIGN §6)."""

import json
from typing import Any

from hedonic_graph.graph import checks, schema
from hedonic_graph.graph.rows import scalar
from hedonic_graph.results.protocol import Results, RunInfo

# What a whole run has a number of; an option of that name (--events) goes by another one.
COUNTED = ("coalitions", "interactions", "events")
# Hexadecimal digits of a checksum that are enough to tell two states of one table apart.
DIGITS = 12


def model(results: Results) -> dict[str, Any]:
    """Return a model's properties but its key. Raises UserError where one is not of the schema's type."""
    model = results.model
    about = {
        "name": model.name,
        "adapter": model.adapter,
        "architecture": model.architecture,
        "d_model": model.d_model,
        "d_ff": model.d_ff,
        "layers": model.layers,
    }
    checks.node(schema.node("Model"), about | {"id": model.id})
    return about


def run(results: Results, run: RunInfo, keep: int) -> dict[str, Any]:
    """Return a run's properties but its key and status. Raises UserError where one is not of the schema's type."""
    properties = {
        f"{name}_option" if name in COUNTED else name: scalar(value)
        for name, value in {**run.parameters, **run.honesty}.items()
    }
    properties |= {
        "analysis": run.analysis,
        "task": run.task,
        "valuation": run.valuation,
        "solver": run.solver,
        "seed": run.seed,
        "layers": list(run.layers),
        "created": run.created,
        "config": run.config,
        "keep": keep,
        "fingerprint": results.fingerprint(run),
        "contents": json.dumps(
            {
                table: {str(layer): checksum[:DIGITS] for layer, checksum in layers.items()}
                for table, layers in results.contents(run).items()
            }
        ),
    }
    properties.pop("id", None)
    checks.node(schema.node("Run"), properties | {"id": run.id, "status": "loading"})
    return properties
