"""Stores for the tests of the graph, which all run twice: on an embedded store and on a Neo4j, each of their own.

``HEDONIC_TEST_NEO4J_URI`` (with ``HEDONIC_TEST_NEO4J_USERNAME`` and ``HEDONIC_TEST_NEO4J_PASSWORD``) names a running
server to use in place of their own; the tests touch only what they created.
"""

import contextlib
import itertools
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from graph.drawn import Drawn

from hedonic_graph.graph import keeper, runs
from hedonic_graph.graph.store import Address, Store, connect, resolve

SERVER = os.environ.get("HEDONIC_TEST_NEO4J_URI")


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NEO4J_URI", "NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_DATABASE", "HEDONIC_STORE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("graph") / "store"
    yield folder
    keeper.stop(folder)


@pytest.fixture(scope="session", params=["embedded", "neo4j"])
def address(request: pytest.FixtureRequest, folder: Path) -> Address:
    if request.param == "embedded":
        return resolve(store=folder, environment={})
    if SERVER is None:
        server = request.getfixturevalue("neo4j_server")
        return resolve(server.uri, server.user, server.password, environment={})
    login = {
        name: os.environ.get(f"HEDONIC_TEST_{name}", default)
        for name, default in (("NEO4J_USERNAME", "neo4j"), ("NEO4J_PASSWORD", ""))
    }
    return resolve(SERVER, environment=login)


@pytest.fixture(scope="session")
def store(address: Address) -> Iterator[Store]:
    with connect(address) as store:
        yield store


@pytest.fixture
def arguments(address: Address, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a command needs to find the store."""
    if address.uri is None:
        return ["--store", str(address.folder)]
    assert address.user is not None and address.password is not None
    monkeypatch.setenv("NEO4J_PASSWORD", address.password)
    return ["--uri", address.uri, "--user", address.user]


Drawing = Callable[..., Drawn]


@pytest.fixture
def drawing(store: Store) -> Iterator[Drawing]:
    """Make hand-drawn analyses with names of their own; their runs are gone after the test."""
    tag = f"test-{uuid.uuid4().hex[:12]}"
    made: list[Drawn] = []
    number = itertools.count()

    def make(**settings: Any) -> Drawn:
        name = f"{tag}-{next(number)}"
        one = Drawn(**{"analysis": f"{name}/drawn", "model_id": f"{name}/model", **settings})
        made.append(one)
        return one

    yield make
    present = {row["run"] for row in runs.listed(store).records()}
    for run in {run.id for one in made for run in one.runs} & present:
        runs.delete(store, run)


def snapshot(store: Store, *drawn: Drawn) -> list[str]:
    """Everything the graph holds of these analyses and their models: every node and edge with every property."""
    found = []
    for prefix in sorted({name for one in drawn for name in (one.analysis, one.model_id)}):
        nodes = store.read(
            "MATCH (n) WHERE coalesce(n.id, n.name) STARTS WITH $prefix "
            "RETURN labels(n) AS labels, properties(n) AS properties",
            {"prefix": prefix},
        )
        edges = store.read(
            "MATCH (a)-[e]->(b) WHERE a.id STARTS WITH $prefix "
            "RETURN a.id AS source, type(e) AS type, coalesce(b.id, b.name) AS target, properties(e) AS properties",
            {"prefix": prefix},
        )
        for row in nodes.records() + edges.records():
            row["properties"] = sorted(row["properties"].items())
            found.append(repr(sorted(row.items())))
    return sorted(found)


Behaviour = Callable[[socket.socket], None]


@pytest.fixture
def port() -> Iterator[Callable[[Behaviour], int]]:
    """Open a port that treats each connection in a way of its own."""
    servers: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def opened(behave: Behaviour) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(10)
                    behave(connection)

        threads.append(threading.Thread(target=answer, daemon=True))
        threads[-1].start()
        number: int = server.getsockname()[1]
        return number

    yield opened
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
    for thread in threads:
        thread.join(15)
