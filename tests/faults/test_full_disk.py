"""A disk that is full: one line that says so, and a load that goes on when there is room."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults.conftest import Ground, finish, refused
from faults.contents import contents
from neo4j_server.server import Neo4jServer

from hedonic_graph.graph import keeper
from hedonic_graph.graph.store import resolve

SIZE = 100_000_000
# With a log that is set aside before it is written, as it is by default, Neo4j recovers from a full disk; without,
# 5.26 was seen not to. Here it is small.
NEO4J = {"db.tx_log.preallocate": "true", "db.tx_log.rotation.size": "4M"}


@dataclass(frozen=True)
class Disk:
    """A small disk of its own."""

    folder: Path

    def fill(self, leave: int) -> None:
        """Leave that many bytes free."""
        free = shutil.disk_usage(self.folder).free
        with (self.folder / "ballast").open("wb") as file:
            file.write(bytes(free - leave))

    def make_room(self) -> None:
        (self.folder / "ballast").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "hedonic-graph-test", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield Disk(folder)
    # Lazily: a server that has just ended may hold its log for an instant.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_of_a_neo4j(neo4j: Ground, disk: Disk) -> None:
    with Neo4jServer(disk.folder / "home", settings=NEO4J) as server:
        ground = Ground(resolve(server.uri, server.user, server.password, environment={}), neo4j.scale)
        disk.fill(leave=4_000_000)
        line = refused(ground.ingest("whole"))
        assert line.startswith(f"Error: {server.uri} ") and "disk" in line
        disk.make_room()
        server.restart()
        finish(ground.ingest("whole"))
        with ground.store() as store:
            assert contents(store, "whole/") == neo4j.whole.contents


def test_of_an_embedded_store(embedded: Ground, disk: Disk) -> None:
    ground = Ground(resolve(store=disk.folder / "store", environment={}), embedded.scale)
    try:
        with ground.store() as store:
            disk.fill(leave=500_000)
            line = refused(ground.ingest("whole"))
            assert (
                line
                == f"Error: {ground.address} has no room left on its disk: make room and run the same command again"
            )
            disk.make_room()
            finish(ground.ingest("whole"))
            assert contents(store, "whole/") == embedded.whole.contents
    finally:
        keeper.stop(disk.folder / "store")


def test_with_no_room_to_make_a_store(disk: Disk) -> None:
    place = disk.folder / "store"
    scale = {"layers": 2, "neurons": 60, "coalitions": 10, "edges": 10}
    ground = Ground(resolve(store=place, environment={}), scale)
    disk.fill(leave=40_000)
    try:
        line = refused(ground.ingest("whole"))
        assert line == f"Error: the embedded store did not start: no room left on the disk of {place}: make room"
    finally:
        keeper.stop(place)
