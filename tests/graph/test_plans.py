"""Every statement of cypher/ finds where it begins by an index: planned by real servers on a graph of some size."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import neo4j
import pytest
from graph.plans import Plan, embedded_faults, neo4j_faults, operators

from hedonic_graph.bench.questions import Asker, Effort
from hedonic_graph.bench.synthetic import Scale, Synthetic
from hedonic_graph.graph import runs, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Address, Store

# Enough for the planner to see what an index is worth: 4,096 neurons, 500 coalitions of two runs each.
SCALE = Scale(layers=4, neurons=1024, coalitions=500, edges=10_000)
# Those of schema/ make the indexes.
FOLDERS = ("load/", "delete/", "check/", "browser/", "bench/")
OWN = [f"{folder}{name}" for folder in FOLDERS for name in statements.names(folder)]

# The embedded store says by which index it finds something only when it has done so, and of edges nothing at all.
on_neo4j = pytest.mark.parametrize("address", ["neo4j"], indirect=True)


@dataclass
class Loaded:
    """A graph of some size, and what to ask of it."""

    store: Store
    results: Synthetic

    def values(self, name: str) -> dict[str, Any]:
        """Parameters of a query, with what is in the graph."""
        return Asker(self.results, Effort(starts=1, repeats=1)).values(statements.load(name))[0]

    def run(self, text: str, values: dict[str, Any]) -> neo4j.ResultSummary:
        """Run a statement as it is, for what the server says of its plan."""
        # What a plan is asked for with is no part of a statement, so the store has no word for it.
        with self.store._session(neo4j.WRITE_ACCESS) as session:
            result = session.run(text, values)
            # Neo4j profiles a result only where it was fetched to its end.
            list(result)
            return result.consume()

    def plan(self, text: str, values: dict[str, Any] | None = None) -> Plan:
        """The plan of a statement on Neo4j; with its values it is run, and the plan counts what that took."""
        summary = self.run(("EXPLAIN " if values is None else "PROFILE ") + text, values or {})
        plan = summary.plan if values is None else summary.profile
        assert plan is not None
        return plan

    def faults(self, text: str, values: dict[str, Any]) -> list[str]:
        """What no index serves in a statement that only reads."""
        if not self.store.embedded:
            return neo4j_faults(self.plan(text, values))
        found = []
        # The embedded store does not say how it runs the parts of a UNION.
        for part in re.split(r"\bUNION(?: ALL)?\b", "\n".join(line for line in text.splitlines() if line[:2] != "//")):
            profile = self.run(f"PROFILE {part}", values).profile
            assert profile is not None
            found += embedded_faults(profile["args"]["string-representation"])
        return found


@pytest.fixture(scope="module")
def loaded(store: Store) -> Iterator[Loaded]:
    tag = f"test-{uuid.uuid4().hex[:12]}"
    results = Synthetic(SCALE, name=f"{tag}/one", runs=2, hold=None)
    # Another adapter on the same base model, for the queries that look across.
    other = Synthetic(SCALE, name=f"{tag}/two", hold=None)
    other.model = replace(other.model, name=results.model.name)
    for one in (results, other):
        ingest(one, store)
    loaded = Loaded(store, results)
    if not store.embedded:
        loaded.run("CALL db.awaitIndexes(60)", {})
        loaded.run("CALL db.prepareForReplanning(60)", {})
    yield loaded
    for run in results.runs + other.runs:
        runs.delete(store, run.id)


@pytest.mark.parametrize("name", statements.names())
def test_a_query_begins_at_an_index(loaded: Loaded, name: str) -> None:
    assert loaded.faults(statements.load(name).text, loaded.values(name)) == []


@on_neo4j
@pytest.mark.parametrize("name", OWN)
def test_a_statement_of_the_package_begins_at_an_index(address: Address, loaded: Loaded, name: str) -> None:
    assert neo4j_faults(loaded.plan(statements.load(name).text)) == []


def remarks(summary: neo4j.ResultSummary) -> list[str]:
    """What the server has against a statement: it is slow, or it will not be understood for long."""
    against = (neo4j.NotificationClassification.PERFORMANCE, neo4j.NotificationClassification.DEPRECATION)
    return [
        one.status_description
        for one in summary.gql_status_objects
        if one.is_notification and one.classification in against
    ]


@on_neo4j
@pytest.mark.parametrize("name", [*statements.names(), *OWN])
def test_the_server_has_nothing_against_a_statement(address: Address, loaded: Loaded, name: str) -> None:
    statement = statements.load(name)
    values = {parameter.name: parameter.value for parameter in statement.parameters}
    assert remarks(loaded.run(f"EXPLAIN {statement.text}", values)) == []


@on_neo4j
def test_what_the_server_has_against_a_statement_is_found(address: Address, loaded: Loaded) -> None:
    assert len(remarks(loaded.run("EXPLAIN MATCH (a:Run), (b:Neuron) RETURN a.id, b.id", {}))) == 1
    assert len(remarks(loaded.run("EXPLAIN MATCH (a:Run) CALL { WITH a RETURN a.id AS id } RETURN id", {}))) == 1


@pytest.mark.parametrize("label", ["Coalition", "Neuron"])
def test_a_label_without_an_index_is_found(loaded: Loaded, label: str) -> None:
    (fault,) = loaded.faults(f"MATCH (n:{label} {{rank: $rank}}) RETURN n.id", {"rank": 3})
    assert label in fault


@on_neo4j
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("MATCH (n) WHERE n.size > $least RETURN n.id", "AllNodesScan"),
        ("MATCH ()-[i:INTERACTS]->() WHERE i.z > $least RETURN i.flow", "DirectedRelationshipTypeScan"),
        ("MATCH ()-[e]->() WHERE e.z > $least RETURN type(e)", "DirectedAllRelationshipsScan"),
        ("MATCH (n:Neuron) WHERE n.layer = 7 OR n.id ENDS WITH '5' RETURN count(n)", "NodeByLabelScan"),
        ("MATCH (n:Neuron) WHERE n.model ENDS WITH '5' RETURN count(n)", "NodeIndexScan"),
        (
            "MATCH (a:Coalition), (b:Coalition) WHERE a.id STARTS WITH $layer AND b.id STARTS WITH $layer "
            "AND a.size < b.size RETURN count(*)",
            "CartesianProduct",
        ),
    ],
)
def test_what_has_no_index_is_found(address: Address, loaded: Loaded, text: str, fault: str) -> None:
    values = {"least": 3, "layer": f"{loaded.results.runs[0].id}/L07/"}
    assert [one for one in loaded.faults(text, values) if one.startswith(fault)]


@on_neo4j
@pytest.mark.parametrize(
    "text",
    [
        "MATCH (r:Run {id: $run})-[:ANALYSES]->(m:Model), (o:Run {id: $other})-[:ANALYSES]->(w:Model) RETURN m.id",
        "MATCH (a:Coalition {id: $run}), (b:Coalition {id: $other}) RETURN a.id, b.id",
        "MATCH (r:Run)-[:ANALYSES]->(m:Model) RETURN r.id, m.id",
    ],
)
def test_what_reads_little_is_no_fault(address: Address, loaded: Loaded, text: str) -> None:
    assert loaded.faults(text, {"run": "x", "other": "y"}) == []


def test_no_folder_of_statements_is_left_out() -> None:
    folders = {path.parent.name for path in statements.directory().glob("*/*.cypher")}
    assert folders == {folder.rstrip("/") for folder in FOLDERS} | {"schema"}


@on_neo4j
def test_a_query_of_one_run_does_not_look_at_the_others(address: Address, loaded: Loaded) -> None:
    first, second = (run.id for run in loaded.results.runs)
    most = sum(len(loaded.results.edges(loaded.results.runs[0], layer, 20)) for layer in loaded.results.layers)
    for name in statements.names():
        statement = statements.load(name)
        given = {parameter.name for parameter in statement.parameters}
        if "run" not in given or given & {"other", "across"}:
            continue
        both = {run: loaded.plan(statement.text, loaded.values(name) | {"run": run}) for run in (first, second)}
        for plan in both.values():
            assert max(operator["args"].get("Rows", 0) for operator in operators(plan)) <= most, name
