"""Who may not enter does not, and a password is nowhere but where it belongs."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import neo4j as driver
import pytest
from faults.conftest import Ground, after, finish
from graph.test_keeper import PROC, children, on_linux
from neo4j_server.server import Neo4jServer

import hedonic_graph
from hedonic_graph.graph import keeper

NOBODY = 65534
# Imports first: the user it becomes may not read them.
STRANGER = """
import os, sys
from pathlib import Path
import neo4j
import hedonic_graph.graph.keeper
from hedonic_graph.errors import UserError
from hedonic_graph.graph.store import connect, resolve
folder, user = Path(sys.argv[1]), int(sys.argv[2])
os.setgroups([]); os.setgid(user); os.setuid(user)
try:
    print("let in:", connect(resolve(store=folder)))
except UserError as error:
    print(error)
for path in sys.argv[3:]:
    try:
        print("read", open(path, "rb").name)
    except PermissionError:
        pass
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may enter, as those of pytest may not be."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        keeper.stop(folder / "store")


@on_linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can take another user's place")
def test_another_user_is_refused(public: Path) -> None:
    keeper.attach(public / "store").close()
    files = sorted(str(path) for path in (public / "store").rglob("*") if path.is_file())
    assert str(public / "store" / "password") in files
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, str(public / "store"), str(NOBODY), *files],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(hedonic_graph.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"the store at {public / 'store'} belongs to another user\n"


@on_linux
def test_nothing_answers_without_a_login(embedded: Ground) -> None:
    assert embedded.address.folder is not None
    with embedded.store():
        running = keeper.status(embedded.address.folder)
        assert running is not None
        [server] = children(running.pid)
        bolt = int(running.uri.rpartition(":")[2])
        for auth in (None, (keeper.USER, "")):
            with (
                driver.GraphDatabase.driver(running.uri, auth=auth) as connection,
                pytest.raises(driver.exceptions.ClientError) as refusal,
            ):
                connection.execute_query("MATCH (n) RETURN count(n)")
            assert "Security" in refusal.value.code
        # Bolt, and nothing beside it.
        assert listening(server) == [bolt]


def listening(pid: int) -> list[int]:
    """The TCP ports that a process listens on."""
    sockets = set()
    for path in (PROC / str(pid) / "fd").iterdir():
        with contextlib.suppress(OSError):
            sockets.add(path.readlink().name)
    lines = [line.split() for table in ("tcp", "tcp6") for line in (PROC / "net" / table).read_text().splitlines()[1:]]
    ports = {line[1].rpartition(":")[2] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in sockets}
    return sorted(int(port, 16) for port in ports)


@on_linux
def test_no_password_is_in_what_a_load_prints_or_in_a_command_line(ground: Ground, server: Neo4jServer) -> None:
    with ground.store():
        if ground.address.folder is None:
            password, logs = server.password, server.home / "logs"
        else:
            password = (ground.address.folder / "password").read_text()
            logs = ground.address.folder
        process = ground.ingest("secret")
        after(process, 1)
        lines = b"".join(everyones("cmdline"))
        assert b"secret" in lines and password.encode() not in lines
        if ground.address.folder is not None:
            # Whoever is given the password of a Neo4j may have it from there.
            assert password.encode() not in b"".join(everyones("environ"))
        assert password not in "".join(finish(process))
        found = [path for path in logs.rglob("*") if path.is_file() and password.encode() in path.read_bytes()]
        assert found == ([] if ground.address.folder is None else [ground.address.folder / "password"])


def everyones(name: str) -> Iterator[bytes]:
    """A file of every process but this one, whose user may well be the superuser."""
    for path in PROC.glob(f"[0-9]*/{name}"):
        if path.parent.name != str(os.getpid()):
            with contextlib.suppress(OSError):
                yield path.read_bytes()
