"""A loader killed at any moment: the same command then makes the graph of a load that nothing disturbed."""

import random

import pytest
from faults.conftest import Ground, said
from faults.contents import contents, counts
from faults.program import drawn

from hedonic_graph.graph import runs
from hedonic_graph.graph.loader import ingest

KILLS = 20
KILLS_EMBEDDED = 4
LATEST = 0.75
"""Share of the rows after which a load is killed at the latest, so that it is not over by then."""
LARGE = 50_000
BATCHES = 70
"""How many a load has at least, so that most kills leave a table in the middle."""


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_load_into_neo4j_goes_on_to_the_same_graph(neo4j: Ground, number: int) -> None:
    assert neo4j.whole.rows >= LARGE
    kill_and_go_on(neo4j, number, KILLS)


@pytest.mark.parametrize("number", range(KILLS_EMBEDDED))
def test_a_killed_load_into_the_embedded_store_goes_on_to_the_same_graph(embedded: Ground, number: int) -> None:
    kill_and_go_on(embedded, number, KILLS_EMBEDDED)


def kill_and_go_on(ground: Ground, number: int, kills: int) -> None:
    """Kill a load: the first before any of its rows is there, the others at random, each in a stretch of its own."""
    whole = ground.whole
    moment = random.Random(number)
    rows = max(0, int((number - moment.random()) / (kills - 1) * LATEST * whole.rows))
    analysis = drawn(f"killed-{number:02}", ground.scale)
    run = analysis.runs[0].id
    with ground.store() as store:
        before = counts(store)
        # Somewhere in the next batch: on its way there, in the server, or on its way back.
        kill = {"rows": rows, "batches": moment.random()}
        process = ground.ingest(analysis.model.name, kill=kill, batch=whole.rows // BATCHES)
        printed, _ = process.communicate()
        assert process.returncode == -9
        found = {row["run"]: row["status"] for row in runs.listed(store).records()}
        assert found.get(run) in (None, "loading")
        written = sum(counts(store)) - sum(before)
        assert said(printed) <= written < whole.contents.nodes + whole.contents.relationships

        ingest(analysis, store)
        assert contents(store, f"{analysis.model.name}/") == whole.contents
        assert counts(store) == (before[0] + whole.contents.nodes, before[1] + whole.contents.relationships)
        found = {row["run"]: row["status"] for row in runs.listed(store).records()}
        assert found[run] == "complete"
