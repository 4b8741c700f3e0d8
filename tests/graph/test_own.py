"""The user's own Cypher: it only reads, whatever it says, and every mistake in it is one line."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from graph.conftest import Drawing, snapshot
from graph.drawn import Drawn
from graph.test_commands import refused, run

import hedonic_graph
from hedonic_graph.errors import UserError
from hedonic_graph.graph import keeper
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.reading import AHEAD
from hedonic_graph.graph.store import Address, Store, resolve

# Statements that write, each in another way. $id is a coalition that is there.
WRITES = (
    "CREATE (:Coalition {id: $id + '/new'})",
    "CREATE (n:Coalition {id: $id + '/new'}) RETURN n",
    "CREATE (:NeverSeen {id: $id})",
    "MERGE (c:Coalition {id: $id + '/new'})",
    "MERGE (c:Coalition {id: $id}) ON MATCH SET c.size = 0",
    "MATCH (c:Coalition {id: $id}) SET c.size = 0",
    "MATCH (c:Coalition {id: $id}) SET c.size = 0 RETURN c.size",
    "MATCH (c:Coalition {id: $id}) SET c += {size: 0}",
    "MATCH (c:Coalition {id: $id}) SET c:Extra",
    "MATCH (c:Coalition {id: $id})-[e:INTERACTS]->() SET e.mass = 0.0",
    "MATCH (c:Coalition {id: $id}) REMOVE c.size",
    "MATCH (c:Coalition {id: $id}) REMOVE c:Coalition",
    "MATCH (c:Coalition {id: $id}) DETACH DELETE c",
    "MATCH (c:Coalition {id: $id})-[e]-() DELETE e",
    "MATCH (a:Coalition {id: $id})-[:INTERACTS]->(b) CREATE (a)-[:INTERACTS]->(b)",
    "MATCH (a:Coalition {id: $id})-[:INTERACTS]->(b) MERGE (a)-[:NEVER_SEEN]->(b)",
    "FOREACH (i IN [1, 2] | CREATE (:Coalition {id: $id + toString(i)}))",
    "MATCH (c:Coalition {id: $id}) FOREACH (x IN [c] | SET x.size = 0) RETURN c.size",
    "UNWIND [1] AS x CALL { WITH x CREATE (:Coalition {id: $id + '/sub'}) RETURN 1 AS y } RETURN y",
    "CALL { MATCH (c:Coalition {id: $id}) SET c.size = 0 RETURN 1 AS y } RETURN y",
    "UNWIND [1, 2] AS x CALL { WITH x CREATE (:Coalition {id: $id + toString(x)}) } IN TRANSACTIONS OF 1 ROWS",
    "UNWIND [1, 2] AS x CALL (x) { MATCH (c:Coalition {id: $id}) SET c.size = x } IN TRANSACTIONS OF 1 ROWS",
    "LOAD CSV FROM 'file:///etc/hostname' AS line CREATE (:Coalition {id: line[0]})",
    "CREATE INDEX never_seen FOR (c:Coalition) ON (c.drop)",
    "CREATE INDEX never_seen FOR (c:NeverSeen) ON (c.drop)",
    "CREATE CONSTRAINT never_seen FOR (c:NeverSeen) REQUIRE c.id IS UNIQUE",
    "DROP CONSTRAINT $constraint",
    "DROP INDEX never_seen",
    "CALL db.createLabel('NeverSeen')",
    "CALL db.createProperty('never_seen')",
    "CALL merge.node(['Coalition'], {id: $id + '/merged'})",
    "CREATE USER never_seen SET PASSWORD 'never-seen-1'",
    "DROP USER root",
    "CREATE DATABASE neverseen",
    "PROFILE CREATE (:Coalition {id: $id + '/profiled'})",
    "PROFILE MATCH (c:Coalition {id: $id}) SET c.size = 0",
    "INSERT (:Coalition {id: $id + '/gql'})",
    # What the embedded store's other languages would take.
    "INSERT INTO Coalition SET id = 'never seen'",
    "CREATE VERTEX Coalition SET id = 'never seen'",
    "UPDATE Coalition SET size = 0",
    "TRUNCATE TYPE Coalition UNSAFE",
    "CREATE VERTEX TYPE NeverSeen",
    "MATCH (c:Coalition {id: $id}) RETURN c; CREATE (:Coalition {id: $id + '/second'})",
)


def everything(store: Store, drawn: Drawn) -> list[object]:
    """The whole of an analysis, and what there is in the store beside rows."""
    schema = [
        sorted(str(value) for row in store.read(f"SHOW {kind} YIELD name").values for value in row)
        for kind in ("INDEXES", "CONSTRAINTS")
    ]
    labels = sorted(str(row[0]) for row in store.read("CALL db.labels()").values)
    stray = store.read(
        "MATCH (n) WHERE n.id CONTAINS 'never seen' OR n:NeverSeen OR n:Extra RETURN count(n) AS n"
    ).values
    return [snapshot(store, drawn), *schema, labels, stray]


@pytest.fixture
def drawn(store: Store, drawing: Drawing) -> Drawn:
    drawn = drawing()
    ingest(drawn, store)
    return drawn


def test_every_kind_of_write_is_refused_and_nothing_is_written(
    store: Store, drawn: Drawn, arguments: list[str], tmp_path: Path
) -> None:
    coalition = f"{drawn.runs[0].id}/L03/C0000"
    before = everything(store, drawn)
    file = tmp_path / "write.cypher"
    survived = []
    for statement in WRITES:
        file.write_text(statement.replace("$constraint", "coalition_id"))
        result = run("query", "--file", str(file), "-p", f"id={coalition}", *arguments)
        if result.exit_code != 2 or result.stdout or everything(store, drawn) != before:
            survived.append((statement, result.output))
            continue
        assert len(result.stderr.splitlines()) == 1, result.stderr
    assert survived == []


def test_the_message_says_that_a_query_reads(drawn: Drawn, arguments: list[str]) -> None:
    line = refused(run("query", "-", *arguments, input="CREATE (:Coalition {id: 'never seen'})"))
    assert line.startswith("Error: standard input: a query may only read, ") and "wrote nothing (" in line
    # Rows that were changed on the way do not reach the screen either.
    line = refused(run("query", "-", *arguments, input="MATCH (c:Coalition) SET c.size = 0 RETURN c.size"))
    assert "a query may only read" in line


def test_who_may_write_cannot_ask_an_arcadedb_by_its_address(
    address: Address, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if address.folder is None:
        assert store.server.startswith("Neo4j/") and "ArcadeDB" not in store.server
        store.require_guard()
        return
    running = keeper.status(folder)
    assert running is not None
    login = ["--uri", running.uri, "--user"]
    monkeypatch.setenv("NEO4J_PASSWORD", keeper.password_file(folder, keeper.USER).read_text())
    line = refused(
        run("query", "-", *login, keeper.USER, input="CREATE INDEX never_seen FOR (c:Coalition) ON (c.drop)")
    )
    assert "log in as 'reader'" in line
    # The questions of the package may be asked, they only read.
    assert run("query", "runs", *login, keeper.USER).exit_code == 0
    monkeypatch.setenv("NEO4J_PASSWORD", keeper.password_file(folder, keeper.READER).read_text())
    assert run("query", "-", *login, keeper.READER, input="RETURN 1 AS one").stdout.splitlines() == [
        "one",
        "---",
        "  1",
    ]


def test_parameters_of_every_json_type(arguments: list[str]) -> None:
    given = {
        "text": ("it's $x; `y`", "it's $x; `y`"),
        "quoted": ('"7"', "7"),
        "whole": ("-9223372036854775808", -(2**63)),
        "number": ("2.5e-3", 0.0025),
        "true": ("true", True),
        "false": ("false", False),
        "null": ("null", None),
        "list": ('[1, "a", null, [true, 2.5]]', [1, "a", None, [True, 2.5]]),
        "map": ('{"a": {"b": [1, {"c": null}]}, "d e": "f"}', {"a": {"b": [1, {"c": None}]}, "d e": "f"}),
        "empty": ("", ""),
        "unfinished": ("[1, ", "[1, "),
        "not_json": ("NaN", "NaN"),
        "equals": ("a=b", "a=b"),
    }
    options = [part for name, (text, _) in given.items() for part in ("-p", f"{name}={text}")]
    statement = "RETURN " + ", ".join(f"${name} AS `{name}`" for name in given)
    result = run("query", "-", *options, "--format", "json", *arguments, input=statement)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == [{name: value for name, (_, value) in given.items()}]


def test_a_copy_of_a_question_keeps_its_defaults_and_types(drawn: Drawn, arguments: list[str], tmp_path: Path) -> None:
    copy = tmp_path / "mine.cypher"
    copy.write_text(run("query", "descendants", "--show").stdout)
    ask = ["-p", f"coalition={drawn.runs[0].id}/L03/C0000", "--format", "csv", *arguments]
    result = run("query", "--file", str(copy), *ask)
    assert result.exit_code == 0 and result.stdout == run("query", "descendants", *ask).stdout
    assert "steps is 'x': it must be a whole number" in refused(
        run("query", "--file", str(copy), *ask, "-p", "steps=x")
    )


def test_nodes_edges_and_paths_can_be_read(drawn: Drawn, arguments: list[str]) -> None:
    run_id = drawn.runs[0].id
    statement = (
        "MATCH p = (a:Coalition {id: $id})<-[:PERSISTS_AS]-(b) "
        "RETURN p, relationships(p)[0] AS e, b, [a.size, null, {x: b.size}] AS l, date('2024-02-29') AS d, "
        "duration('P1DT2H') AS h, point({x: 1.5, y: 2}) AS at"
    )
    ask = ["query", "-", "-p", f"id={run_id}/L04/C0000", *arguments]
    columns, _, row = run(*ask, input=statement).stdout.splitlines()
    assert columns.split() == ["p", "e", "b", "l", "d", "h", "at"]
    first, second = f"(:Coalition {{id: '{run_id}/L04/C0000'}})", f"(:Coalition {{id: '{run_id}/L03/C0000'}})"
    assert row.startswith(f"{first}<-[:PERSISTS_AS]-{second}  [:PERSISTS_AS {{")
    assert f"}}]  {second}  5 null {{x: 5}}  2024-02-29  P1DT2H  point({{srid: " in row and "alpha: 0.8" in row

    [record] = json.loads(run(*ask, "--format", "json", input=statement).stdout)
    assert [one["properties"]["id"] for one in record["p"]["nodes"]] == [f"{run_id}/L04/C0000", f"{run_id}/L03/C0000"]
    assert record["p"]["relationships"] == [record["e"]]
    assert record["e"]["type"] == "PERSISTS_AS" and record["e"]["properties"]["alpha"] == 0.8
    assert [record["e"]["start"], record["e"]["end"]] == [node["element_id"] for node in record["p"]["nodes"][::-1]]
    assert record["b"]["labels"] == ["Coalition"] and record["b"]["properties"]["fate"] == "persist"
    assert record["l"] == [5, None, {"x": 5}]
    assert (record["d"], record["h"], record["at"]["x"], record["at"]["y"]) == ("2024-02-29", "P1DT2H", 1.5, 2.0)

    header, cells = csv.reader(io.StringIO(run(*ask, "--format", "csv", input=statement).stdout))
    assert header == columns.split()
    assert json.loads(cells[0]) == record["p"] and json.loads(cells[3]) == record["l"] and cells[4] == "2024-02-29"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("MATCH (n)\nRETRUN n", r"[Ii]nput 'RETRUN'.*line 2"),
        ("MATCH (n) RETURN n.id AS", r"line 1"),
        ("RETURN no_such_function(1)", "no_such_function"),
        ("RETURN $missing", r"parameter\(s\): missing"),
        ("CALL no.such.procedure()", r"no\.such\.procedure"),
        ("RETURN m", "m"),
        ("RETURN 1/0", "/ by zero"),
        ("UNWIND range(1, 5000) AS x RETURN 1 / (x - 7)", "/ by zero"),
    ],
)
def test_a_wrong_statement_is_one_line_with_the_servers_reason(
    statement: str, said: str, arguments: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "wrong.cypher"
    file.write_text(statement)
    result = run("query", "--file", str(file), *arguments)
    line = refused(result)
    assert line.startswith(f"Error: {file}: ")
    assert pytest.raises(UserError, match=said).matches(UserError(line)), line


def test_debug_shows_what_the_driver_said(arguments: list[str]) -> None:
    result = run("--debug", "query", "-", *arguments, input="RETRUN 1")
    assert isinstance(result.exception, UserError)
    assert type(result.exception.__cause__).__name__ == "CypherSyntaxError"


def test_names_that_are_not_there_are_no_rows(address: Address, arguments: list[str]) -> None:
    result = run("query", "-", *arguments, input="MATCH (c:Coaltion) RETURN c.id AS id")
    assert result.exit_code == 0 and result.stdout.startswith("no rows: ")
    if address.folder is None:
        assert "`Coaltion`" in result.stdout
    result = run("query", "-", "--format", "json", *arguments, input="MATCH (c:Coaltion) RETURN c.id AS id")
    assert result.stdout == "[]\n" and result.stderr.startswith("no rows: ")


def test_a_plan_is_printed(arguments: list[str]) -> None:
    for word in ("EXPLAIN", "PROFILE"):
        result = run("query", "-", *arguments, input=f"{word} MATCH (c:Coalition) RETURN count(c) AS n")
        assert result.exit_code == 0 and "Coalition" in result.stdout and len(result.stdout.splitlines()) > 3
    assert result.stdout.splitlines()[0].strip() == "n"


def test_a_large_answer_is_counted_so_far(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    statement = "UNWIND range(1, 4000) AS x RETURN x"
    table = run("query", "-", *arguments, input=statement).stdout.splitlines()
    assert len(table) == 2 + 50 + 1 and table[-1] == "50 of 4,000 rows (--limit 0 prints all)"
    monkeypatch.setattr("hedonic_graph.cli.query.COUNTED", 2_000)
    limited = run("query", "-", "--format", "csv", "--limit", "3", *arguments, input=statement)
    assert limited.stdout.split() == ["x", "1", "2", "3"]
    assert limited.stderr == "3 of more than 2,003 rows (--limit 0 prints all)\n"
    whole = run("query", "-", "--format", "json", *arguments, input=statement)
    assert [row["x"] for row in json.loads(whole.stdout)] == list(range(1, 4001)) and whole.stderr == ""


def test_a_large_answer_passes_through(store: Store) -> None:
    """20 MB in 20,000 rows, of which a few thousand are here at a time."""
    statement = "UNWIND range(1, 20000) AS x RETURN x, reduce(t = '', i IN range(1, 100) | t + 'abcdefghij') AS text"
    tracemalloc.start()
    try:
        with store.reading(statement) as answer:
            total = sum(row[0] + len(row[1]) for row in answer.rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 20_000 * 20_001 // 2 + 20_000_000
    assert peak < 12_000_000, peak


def test_rows_that_nobody_reads_are_left_with_the_server(store: Store) -> None:
    with store.reading(f"UNWIND range(1, {3 * AHEAD}) AS x RETURN x") as answer:
        assert [next(answer.rows), next(answer.rows)] == [(1,), (2,)]
    assert store.read("RETURN 1").values == [(1,)]


def started(statement: str, arguments: list[str], *options: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "hedonic_graph.cli", "query", "-", *options, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(hedonic_graph.__file__).parents[1])},
    )
    assert process.stdin is not None
    process.stdin.write(statement)
    process.stdin.close()
    process.stdin = None
    return process


def test_an_interrupt_ends_it_at_once(store: Store, arguments: list[str]) -> None:
    # Its first rows come at once, its end not for a long time.
    slow = "UNWIND range(1, 6000000) AS x UNWIND range(1, 100) AS y WITH x WHERE x < 3000 OR x % 7 = 8 RETURN x"
    process = started(slow, arguments, "--format", "csv")
    assert process.stdout is not None
    assert process.stdout.readline() == "x\n"
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130 and "Traceback" not in told and "Interrupted" in told, told
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("access", ["read", "write"])
def test_an_interrupt_of_any_statement_comes_out_as_one(store: Store, access: str) -> None:
    # Of about ten seconds: the embedded store takes that to its end, whoever waits for it.
    slow = "UNWIND range(1, $x) AS x UNWIND range(1, 100000) AS y WITH x, y WHERE x * y % 7 = 8 RETURN count(x) AS c"
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        began = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            getattr(store, access)(slow, {"x": 200 if store.embedded else 3000})
        assert time.monotonic() - began < 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    assert store.read("RETURN 1 AS one").records() == [{"one": 1}]


def test_a_closed_pipe_is_no_error(store: Store, arguments: list[str]) -> None:
    process = started("UNWIND range(1, 100000) AS x RETURN x", arguments, "--format", "csv")
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == "x\n"
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    process.wait(120)
    assert told == ""


def test_an_address_of_the_environment_is_asked_too(
    address: Address, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if address.uri is None:
        monkeypatch.setenv("HEDONIC_STORE", str(address.folder))
    else:
        monkeypatch.setenv("NEO4J_URI", address.uri)
        monkeypatch.setenv("NEO4J_USERNAME", str(address.user))
    assert run("query", "-", "--format", "csv", input="RETURN 7 AS n").stdout == "n\n7\n"
    assert resolve().uri == address.uri
