"""Stores to do harm to, of their own, and the program in a process that can be killed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from faults.contents import Contents, contents, counts
from neo4j_server.server import Neo4jServer

import hedonic_graph
from hedonic_graph.graph import keeper
from hedonic_graph.graph.store import Address, Store, connect, resolve

# Each neuron is a row itself, has one membership and three preferences: 51,000 and 12,000 rows.
LARGE = {"layers": 3, "neurons": 2_000, "coalitions": 600, "edges": 20_000}
SMALL = {"layers": 3, "neurons": 500, "coalitions": 200, "edges": 4_500}
WITHIN = 300.0


@dataclass(frozen=True)
class Whole:
    """What a load from beginning to end wrote."""

    contents: Contents
    rows: int
    """Rows that it said it had sent."""


@dataclass
class Ground:
    """A store, how a command finds it, and how large an analysis it takes in a few seconds."""

    address: Address
    scale: dict[str, int]

    @property
    def arguments(self) -> list[str]:
        if self.address.uri is None:
            return ["--store", str(self.address.folder)]
        return ["--uri", self.address.uri, "--user", str(self.address.user)]

    def ingest(self, name: str, *arguments: str, **analysis: object) -> "subprocess.Popen[str]":
        """Start ``hedonic-graph ingest`` on a drawn analysis of that name; ``analysis`` is what ``drawn`` takes."""
        settings = {"name": name, "scale": self.scale, **analysis}
        password = {} if self.address.password is None else {"NEO4J_PASSWORD": self.address.password}
        return program(settings, "ingest", name, *self.arguments, *arguments, **password)

    def store(self) -> Store:
        """Connect to it."""
        return connect(self.address)

    @cached_property
    def whole(self) -> Whole:
        """A load of its scale that nothing disturbs, made when it is first asked for."""
        with self.store() as store:
            before = counts(store)
            printed, _ = finish(self.ingest("whole"))
            found = contents(store, "whole/")
            # All that is new in the store, and nothing beside it.
            assert counts(store) == (before[0] + found.nodes, before[1] + found.relationships)
        return Whole(found, said(printed))


def program(settings: dict[str, object], *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """Start the program on a drawn analysis; see ``program.py``."""
    paths = [str(Path(hedonic_graph.__file__).parents[1]), str(Path(__file__).parents[1])]
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("NEO4J_", "HEDONIC_"))}
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("program.py")), json.dumps(settings), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=surroundings | {"PYTHONPATH": os.pathsep.join(paths)} | environment,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """Wait for the end of a load that must work; return what it printed."""
    printed, errors = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, errors
    return printed, errors


def refused(process: "subprocess.Popen[str]") -> str:
    """Wait for the end of a command that cannot work; return its one line."""
    printed, errors = process.communicate(timeout=WITHIN)
    assert process.returncode == 2, (process.returncode, errors)
    lines = errors.splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error: "), errors
    assert not [line for line in printed.splitlines() if not line.startswith("rows ")], printed
    return lines[0]


def after(process: "subprocess.Popen[str]", rows: int) -> int:
    """Return when the program writes and has said that many rows; what it said may be more."""
    assert process.stdout is not None
    found = 0
    while True:
        line = process.stdout.readline()
        assert line, f"it ended after {found} rows, before {rows}: {process.stderr and process.stderr.read()}"
        found += said(line)
        if found >= rows:
            return found


def said(printed: str) -> int:
    """How many rows the program says it has sent."""
    return sum(int(line.removeprefix("rows ")) for line in printed.splitlines() if line.startswith("rows "))


@pytest.fixture(scope="session")
def server(neo4j_needs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    """A Neo4j that tests may kill, and start again."""
    with Neo4jServer(tmp_path_factory.mktemp("harmed") / "home") as server:
        yield server


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An embedded store for the same."""
    folder = tmp_path_factory.mktemp("harmed") / "store"
    yield folder
    keeper.stop(folder)


@pytest.fixture(scope="session")
def neo4j(server: Neo4jServer) -> Ground:
    return Ground(resolve(server.uri, server.user, server.password, environment={}), LARGE)


@pytest.fixture(scope="session")
def embedded(folder: Path) -> Ground:
    return Ground(resolve(store=folder, environment={}), SMALL)


@pytest.fixture(scope="session", params=["neo4j", "embedded"])
def ground(request: pytest.FixtureRequest) -> Ground:
    found: Ground = request.getfixturevalue(request.param)
    return found
