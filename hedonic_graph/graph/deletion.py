"""Take what was loaded out of the graph again, in bounded batches.

A run, or a part that runs share, first says that it is being deleted; each batch locks it and looks whether it still
says so. So a loader and a deleter at once never hurt each other, and a delete that was cut off is finished by the next
delete or load.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hedonic_graph.graph import schema
from hedonic_graph.graph.calls import Calls
from hedonic_graph.graph.parts import states
from hedonic_graph.progress import Progress


@dataclass(frozen=True)
class Where:
    """Whose neurons or, with a valuation, whose preferences a shared part has."""

    model: str
    neurons: int
    """In the layer."""
    layer: int
    analysis: str
    valuation: str | None

    @property
    def kind(self) -> str:
        """Kind of the part."""
        return "neurons" if self.valuation is None else "preferences"


def delete_run(calls: Calls, run: str, progress: Callable[..., Progress]) -> None:
    """Take one run out, if it is there.

    Its coalitions go with all their edges. The preferences of its analysis and valuation in a layer go with the last
    run that has them, the neurons of a layer with the last run of the model that has that layer, a feature with its
    last edge, the model with its last run.
    """
    found = calls.write("delete/begin", {"run": run})
    if not found:
        return
    about = found[0]
    marker = {"run": run, "analysis": about["analysis"]}
    own = [part for layer in about["layers"] for part in schema.own_parts(run, layer)]
    bar = progress(f"Deleting {run}", unit="row")
    try:
        calls.write("delete/stop", marker | {"parts": own})
        while coalitions := calls.ask("delete/found", run=run):
            gone = 0
            for count in _coalitions(calls, marker, coalitions):
                gone += count
                bar.update(count)
            if not gone:
                # Another command has finished this delete, and perhaps begun to load the run again.
                return
        if about["model"] is not None:
            for where in _shared(about):
                _unused(calls, where, bar)
        calls.write("delete/run", marker | {"parts": own})
        if about["model"] is not None:
            calls.write("delete/model", {"model": about["model"], "neurons": about["neurons"]})
    finally:
        bar.close()


def finish(calls: Calls, part: str, where: Where, progress: Callable[..., Progress]) -> None:
    """Finish the delete of a shared part that another command began."""
    bar = progress(f"Deleting {part}", unit="row")
    try:
        _drain(calls, part, where, bar)
    finally:
        bar.close()


def _coalitions(calls: Calls, marker: dict[str, Any], found: list[dict[str, Any]]) -> Iterator[int]:
    """Delete coalitions in groups that have no more relationships together than a batch has rows."""
    aligned = [row["coalition"] for row in found if row["alignments"]]
    for first in range(0, len(aligned), calls.batch):
        yield calls.count("delete/alignments", **marker, coalitions=aligned[first : first + calls.batch])
    group: list[str] = []
    edges = 0
    for row in found:
        if row["edges"] > calls.batch:
            while calls.count("delete/edges", **marker, coalition=row["coalition"], limit=calls.batch):
                pass
        elif edges + row["edges"] > calls.batch:
            yield calls.count("delete/coalitions", **marker, coalitions=group)
            group, edges = [], 0
        group.append(row["coalition"])
        edges += min(row["edges"], calls.batch)
    yield calls.count("delete/coalitions", **marker, coalitions=group)


def _shared(about: dict[str, Any]) -> Iterator[Where]:
    """Yield what a run shares with others: preferences first, as they hang on neurons."""
    for valuation in (about["valuation"], None) if about["valuation"] is not None else (None,):
        for layer in about["layers"]:
            yield Where(about["model"], about["neurons"], layer, about["analysis"], valuation)


def _unused(calls: Calls, where: Where, bar: Progress) -> None:
    """Delete a shared part if no run uses it."""
    if where.valuation is None:
        part = schema.neurons_part(where.model, where.layer)
        claimed = calls.count("delete/unused_neurons", part=part, model=where.model, layer=where.layer)
    else:
        part = schema.preferences_part(where.analysis, where.valuation, where.layer)
        claimed = calls.count(
            "delete/unused_preferences",
            part=part,
            analysis=where.analysis,
            valuation=where.valuation,
            layer=where.layer,
        )
    if claimed:
        _drain(calls, part, where, bar)


def _drain(calls: Calls, part: str, where: Where, bar: Progress) -> None:
    """Delete the rows of a part that says so, neuron by neuron, then the part."""
    values: dict[str, Any] = {"part": part, "prefix": schema.place(where.model, where.layer)}
    size = calls.batch
    if where.valuation is not None:
        values |= {"analysis": where.analysis, "valuation": where.valuation}
        size = max(1, size // 4)
    while (state := states(calls, [part]).get(part)) is not None and state.status == "deleting":
        first = state.step or 0
        if first >= where.neurons:
            calls.write("delete/part", {"part": part, "kind": where.kind, "neurons": where.neurons})
            continue
        keys = [schema.neuron_key(index) for index in range(first, min(first + size, where.neurons))]
        bar.update(calls.count(f"delete/{where.kind}", **values, first=first, neurons=keys))
