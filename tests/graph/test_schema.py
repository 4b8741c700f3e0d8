"""The schema as data against the statements and against what lies in a store."""

import re

import pytest
from graph.conftest import Drawing
from graph.drawn import SHUFFLED

from hedonic_graph.errors import UserError
from hedonic_graph.graph import schema, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Store

PYTHON = {"STRING": str, "INTEGER": int, "FLOAT": float, "BOOLEAN": bool, "LIST<INTEGER>": list}


def test_the_schema_statements_are_those_of_the_schema() -> None:
    expected = {}
    for node in schema.NODES:
        name = f"{node.label.lower()}_{node.key}"
        expected[name] = f"CONSTRAINT hedonic_{name} IF NOT EXISTS FOR (n:{node.label}) REQUIRE n.{node.key} IS UNIQUE"
        for properties in node.indexes:
            name = f"{node.label.lower()}_{'_'.join(properties)}"
            keys = ", ".join(f"n.{key}" for key in properties)
            expected[name] = f"INDEX hedonic_{name} IF NOT EXISTS FOR (n:{node.label}) ON ({keys})"
    written = {name: statements.load(f"schema/{name}").text.splitlines()[-1] for name in statements.names("schema")}
    assert written == {name: f"CREATE {statement}" for name, statement in expected.items()}


def test_statements_know_only_labels_and_types_of_the_schema() -> None:
    labels = {node.label for node in schema.NODES}
    types = {relationship.type for relationship in schema.RELATIONSHIPS}
    for folder in ("", "load/", "delete/", "check/"):
        for name in statements.names(folder):
            body = re.sub(r"//.*", "", statements.load(folder + name).text)
            assert set(re.findall(r"\(\w*:(\w+)", body)) <= labels, name
            assert set(re.findall(r"[\[|](?:\w*:)?([A-Z][A-Z_]+)", body)) <= types, name


def test_what_is_loaded_is_what_the_schema_says(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    ingest(drawn, store)
    seen = set()
    for node in schema.NODES:
        types = {property.name: PYTHON[property.type] for property in node.properties}
        if node.label == "Run":
            types |= {"utility": str, "k": int, "stability_bound": float, **dict.fromkeys(SHUFFLED, list)}
        rows = store.read(
            f"MATCH (n:{node.label}) WHERE n.{node.key} STARTS WITH $a OR n.{node.key} STARTS WITH $m "
            "RETURN properties(n) AS p",
            {"a": drawn.analysis, "m": drawn.model_id},
        )
        for row in rows.records():
            seen.add(node.label)
            assert {key: type(value) for key, value in row["p"].items()}.items() <= types.items()
    for relationship in schema.RELATIONSHIPS:
        types = {property.name: PYTHON[property.type] for property in relationship.properties}
        rows = store.read(
            f"MATCH (s)-[e:{relationship.type}]->(t) WHERE s.id STARTS WITH $a OR s.id STARTS WITH $m "
            "RETURN properties(e) AS p, labels(s) AS s, labels(t) AS t",
            {"a": drawn.analysis, "m": drawn.model_id},
        )
        for row in rows.records():
            seen.add(relationship.type)
            assert {key: type(value) for key, value in row["p"].items()}.items() <= types.items()
            assert (row["s"], row["t"]) == ([relationship.source], [relationship.target])
    everything = {node.label for node in schema.NODES} | {relationship.type for relationship in schema.RELATIONSHIPS}
    assert seen == everything


def test_keys_are_unique_in_the_store(store: Store, drawing: Drawing) -> None:
    drawn = drawing()
    ingest(drawn, store)
    for label, key in (
        ("Coalition", schema.coalition_id(drawn.runs[0].id, 3, 0)),
        ("Neuron", schema.neuron_id(drawn.model_id, 3, 0)),
        ("Run", drawn.runs[0].id),
        ("Model", drawn.model_id),
    ):
        with pytest.raises(UserError, match="already"):
            store.write(f"CREATE (n:{label} {{id: $id}})", {"id": key})


def test_ids_are_as_the_design_writes_them() -> None:
    assert schema.neuron_id("m", 7, 123) == "m/L07/N00123"
    assert schema.coalition_id("a/pas.exact", 7, 12) == "a/pas.exact/L07/C0012"
