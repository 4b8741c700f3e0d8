"""Runs in the graph: list them, look at one, take one out (DESIGN §9)."""

import difflib
from collections.abc import Callable
from typing import Any

from hedonic_graph.errors import UserError
from hedonic_graph.graph import statements
from hedonic_graph.graph.store import Rows, Store
from hedonic_graph.progress import Progress, bar

# Coalitions in one transaction: each takes its members and up to a few hundred edges with it.
COALITIONS = 100


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


def delete(store: Store, run: str, *, progress: Callable[..., Progress] = bar) -> int:
    """Take one run out, in batches; return how many nodes went and how many preferences.

    Its coalitions go with all their edges. The preferences of its analysis and valuation go with the last run that
    has them, a neuron with the last thing that uses it, the model with its last run. A delete that was cut off is
    continued by the next one; until then no query sees the run. Raises UserError where there is no such run.
    """
    rows = store.write(statements.load("delete/begin").text, {"run": run}).records()
    if not rows:
        require(store, run)
    found = rows[0]
    model = {"model": found["model"]}
    steps: list[tuple[str, dict[str, Any]]] = [("coalitions", {"run": run, "limit": COALITIONS})]
    if found["sharing"] == 0:
        shared = {"analysis": found["analysis"], "valuation": found["valuation"], "limit": store.batch}
        steps.append(("preferences", model | shared))
    # A run that is loading has written its neurons before the memberships that hold them.
    if found["loading"] == 0:
        steps.append(("neurons", model | {"limit": store.batch}))
    gone = 0
    counter = progress(f"Deleting {run}", unit="row")
    try:
        for name, values in steps:
            statement = statements.load(f"delete/{name}").text
            while count := store.write(statement, values).values[0][0]:
                gone += count
                counter.update(count)
        store.write(statements.load("delete/run").text, {"run": run})
        store.write(statements.load("delete/model").text, model)
    finally:
        counter.close()
    return gone + 1
