"""A store that is not there, or not for this user: one line, exit code 2, and soon."""

import socket
import time
from collections.abc import Iterator

import pytest
from faults.conftest import Ground, finish, program, refused
from faults.contents import contents, counts
from neo4j_server.server import Neo4jServer

ANALYSIS = {"name": "refused", "scale": {"layers": 2, "neurons": 60, "coalitions": 10, "edges": 10}}
SOON = 60.0


def ingest(server: Neo4jServer, uri: str, *arguments: str, password: str | None = None) -> str:
    process = program(
        ANALYSIS, "ingest", "refused", "--uri", uri, "--user", server.user, *arguments,
        NEO4J_PASSWORD=password or server.password,
    )  # fmt: skip
    began = time.monotonic()
    line = refused(process)
    assert time.monotonic() - began < SOON
    assert server.password not in line and (password is None or password not in line)
    return line


@pytest.fixture
def silent() -> Iterator[str]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"bolt://127.0.0.1:{listening.getsockname()[1]}"


def test_a_wrong_password(server: Neo4jServer) -> None:
    line = ingest(server, server.uri, password="not-the-password")
    assert line == f"Error: {server.uri} refuses user 'neo4j': wrong user name or password"


def test_a_traceback_does_not_show_a_password(server: Neo4jServer) -> None:
    process = program(
        ANALYSIS, "--debug", "ingest", "refused", "--uri", server.uri, NEO4J_PASSWORD="not-the-password"
    )  # fmt: skip
    printed, errors = process.communicate(timeout=SOON)
    assert process.returncode == 1 and "Traceback" in errors
    assert "not-the-password" not in printed + errors


def test_a_wrong_database(server: Neo4jServer) -> None:
    line = ingest(server, server.uri, "--database", "nowhere")
    assert line == f"Error: {server.uri} has no database 'nowhere': name it with --database"


def test_the_port_of_the_browser(server: Neo4jServer) -> None:
    uri = server.http.replace("http://", "bolt://")
    line = ingest(server, uri)
    assert line == f"Error: {uri} does not speak Bolt: name the Bolt port (7687 by default), or bolt+s:// for TLS"


def test_a_port_that_stays_silent(server: Neo4jServer, silent: str) -> None:
    assert ingest(server, silent).startswith(f"Error: {silent} does not speak Bolt, or is too busy to answer: ")


@pytest.mark.parametrize("scheme", ["bolt", "neo4j"])
def test_a_port_where_nothing_listens(server: Neo4jServer, scheme: str) -> None:
    with socket.socket() as taken:
        # Bound and not listening: nobody else gets it meanwhile.
        taken.bind(("127.0.0.1", 0))
        uri = f"{scheme}://127.0.0.1:{taken.getsockname()[1]}"
        assert ingest(server, uri).startswith(f"Error: no server at {uri}: ")


def test_an_analysis_that_changed_is_refused_and_replaced(ground: Ground) -> None:
    scale = {"layers": 2, "neurons": 60, "coalitions": 10, "edges": 10}
    changed = scale | {"seed": 1}
    finish(ground.ingest("changed", scale=scale))
    with ground.store() as store:
        whole, loaded = counts(store), contents(store, "changed/")
        line = refused(ground.ingest("changed", scale=changed))
        assert line.startswith("Error: changed/pas.pac.0 is in the graph already, ") and "--replace" in line
        assert (counts(store), contents(store, "changed/")) == (whole, loaded)

        finish(ground.ingest("changed", "--replace", scale=changed))
        finish(ground.ingest("afresh", scale=changed))
        replaced = contents(store, "changed/")
        assert replaced == contents(store, "afresh/")
        assert replaced.checksum != loaded.checksum
