"""Runs in the graph: list them, look at one, take one out (DESIGN §9)."""

import difflib
from collections.abc import Callable

from hedonic_graph.errors import UserError
from hedonic_graph.graph import deletion, statements
from hedonic_graph.graph.calls import Calls
from hedonic_graph.graph.store import Rows, Store
from hedonic_graph.progress import Progress, bar


def listed(store: Store) -> Rows:
    """Return every run, whole or not."""
    return store.read(statements.load("runs").text)


def require(store: Store, run: str) -> None:
    """Raise UserError, with the nearest run, where the graph has no such run."""
    known = [row["run"] for row in listed(store).records()]
    if run not in known:
        raise _nothing("run", run, known)


def shown(store: Store, run: str) -> Rows:
    """Return a run's parameters and figures, one row each. Raises UserError where there is no such run."""
    rows = store.read(statements.load("provenance").text, {"run": run})
    if not rows.values:
        require(store, run)
    return rows


def delete(
    store: Store,
    name: str,
    kind: str | None = None,
    *,
    progress: Callable[..., Progress] = bar,
    on_away: Callable[[], None] | None = None,
) -> list[str]:
    """Take a run out, or every run of an analysis, in batches, and return their names.

    ``kind`` (run, analysis) says which of the two ``name`` is, where it is both. Coalitions go with all their edges.
    What a run shares with others (neurons, preferences, features, the model) goes with the last one that has it. A
    delete that was cut off is continued by the next one; until then no query sees the run. Raises UserError where
    there is nothing of that name, and where it could be either.
    """
    calls = Calls(store, on_away)
    found = _matching(calls, name, kind)
    for run in found:
        # One that is gone by now was another command's.
        deletion.delete_run(calls, run, progress)
    return found


def _matching(calls: Calls, name: str, kind: str | None) -> list[str]:
    """Return the run of that name, or the runs of the analysis of that name."""
    rows = calls.ask("check/runs")
    found = {
        "run": [row["run"] for row in rows if row["run"] == name],
        "analysis": [row["run"] for row in rows if row["analysis"] == name],
    }
    wanted = [one for one in found if kind in (None, one)]
    matched = [found[one] for one in wanted if found[one]]
    if len(matched) > 1:
        raise UserError(
            f"{name!r} is a run, and an analysis of {len(found['analysis'])} runs: add --as run or --as analysis"
        )
    if matched:
        return matched[0]
    raise _nothing(" or ".join(wanted), name, [row[one] for row in rows for one in wanted])


def _nothing(what: str, name: str, known: list[str]) -> UserError:
    near = difflib.get_close_matches(str(name), known, 1, 0.3)
    hint = f" (nearest: {near[0]})" if near else ""
    return UserError(f"the graph has no {what} {name!r}{hint}: `hedonic-graph runs list` names them")
