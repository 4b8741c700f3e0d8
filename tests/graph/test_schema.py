"""The schema as data against the statements and against what lies in a store."""

import re
from pathlib import Path

import pytest
from graph.conftest import Drawing
from graph.drawn import SHUFFLED

from hedonic_graph.errors import UserError
from hedonic_graph.graph import schema, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.schema_page import page
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


CREATES = {
    "neurons": ["Neuron"],
    "coalitions": ["Coalition", "FOUND_IN"],
    "members": ["MEMBER_OF"],
    "preferences": ["PREFERS"],
    "interactions": ["INTERACTS"],
    "persist": ["PERSISTS_AS"],
    "split": ["SPLITS_INTO"],
    "merge": ["MERGES_INTO"],
    "alignments": ["ALIGNS_WITH"],
}


@pytest.mark.parametrize("name", CREATES)
def test_each_load_statement_writes_the_properties_of_the_schema_and_no_others(name: str) -> None:
    body = re.sub(r"//.*", "", statements.load(f"load/{name}").text)
    found = re.findall(r"CREATE \(\w*\)?-?[(\[]?\w*:(\w+)(?: (\{[^}]*\}))?", body.replace("\n", " "))
    assert [what for what, _ in found] == CREATES[name]
    every = {node.label: node.properties for node in schema.NODES}
    every |= {one.type: one.properties for one in schema.RELATIONSHIPS}
    for what, written in found:
        pairs = re.findall(r"(\w+): ([^,{}]+?)\s*(?=[,}])", written)
        assert sorted(property for property, _ in pairs) == sorted(property.name for property in every[what])
        for property, value in pairs:
            # From the parameter of its own name, a list or one for all; keys alone are put together.
            assert value in (f"${property}", f"${property}[i]") or property == "id", (property, value)


def test_every_load_statement_is_one_of_them_or_keeps_the_books() -> None:
    assert set(statements.names("load")) == {*CREATES, "run", "part", "parts", "state", "complete"}


def test_the_page_in_the_readme_is_that_of_the_schema() -> None:
    readme = Path(__file__).parents[2] / "README.md"
    assert f"\n\n{page()}\n\n" in readme.read_text(encoding="utf-8")


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
            assert {property.name for property in node.properties if not property.optional} <= set(row["p"])
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
            assert {property.name for property in relationship.properties if not property.optional} <= set(row["p"])
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
