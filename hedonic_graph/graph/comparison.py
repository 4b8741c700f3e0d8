"""What the graph has of an analysis, against what is to be loaded."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from hedonic_graph.errors import UserError
from hedonic_graph.graph import about, checks
from hedonic_graph.graph.calls import Calls
from hedonic_graph.graph.parts import RunParts, State
from hedonic_graph.results.protocol import Results

# How many options are named of those that differ, and up to which length with their values.
NAMED = 3
LONGEST = 60


@dataclass(frozen=True)
class Present:
    """A run in the graph."""

    status: str
    difference: str | None
    """How it differs from the one to be loaded; None where it is the same."""

    @property
    def whole(self) -> bool:
        """Whether nothing is left to do."""
        return self.status == "complete" and self.difference is None

    @property
    def goes_first(self) -> bool:
        """Whether it must be deleted before the other one is loaded."""
        return self.status == "deleting" or self.difference is not None

    def refusal(self, run: str) -> str | None:
        """Return why it is not replaced unasked; None where it may be, as it never was whole."""
        if self.status != "complete" or self.difference is None:
            return None
        return f"{run} is in the graph already, {self.difference}: add --replace to take it out and load this one"


def check(results: Results, keep: int) -> list[dict[str, Any]]:
    """Return the properties of each run. Raises UserError where a name or a property cannot be stored."""
    checks.key(results.model.id, "model id")
    about.model(results)
    for run in results.runs:
        checks.key(run.id, "run id")
    return [about.run(results, run, keep) for run in results.runs]


def present(results: Results, calls: Calls, keep: int) -> dict[str, Present]:
    """Return those of the runs that the graph has. Raises UserError where a name or a property cannot be stored."""
    found = {}
    for run, wanted in zip(results.runs, check(results, keep), strict=True):
        for there in calls.ask("load/state", run=run.id):
            same = (there["fingerprint"], there["keep"]) == (wanted["fingerprint"], keep)
            # Its path or name among the options goes by the same word.
            had, has = there["properties"] | {"model": there["model"]}, wanted | {"model": results.model.id}
            found[run.id] = Present(there["status"], None if same else difference(had, has))
    return found


def outcome(before: Present | None) -> str:
    """Say what loading a run does to what the graph had of it: see ``RunLoad``."""
    if before is None:
        return "loaded"
    if before.whole:
        return "present"
    if not before.goes_first:
        return "continued"
    return "replaced" if before.status == "complete" else "loaded"


def other_preferences(parts: RunParts, known: Mapping[str, State]) -> str | None:
    """Say which preferences the graph has from an earlier state of the analysis; None where it has none.

    ``known`` is what it has of the parts. Raises UserError where the neurons of the model are others.
    """
    model, run = parts.results.model, parts.run
    for part in parts.all():
        found = known.get(part.id)
        if part.own or found is None or found.fingerprint == part.fingerprint:
            continue
        if part.kind == "neurons":
            raise UserError(
                f"model {model.id} has {found.fingerprint} neurons a layer in the graph, and {model.d_ff} here: "
                "two models need two ids"
            )
        return (
            f"the graph has preferences ({run.valuation}, layer {part.layer}) from an earlier state of {run.analysis}: "
            "take its other runs out with `hedonic-graph runs delete`, or add --replace to let them stand beside new "
            "preferences"
        )
    return None


def difference(had: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Say in which options and tables two states of a run differ: the properties in the graph, and those to load."""
    options = list(_options(had, wanted))
    if len(options) > NAMED:
        options[NAMED:] = [f"{len(options) - NAMED} more options changed"]
    found = [", ".join(options)] if options else []
    before, now = _json(had.get("contents")), _json(wanted["contents"])
    found += (f"other {one}" for one in _tables(before, now, lambda one, other: one not in (None, other)))
    # A graph that does not say what it holds lacks nothing by that.
    lacking = _tables(before, now, lambda one, _: one is None) if before else []
    parts = [f"with {'; '.join(found)}"] if found else []
    parts += [f"without {'; '.join(lacking)}"] if lacking else []
    return ", ".join(parts) or "with other content"


def _options(had: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield each option with its two values: what the graph keeps as properties, then the rest of the configuration."""
    for name in ("keep", "model", "task", "layers"):
        if had.get(name) != wanted.get(name):
            yield _option("--keep" if name == "keep" else name, had.get(name), wanted.get(name))
    before, now = _json(had.get("config")), _json(wanted["config"])
    for name in before | now:
        if name not in ("model", "task", "layers") and before.get(name) != now.get(name):
            yield _option(name, before.get(name), now.get(name))


def _option(name: str, had: Any, wanted: Any) -> str:
    before, now = _shown(had), _shown(wanted)
    return f"other {name}" if max(len(before), len(now)) > LONGEST else f"{name} {before}, not {now}"


def _tables(had: Mapping[str, Any], wanted: Mapping[str, Any], differ: Callable[[str | None, str], bool]) -> list[str]:
    """Return the tables whose checksums ``differ`` from those that the graph has (None without one).

    Those of the same layers stand together.
    """
    changed = []
    for name in wanted:
        before = had.get(name, {})
        layers = [int(layer) for layer in wanted[name] if differ(before.get(layer), wanted[name][layer])]
        if layers:
            changed.append((layers, name))
    found = []
    for layers, alike in groupby(changed, key=lambda one: one[0]):
        names = [name for _, name in alike]
        found.append(f"{_listed(names)} in layer{'s' if len(layers) > 1 else ''} {_listed(list(_ranges(layers)))}")
    return found


def _ranges(layers: list[int]) -> Iterator[str]:
    """Yield layers in order, three or more that follow each other as one: 7-14."""
    for _, group in groupby(enumerate(layers), key=lambda one: one[1] - one[0]):
        row = [layer for _, layer in group]
        if len(row) > 2:
            yield f"{row[0]}-{row[-1]}"
        else:
            yield from map(str, row)


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    # What is said stays one line.
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value)


def _json(text: str | None) -> dict[str, Any]:
    """Return a property that holds JSON; nothing where the graph has it otherwise."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
