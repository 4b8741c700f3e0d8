"""Every value a Cypher answer can hold, as JSON and as text."""

import csv
import io
import json
from typing import Any

import neo4j.graph
import neo4j.spatial
import neo4j.time
import pytest

from hedonic_graph import tables
from hedonic_graph.graph.values import plain, shown

GRAPH = neo4j.graph.Graph()


def node(number: int, labels: list[str], **properties: Any) -> neo4j.graph.Node:
    return neo4j.graph.Node(GRAPH, f"n{number}", number, labels, properties)


def edge(source: neo4j.graph.Node, target: neo4j.graph.Node, **properties: Any) -> neo4j.graph.Relationship:
    one = GRAPH.relationship_type("FEEDS")(GRAPH, "e", 0, properties)
    one._start_node, one._end_node = source, target
    return one


RUN = node(1, ["Run"], id="it's \\ one", seed=3)
FEATURE = node(2, ["Feature"], name="overlap")
BARE = node(3, [])
BACK, AROUND = edge(BARE, FEATURE), edge(BARE, BARE)
KEYLESS = node(4, ["B", "A"], x=[1, {"y": None}], t=True, f=0.123456)


@pytest.mark.parametrize(
    ("value", "json_value", "text"),
    [
        (RUN, {"element_id": "n1", "labels": ["Run"], "properties": {"id": "it's \\ one", "seed": 3}},
         "(:Run {id: 'it\\'s \\\\ one'})"),
        (FEATURE, {"element_id": "n2", "labels": ["Feature"], "properties": {"name": "overlap"}},
         "(:Feature {name: 'overlap'})"),
        (BARE, {"element_id": "n3", "labels": [], "properties": {}}, "()"),
        (KEYLESS, {"element_id": "n4", "labels": ["A", "B"], "properties": {"x": [1, {"y": None}], "t": True,
         "f": 0.123456}}, "(:A:B {x: [1, {y: null}], t: true, f: 0.1235})"),
        (edge(RUN, BARE, w=2.0, when=neo4j.time.Date(2024, 2, 29)),
         {"element_id": "e", "type": "FEEDS", "start": "n1", "end": "n3", "properties": {"w": 2.0,
          "when": "2024-02-29"}}, "[:FEEDS {w: 2, when: 2024-02-29}]"),
        (edge(RUN, BARE), {"element_id": "e", "type": "FEEDS", "start": "n1", "end": "n3", "properties": {}},
         "[:FEEDS]"),
        (neo4j.graph.Path(FEATURE, BACK, AROUND),
         {"nodes": [plain(FEATURE), plain(BARE), plain(BARE)], "relationships": [plain(BACK), plain(AROUND)]},
         "(:Feature {name: 'overlap'})<-[:FEEDS]-()-[:FEEDS]->()"),
        (neo4j.graph.Path(BARE), {"nodes": [plain(BARE)], "relationships": []}, "()"),
        (neo4j.time.DateTime(2024, 2, 29, 12, 30, 1, 500), *["2024-02-29T12:30:01.000000500"] * 2),
        (neo4j.time.Time(12, 30), *["12:30:00.000000000"] * 2),
        (neo4j.time.Duration(months=14, days=3, seconds=2), *["P1Y2M3DT2S"] * 2),
        (neo4j.spatial.WGS84Point((1.5, 2)), {"srid": 4326, "x": 1.5, "y": 2.0}, "point({srid: 4326, x: 1.5, y: 2})"),
        (neo4j.spatial.CartesianPoint((1, 2, 3)), {"srid": 9157, "x": 1.0, "y": 2.0, "z": 3.0},
         "point({srid: 9157, x: 1, y: 2, z: 3})"),
        (b"\x00\xff", "0x00ff", "0x00ff"),
        (bytearray(b""), "0x", "0x"),
        (float("inf"), None, float("inf")),
        ([1, [BARE, None], {"a": FEATURE, "b": float("nan")}],
         [1, [plain(BARE), None], {"a": plain(FEATURE), "b": None}],
         [1, ["()", None], {"a": "(:Feature {name: 'overlap'})", "b": pytest.approx(float("nan"), nan_ok=True)}]),
        (None, None, None),
        (True, True, True),
        (2**63 - 1, 2**63 - 1, 2**63 - 1),
        ("a\nb", "a\nb", "a\nb"),
    ],
)  # fmt: skip
def test_as_json_and_as_text(value: Any, json_value: Any, text: Any) -> None:
    assert plain(value) == json_value
    assert shown(value) == text


def test_all_of_them_in_every_form() -> None:
    values = [RUN, neo4j.time.Duration(days=1), b"\x01", [BARE, {"k": neo4j.spatial.CartesianPoint((1, 2))}], None]
    [record] = json.loads(tables.to_json(list("abcde"), [[plain(value) for value in values]]))
    assert record == {name: plain(value) for name, value in zip("abcde", values, strict=True)}
    line = tables.render(list("abcde"), [[shown(value) for value in values]]).splitlines()[2]
    assert line == "(:Run {id: 'it\\'s \\\\ one'})  P1D  0x01  () {k: point({srid: 7203, x: 1, y: 2})}"
    [_, cells] = csv.reader(io.StringIO(tables.to_csv(list("abcde"), [[plain(value) for value in values]])))
    assert cells[1:3] == ["P1D", "0x01"] and cells[4] == ""
    assert [json.loads(cells[0]), json.loads(cells[3])] == [record["a"], record["d"]]
