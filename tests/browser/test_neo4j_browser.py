"""The real Neo4j Browser on a real SmolLM2 run: it takes the style and the queries, and draws lineages in its colours.

The tests hold what is drawn to the graph by captions and colours, and leave screenshots in pytest's temporary folder.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser.window import Drawing, Window, missing, window
from real import RUN, command

from hedonic_graph.browser import folder
from hedonic_graph.browser.favourites import DRAWINGS, SET_PARAMETERS, TABLES
from hedonic_graph.browser.style import ARROWS, CIRCLES
from hedonic_graph.graph import statements
from hedonic_graph.graph.runs import delete
from hedonic_graph.graph.store import Store, connect, resolve

if TYPE_CHECKING:
    from neo4j_server.server import Neo4jServer


@pytest.fixture(scope="module")
def chromium() -> None:
    """Skip what this machine cannot show; where ``CI`` is ``true`` that is a failure."""
    if lacking := missing():
        pytest.fail(lacking) if os.environ.get("CI") == "true" else pytest.skip(lacking)


@pytest.fixture(scope="module")
def graph(chromium: None, neo4j_server: "Neo4jServer", real_analysis: Path) -> Iterator[Store]:
    """A Neo4j with the real run in it."""
    address = resolve(neo4j_server.uri, neo4j_server.user, neo4j_server.password, environment={})
    login = {"NEO4J_PASSWORD": neo4j_server.password}
    command(real_analysis, "ingest", ".", "--keep", "5", "--uri", neo4j_server.uri, "--user", "neo4j", **login)
    with connect(address) as store:
        yield store
        delete(store, RUN)


@pytest.fixture(scope="module")
def browser(graph: Store, neo4j_server: "Neo4jServer", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """Logged in, with the style and the favourites dropped onto it and the parameters set."""
    place = tmp_path_factory.mktemp("browser")
    folder.write(place)
    with window(neo4j_server) as opened:
        opened.drop(place / folder.STYLE)
        opened.frame.get_by_text("relationship.SPLITS_INTO").wait_for()
        opened.drop(place / folder.QUERIES)
        opened.open_favourites()
        opened.open_folder(DRAWINGS)
        opened.open_folder(TABLES)
        opened.run(SET_PARAMETERS)
        yield opened


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("browser.window.find_spec", lambda name: name)
    assert missing() == "Neo4j Browser is shown in Chromium: there is none"
    (tmp_path / "chromium").touch(mode=0o755)
    assert missing() is None
    monkeypatch.setattr("browser.window.find_spec", lambda name: None)
    assert missing() == "Neo4j Browser is shown by the package playwright: it is not installed"


def library(draws: bool) -> list[str]:
    names = [name for name in statements.names() if name.startswith("draw_") == draws]
    return sorted((statements.load(name).title for name in names), key=str.lower)


def test_every_query_is_a_favourite_under_its_title(browser: Window) -> None:
    assert browser.titles() == [SET_PARAMETERS, *library(draws=True), *library(draws=False)]


def test_the_parameters_are_of_the_run_that_was_loaded(browser: Window, graph: Store) -> None:
    (begin,) = graph.read(statements.load("browser/parameters").text).records()
    assert begin["run"] == RUN
    answer = browser.run(SET_PARAMETERS)
    for name in ("run", "coalition"):
        assert f'"{name}": "{begin[name]}"' in answer
    assert f'"layer": {begin["layer"]},' in answer


def holds(drawing: Drawing, graph: Store, drawn: list[str]) -> None:
    """These coalitions and nothing else are drawn, each once, and every relationship among them, as the style says."""
    nodes = graph.read(
        "MATCH (c:Coalition) WHERE c.id IN $ids RETURN c.layer AS layer, c.rank AS rank, c.size AS size",
        {"ids": drawn},
    )
    edges = graph.read(
        "MATCH (a:Coalition)-[e]->(b:Coalition) WHERE a.id IN $ids AND b.id IN $ids RETURN type(e) AS type",
        {"ids": drawn},
    )
    color = CIRCLES["Coalition"].color
    assert drawing.circles == {(f"L{c['layer']}/C{c['rank']} ({c['size']})", color): 1 for c in nodes.records()}
    assert drawing.arrows == Counter(ARROWS[edge["type"]].color for edge in edges.records())
    captions = {look.color: look.caption for look in ARROWS.values()}
    assert all(captions[color].startswith(caption) for caption, color in drawing.captions)
    assert any(caption for caption, _ in drawing.captions)


def coalitions(graph: Store, name: str, values: dict[str, object]) -> list[str]:
    """The ids of the coalitions on the paths that a query returns."""
    statement = statements.load(name)
    rows = graph.read(statement.text, statement.bind(values)).values
    return sorted({node["id"] for (path,) in rows for node in path.nodes})


def test_a_lineage_is_drawn_in_the_colours_of_its_events(browser: Window, graph: Store, tmp_path: Path) -> None:
    (begin,) = graph.read(statements.load("browser/parameters").text).records()
    drawn = coalitions(graph, "draw_lineage", {"coalition": begin["coalition"]})
    browser.run(statements.load("draw_lineage").title)
    drawing = browser.drawing()
    browser.page.screenshot(path=tmp_path / "lineage.png")
    assert len(drawn) >= 2
    holds(drawing, graph, drawn)


def test_all_events_of_a_run_are_told_apart_by_colour(browser: Window, graph: Store, tmp_path: Path) -> None:
    browser.enter(":param layer => null")
    drawn = coalitions(graph, "draw_events", {"run": RUN})
    browser.run(statements.load("draw_events").title)
    drawing = browser.drawing()
    browser.page.screenshot(path=tmp_path / "events.png")
    holds(drawing, graph, drawn)
    present = graph.read(
        "MATCH (a:Coalition {run: $run})-[e:PERSISTS_AS|SPLITS_INTO|MERGES_INTO]->() RETURN DISTINCT type(e) AS type",
        {"run": RUN},
    )
    events = {ARROWS[row["type"]].color for row in present.records()}
    assert len(events) >= 2
    assert set(drawing.arrows) - {ARROWS["INTERACTS"].color} == events


def test_members_are_drawn_around_their_coalition(browser: Window, graph: Store, tmp_path: Path) -> None:
    (begin,) = graph.read(statements.load("browser/parameters").text).records()
    rows = graph.read(
        "MATCH (n:Neuron)-[m:MEMBER_OF]->(:Coalition {id: $id}) "
        "RETURN toString(n.index) AS index ORDER BY m.utility DESC, n.index LIMIT 50",
        {"id": begin["coalition"]},
    )
    browser.run(statements.load("draw_members").title)
    drawing = browser.drawing()
    browser.page.screenshot(path=tmp_path / "members.png")
    color = CIRCLES["Neuron"].color
    assert {caption for caption, fill in drawing.circles if fill == color} == {row["index"] for row in rows.records()}
    assert drawing.arrows[ARROWS["MEMBER_OF"].color] == len(rows.values)


def test_every_favourite_gives_an_answer(browser: Window) -> None:
    for title in browser.titles():
        assert "ERROR" not in browser.run(title), title
