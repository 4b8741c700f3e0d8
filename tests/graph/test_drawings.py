"""The queries that return paths for Neo4j Browser to draw, on the hand-drawn analysis."""

from dataclasses import replace
from typing import Any

import neo4j.graph
import pytest
from graph.conftest import Drawing

from hedonic_graph.graph import schema, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Store

EVENTS = {
    3: ["L3/C0 PERSISTS_AS L4/C0", "L3/C1 MERGES_INTO L4/C1", "L3/C2 MERGES_INTO L4/C1"],
    4: ["L4/C0 SPLITS_INTO L6/C0", "L4/C0 SPLITS_INTO L6/C1", "L4/C1 PERSISTS_AS L6/C2"],
}


def told(path: neo4j.graph.Path | None) -> str | None:
    """A path in words: each edge from its own start to its own end."""
    if path is None:
        return None
    for edge, first, second in zip(path.relationships, path.nodes, path.nodes[1:], strict=False):
        assert {edge.start_node, edge.end_node} == {first, second}
    return ", ".join(f"{short(edge.start_node)} {edge.type} {short(edge.end_node)}" for edge in path.relationships)


def short(node: neo4j.graph.Node | None) -> str:
    assert node is not None
    (label,) = node.labels
    if label == "Feature":
        return str(node["name"]).rpartition("/")[2]
    return f"L{node['layer']}/C{node['rank']}" if label == "Coalition" else f"N{node['index']}"


def draw(store: Store, name: str, **values: Any) -> list[tuple[str | None, ...]]:
    statement = statements.load(name)
    rows = store.read(statement.text, statement.bind(values))
    assert rows.columns == tuple(statement.columns)
    return [tuple(told(path) for path in row) for row in rows.values]


@pytest.fixture
def run(store: Store, drawing: Drawing) -> str:
    drawn = drawing()
    ingest(drawn, store)
    return drawn.runs[0].id


def test_a_lineage_goes_both_ways(store: Store, run: str) -> None:
    rows = draw(store, "draw_lineage", coalition=schema.coalition_id(run, 4, 0))
    assert sorted(rows) == [(EVENTS[3][0],), (EVENTS[4][0],), (EVENTS[4][1],)]


def test_a_lineage_goes_as_many_steps_as_asked(store: Store, run: str) -> None:
    last = schema.coalition_id(run, 6, 0)
    assert draw(store, "draw_lineage", coalition=last, steps=1) == [(EVENTS[4][0],)]
    assert sorted(draw(store, "draw_lineage", coalition=last, steps=2)) == [
        (EVENTS[4][0],),
        (f"{EVENTS[4][0]}, {EVENTS[3][0]}",),
    ]


def test_events_of_one_layer_or_of_all(store: Store, run: str) -> None:
    assert draw(store, "draw_events", run=run, layer=4) == [(event,) for event in EVENTS[4]]
    assert draw(store, "draw_events", run=run) == [(event,) for event in EVENTS[3] + EVENTS[4]]


def test_flows_are_those_beyond_chance_in_their_direction(store: Store, run: str) -> None:
    into = [("L3/C0 INTERACTS L4/C0",)]
    out = [("L4/C0 INTERACTS L6/C0",), ("L4/C0 INTERACTS L6/C1",)]
    assert draw(store, "draw_flows", coalition=schema.coalition_id(run, 4, 0)) == [*out, *into]
    assert draw(store, "draw_flows", coalition=schema.coalition_id(run, 4, 0), z=8.5) == out[:1]
    assert draw(store, "draw_flows", coalition=schema.coalition_id(run, 4, 2)) == [("L3/C0 INTERACTS L4/C2",)]


def test_members_stand_with_whom_they_prefer_in_the_coalition(store: Store, run: str) -> None:
    """Neurons 5, 6 and 7 are in it and prefer the two next ones, 5 likes it most and 7 prefers nobody in it."""
    coalition = schema.coalition_id(run, 3, 1)
    rows = [
        ("N5 MEMBER_OF L3/C1", "N5 PREFERS N6, N6 MEMBER_OF L3/C1"),
        ("N5 MEMBER_OF L3/C1", "N5 PREFERS N7, N7 MEMBER_OF L3/C1"),
        ("N6 MEMBER_OF L3/C1", "N6 PREFERS N7, N7 MEMBER_OF L3/C1"),
        ("N7 MEMBER_OF L3/C1", None),
    ]
    assert draw(store, "draw_members", coalition=coalition) == rows
    assert draw(store, "draw_members", coalition=coalition, members=1) == rows[:2]


def test_features_are_those_followed_closely(store: Store, run: str) -> None:
    assert draw(store, "draw_features", run=run, r2=0.4) == [
        ("L4/C0 ALIGNS_WITH overlap",),
        ("L3/C0 ALIGNS_WITH overlap",),
        ("L3/C1 ALIGNS_WITH length",),
    ]


def test_browser_begins_with_the_newest_analysis_and_its_coalition_with_most_relatives(
    store: Store, drawing: Drawing
) -> None:
    """C0 of layer 3 has three descendants, C0 of layer 4 as many relatives but a later layer."""
    older, drawn = drawing(), drawing(solvers=("pac", "exact"))
    drawn.runs = [replace(run, created="9999-01-01T00:00:00Z") for run in drawn.runs]
    for one in (drawn, older):
        ingest(one, store)
    statement = statements.load("browser/parameters")
    (row,) = store.read(statement.text).records()
    run, other = f"{drawn.analysis}/pas.exact", f"{drawn.analysis}/pas.pac"
    assert row == {"run": run, "other": other, "coalition": schema.coalition_id(run, 3, 0), "layer": 3, "index": 0}
    assert list(row) == list(statement.columns)
