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
        near = difflib.get_close_matches(run, known, 1, 0.3)
        hint = f" (nearest: {near[0]})" if near else ""
        raise UserError(f"the graph has no run {run!r}{hint}: `hedonic-graph runs list` names them")


def shown(store: Store, run: str) -> Rows:
    """Return a run's parameters and figures, one row each. Raises UserError where there is no such run."""
    rows = store.read(statements.load("provenance").text, {"run": run})
    if not rows.values:
        require(store, run)
    return rows


def delete(
    store: Store,
    run: str,
    *,
    progress: Callable[..., Progress] = bar,
    on_away: Callable[[], None] | None = None,
) -> int:
    """Take one run out, in batches; return how many nodes and preferences went.

    Its coalitions go with all their edges. What it shares with other runs (neurons, preferences, features, the model)
    goes with the last one that has it. A delete that was cut off is continued by the next one; until then no query
    sees the run. Raises UserError where there is no such run.
    """
    gone = deletion.delete_run(Calls(store, on_away), run, progress)
    if gone is None:
        require(store, run)
        return 0
    return gone
