"""Why a query has no rows, in one line (DESIGN §3.6: no rows is an answer)."""

import difflib
from collections.abc import Mapping
from typing import Any

from hedonic_graph.errors import UserError
from hedonic_graph.graph import runs, statements
from hedonic_graph.graph.statements import Statement
from hedonic_graph.graph.store import Store


def why_empty(store: Store, statement: Statement, values: Mapping[str, Any]) -> str:
    """Return the reason. Raises UserError where a run or coalition was named that the graph does not have."""
    known = {row["run"]: row["status"] for row in runs.listed(store).records()}
    whole = [run for run, status in known.items() if status == "complete"]
    run = values.get("run")
    coalition = values.get("coalition")
    if run is None and coalition is not None:
        # A coalition's id begins with its run's; run ids have slashes of their own.
        run = next((known_run for known_run in known if coalition.startswith(f"{known_run}/")), None)
    if not known:
        return "nothing ingested yet: run `hedonic-graph ingest ANALYSIS`"
    named = [one for one in (run, values.get("other"), *(values.get("runs") or [])) if one is not None]
    for one in named:
        runs.require(store, one)
        if known[one] != "complete":
            return _unfinished(one, known[one])
    if not whole:
        return _unfinished(*next(iter(known.items())))
    if coalition is not None:
        _require_coalition(store, coalition, run, whole)
    return statement.empty


def _unfinished(run: str, status: str) -> str:
    word = "ingest" if status == "loading" else "runs delete"
    return f"{run} is not whole ({status}): run `hedonic-graph {word}` again, it continues"


def _require_coalition(store: Store, coalition: str, run: str | None, whole: list[str]) -> None:
    if store.read(statements.load("check/coalition").text, {"coalition": coalition}).values:
        return
    if run is None:
        near = difflib.get_close_matches(coalition.rpartition("/L")[0], whole, 1, 0.3)
        hint = f" (nearest run: {near[0]})" if near else ""
        raise UserError(f"no run has a coalition {coalition!r}{hint}: ids look like {whole[0]}/L07/C0012")
    raise UserError(f"{run} has no coalition {coalition!r}: `hedonic-graph query sizes -p run={run}` counts them")
