"""The commands over the graph: answers, and one line with exit code 2 for what the user can put right."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from graph.conftest import Behaviour, Drawing
from graph.drawn import Drawn

import hedonic_graph
from hedonic_graph import results
from hedonic_graph.cli import COMMANDS, main
from hedonic_graph.graph import keeper
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Address, Store


def run(*arguments: str, input: str | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), input=input)


def refused(result: Result) -> str:
    """The one line of an error."""
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error: "), result.stderr
    return lines[0]


@pytest.fixture
def drawn(store: Store, drawing: Drawing) -> Drawn:
    drawn = drawing()
    ingest(drawn, store)
    return drawn


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_ingest_and_then_ask(arguments: list[str], drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawing()
    monkeypatch.setattr(results, "open_results", lambda path, check: drawn, raising=False)
    result = run("ingest", "anything", *arguments)
    assert result.exit_code == 0, result.output
    first, second = (one.id for one in drawn.runs)
    assert f"{first}: loaded, " in result.stdout and f"{second}: loaded, " in result.stdout
    assert " a second" in result.stdout
    result = run("ingest", "anything", "--json", *arguments)
    assert [one["outcome"] for one in json.loads(result.stdout)] == ["present", "present"]
    assert "--replace" in refused(run("ingest", "anything", "--keep", "1", *arguments))

    table = run("query", "splits", "-p", f"run={first}", *arguments).stdout.splitlines()
    assert table[0].split() == "run layer source size target target_size alpha beta z mass fate".split()  # noqa: SIM905
    assert table[2].split() == [
        first, "4", f"{first}/L04/C0000", "5", f"{first}/L06/C0000", "4", "0.550", "0.950", "9.00", "0.600", "split",
    ]  # fmt: skip
    assert len(table) == 4


def test_formats(drawn: Drawn, arguments: list[str]) -> None:
    ask = ["query", "persistence", "-p", f"run={drawn.runs[0].id}", *arguments]
    lines = run(*ask, "--format", "csv").stdout.splitlines()
    assert lines[0].startswith("run,layer,source") and len(lines) == 3
    assert lines[1].endswith(",5,0.8,0.9,7.5,0.5,persist")
    records = json.loads(run(*ask, "--format", "json").stdout)
    assert [record["alpha"] for record in records] == [0.8, 1.0]
    limited = run(*ask, "--format", "json", "--limit", "1")
    assert len(json.loads(limited.stdout)) == 1
    assert limited.stderr == "1 of 2 rows (--limit 0 prints all)\n"


def test_a_table_stops_where_a_screen_does(drawn: Drawn, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedonic_graph.cli.query.TABLE_ROWS", 3)
    ask = ["query", "significant", "-p", f"run={drawn.runs[0].id}", *arguments]
    lines = run(*ask).stdout.splitlines()
    assert len(lines) == 2 + 3 + 1 and lines[-1] == "3 of 7 rows (--limit 0 prints all)"
    assert len(run(*ask, "--limit", "0").stdout.splitlines()) == 2 + 7
    assert len(run(*ask, "--format", "csv").stdout.splitlines()) == 1 + 7


def test_a_bound_that_cuts_is_told(drawn: Drawn, arguments: list[str]) -> None:
    ask = ["query", "strongest", "-p", f"run={drawn.runs[0].id}", *arguments]
    cut = run(*ask, "-p", "limit=2")
    assert cut.stdout.splitlines()[-1] == "-p limit=2 is reached: there may be more"
    cut = run(*ask, "-p", "limit=2", "--format", "json")
    assert len(json.loads(cut.stdout)) == 2 and cut.stderr == "-p limit=2 is reached: there may be more\n"
    assert "is reached" not in run(*ask).output


def test_a_table_leaves_out_what_is_too_wide_for_one(drawn: Drawn, arguments: list[str]) -> None:
    first, last = (f"{drawn.runs[0].id}/{end}" for end in ("L03/C0000", "L04/C0000"))
    ask = ["query", "descendants", "-p", f"coalition={first}", "-p", "steps=1", *arguments]
    head, _, row = run(*ask).stdout.splitlines()
    assert head.endswith("mass") and row.endswith("0.500") and len(row.split()) == 13
    (record,) = json.loads(run(*ask, "--format", "json").stdout)
    assert record["coalitions"] == [first, last]


def test_no_rows_are_explained_with_exit_code_0(drawn: Drawn, arguments: list[str]) -> None:
    result = run("query", "descendants", "-p", f"coalition={drawn.runs[0].id}/L04/C0002", *arguments)
    assert (result.exit_code, result.stdout.split(":")[0]) == (0, "no rows")
    assert "vanishes" in result.stdout
    result = run(
        "query", "descendants", "-p", f"coalition={drawn.runs[0].id}/L04/C0002", "--format", "json", *arguments
    )
    assert json.loads(result.stdout) == []
    assert "vanishes" in result.stderr


def test_runs_list_show_and_delete(drawn: Drawn, arguments: list[str]) -> None:
    first, second = (one.id for one in drawn.runs)
    listed = json.loads(run("runs", "list", "--json", *arguments).stdout)
    assert {first, second} <= {one["run"] for one in listed}
    assert f"{first}  " in run("runs", "list", *arguments).stdout
    assert ["stability_bound", "0.01"] in [
        line.split() for line in run("runs", "show", first, *arguments).stdout.splitlines()
    ]
    assert run("runs", "delete", first, *arguments).stdout == f"{first}: deleted\n"
    listed = json.loads(run("runs", "list", "--json", *arguments).stdout)
    assert [one["run"] for one in listed if one["run"] in (first, second)] == [second]
    assert f"no run or analysis '{first}'" in refused(run("runs", "delete", first, *arguments))


def test_runs_delete_takes_an_analysis(drawn: Drawn, arguments: list[str]) -> None:
    first, second = (one.id for one in drawn.runs)
    assert "no run" in refused(run("runs", "delete", drawn.analysis, "--as", "run", *arguments))
    deleted = run("runs", "delete", drawn.analysis, *arguments)
    assert (deleted.exit_code, deleted.stdout) == (0, f"{first}: deleted\n{second}: deleted\n")
    listed = json.loads(run("runs", "list", "--json", *arguments).stdout)
    assert {first, second}.isdisjoint(one["run"] for one in listed)


def test_the_list_of_queries_needs_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("query")
    assert result.exit_code == 0
    assert re.search(r"^  descendants +What .*\? +coalition \[steps paths\]$", result.stdout, re.MULTILINE)
    assert run("query", "splits", "--show").stdout.startswith("// Splits\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_after_a_query_is_about_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (["descendants", flag], [flag, "descendants", "-p", "steps=2"]):
        result = run("query", *arguments)
        assert result.exit_code == 0
        assert "hedonic-graph query descendants -p coalition=demo/pas.exact/L11/C0003\n" in result.stdout
        assert "  steps      at most so many layer steps (integer from 1, default 3)\n" in result.stdout
    assert "'splts' (nearest: splits)" in refused(run("query", "splts", flag))
    assert run("query", "-", flag).stdout == run("query", flag).stdout
    assert list(tmp_path.iterdir()) == []


def test_unknown_query(arguments: list[str]) -> None:
    assert "'splts' (nearest: splits)" in refused(run("query", "splts", *arguments))


def test_missing_parameter(arguments: list[str]) -> None:
    assert "descendants needs -p coalition=" in refused(run("query", "descendants", *arguments))


@pytest.mark.parametrize("given", ["run", "=x", ""])
def test_a_parameter_that_is_none(given: str, arguments: list[str]) -> None:
    assert "is not KEY=VALUE, for example" in refused(run("query", "splits", "-p", given, *arguments))


def test_a_run_that_is_not_there(drawn: Drawn, arguments: list[str]) -> None:
    wrong = drawn.runs[0].id + "x"
    assert f"no run '{wrong}'" in refused(run("query", "splits", "-p", f"run={wrong}", *arguments))


def test_no_server(closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO4J_URI", f"bolt://127.0.0.1:{closed_port}")
    assert f"no server at bolt://127.0.0.1:{closed_port}" in refused(run("query", "splits"))
    monkeypatch.setenv("NEO4J_URI", f"neo4j://127.0.0.1:{closed_port}")
    assert f"no server at neo4j://127.0.0.1:{closed_port}" in refused(run("runs", "list"))


def test_a_port_that_is_not_bolt(port: Callable[[Behaviour], int]) -> None:
    def speaks_http(connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    uri = f"bolt://127.0.0.1:{port(speaks_http)}"
    assert "does not speak Bolt" in refused(run("query", "splits", "--uri", uri))


@pytest.mark.parametrize(
    "uri",
    ["127.0.0.1:7687", "http://127.0.0.1:7474", "bolt://", "nonsense", "bolt://127.0.0.1:port", "bolt://host.invalid"],
)
def test_an_address_that_is_none(uri: str) -> None:
    assert uri in refused(run("query", "splits", "--uri", uri))


def test_a_wrong_password(store: Store, address: Address, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = address.uri
    if uri is None:
        running = keeper.status(folder)
        assert running is not None
        uri = running.uri
    monkeypatch.setenv("NEO4J_URI", uri)
    monkeypatch.setenv("NEO4J_USERNAME", "neo4j")
    monkeypatch.setenv("NEO4J_PASSWORD", "not-the-password")
    line = refused(run("query", "splits"))
    assert "refuses user 'neo4j': wrong user name or password" in line and "not-the-password" not in line


def test_a_database_that_is_not_there(
    store: Store, address: Address, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, user, password = address.uri, address.user, address.password
    if uri is None:
        running = keeper.status(folder)
        assert running is not None
        uri, user, password = running.uri, keeper.USER, (folder / "password").read_text()
    monkeypatch.setenv("NEO4J_PASSWORD", str(password))
    line = refused(run("query", "splits", "--uri", uri, "--user", str(user), "--database", "nowhere"))
    assert "has no database 'nowhere'" in line


def test_the_password_is_asked_for_and_not_echoed(store: Store, address: Address, folder: Path) -> None:
    uri, user, password = address.uri, address.user, address.password
    if uri is None:
        running = keeper.status(folder)
        assert running is not None
        uri, user, password = running.uri, keeper.USER, (folder / "password").read_text()
    result = run("runs", "list", "--uri", uri, "--user", str(user), "--password", input=f"{password}\n")
    assert result.exit_code == 0, result.output
    assert str(password) not in result.output


def test_a_user_without_a_password() -> None:
    line = refused(run("runs", "list", "--uri", "bolt://127.0.0.1:1", "--user", "ann"))
    assert line == "Error: no password for user 'ann': set NEO4J_PASSWORD, or let --password ask for it"


def test_a_login_in_the_address_is_not_printed(closed_port: int) -> None:
    line = refused(run("runs", "list", "--uri", f"bolt://ann:secret@127.0.0.1:{closed_port}"))
    assert "secret" not in line


def test_two_addresses() -> None:
    assert "give one of them" in refused(run("runs", "list", "--uri", "bolt://x", "--store", "y"))


def test_no_store_yet(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    for command in (["query", "splits"], ["runs", "list"], ["runs", "delete", "x"]):
        assert "nothing ingested yet" in refused(run(*command, "--store", str(folder)))
    assert not folder.exists()
    assert run("store", "status", "--store", str(folder)).stdout == f"no store at {folder}\n"
    assert "no store at" in refused(run("store", "stop", "--store", str(folder)))


def test_store_status(store: Store, folder: Path) -> None:
    keeper.attach(folder).close()
    told = json.loads(run("store", "status", "--store", str(folder), "--json").stdout)
    assert told["running"] and told["uri"].startswith("bolt://127.0.0.1:")
    assert told["database"] == "neo4j"
    logins = [(told["user"], told["password_file"]), (told["reader"], told["reader_password_file"])]
    assert logins == [("root", str(folder / "password")), ("reader", str(folder / "reader.password"))]
    text = run("store", "status", "--store", str(folder)).stdout
    assert told["uri"] in text
    for user, file in logins:
        assert f"user {user}, password in {file}" in text and Path(file).read_text() not in text


def test_an_unexpected_error_is_one_line_and_debug_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a\nb")

    monkeypatch.setattr("hedonic_graph.graph.statements.load", broken)
    result = run("query", "splits")
    assert result.exit_code == 1
    assert result.stderr == "Error: unexpected RuntimeError: a b (`hedonic-graph --debug ...` shows where)\n"
    assert isinstance(run("--debug", "query", "splits").exception, RuntimeError)


def test_a_full_disk_and_an_interrupt_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "x.parquet")

    monkeypatch.setattr("hedonic_graph.graph.statements.load", full)
    assert refused(run("query", "splits")).startswith("Error: the disk is full writing x.parquet")

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hedonic_graph.graph.statements.load", interrupted)
    result = run("query", "splits")
    assert (result.exit_code, result.stderr) == (130, "\nInterrupted.\n")
    monkeypatch.setattr("hedonic_graph.graph.store.connect", interrupted)
    result = run("runs", "list")
    assert (result.exit_code, result.stderr) == (
        130,
        "\nInterrupted: the same command continues where this one stopped.\n",
    )


@pytest.mark.parametrize("command", ["ingest", "query", "runs", "runs list", "runs delete", "store", "store start"])
def test_every_help_ends_with_an_example(command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    assert f"hedonic-graph {command}" in result.stdout.partition("Example")[2]


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from hedonic_graph.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "main(['query', '--help'], standalone_mode=False)\n"
        "heavy = {'torch', 'transformers', 'pandas', 'numpy', 'neo4j'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(Path(hedonic_graph.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)
