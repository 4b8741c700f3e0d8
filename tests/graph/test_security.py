"""The embedded store is its owner's alone, and its reader reads (DESIGN §6.1)."""

import contextlib
import os
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import neo4j
import pytest
from click.testing import CliRunner
from graph.test_keeper import PROC, children, names, on_linux, write

from hedonic_graph.cli import main
from hedonic_graph.errors import UserError
from hedonic_graph.graph import keeper
from hedonic_graph.graph.store import connect, resolve

NOBODY = 65534


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A store where other users of this machine could look, were it not for the modes of its files."""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent) / "store"
        folder.mkdir(mode=0o755)
        yield folder
        keeper.stop(folder)


@pytest.fixture(scope="module")
def lease(folder: Path) -> Iterator[keeper.Lease]:
    lease = keeper.attach(folder)
    yield lease
    lease.close()


def ask(lease: keeper.Lease, user: str, password: str | None, statement: str) -> list[object]:
    """Ask as any client might: not in a read transaction."""
    auth = (user, password) if password is not None else None
    with (
        neo4j.GraphDatabase.driver(lease.keeper.uri, auth=auth) as driver,
        driver.session(database=keeper.DATABASE) as session,
    ):
        return session.run(statement).values()  # type: ignore[arg-type]


@on_linux
def test_the_passwords_are_in_their_files_and_nowhere_else(folder: Path, lease: keeper.Lease) -> None:
    secrets = {keeper.USER: lease.password, keeper.READER: lease.reader_password}
    assert len(set(secrets.values())) == 2 and min(map(len, secrets.values())) >= 32
    files = {keeper.password_file(folder, user): secret for user, secret in secrets.items()}
    assert {file: file.read_text() for file in files} == files
    # What there is to log: an answer, a mistake, a refusal, a wrong password.
    write(folder, "seen")
    told = [
        CliRunner().invoke(main, [*options, "query", "-", "--store", str(folder)], input=statement).output
        for statement in ("RETURN 1", "RETRUN 1", "CREATE (:Feature)")
        for options in ([], ["--debug"])
    ]
    for user in secrets:
        with pytest.raises(neo4j.exceptions.AuthError):
            ask(lease, user, "guess", "RETURN 1")
    processes = [lease.keeper.pid, *children(lease.keeper.pid), os.getpid()]
    places = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path not in files}
    places |= {path: path.read_bytes() for pid in processes for path in
               (PROC / str(pid) / "cmdline", PROC / str(pid) / "environ")}  # fmt: skip
    assert len(places) > 10
    for secret in secrets.values():
        assert [path for path, content in places.items() if secret.encode() in content] == []
        assert not any(secret in text for text in told)
    assert "hunter2" not in repr(resolve("bolt://x", "u", "hunter2"))


def test_its_files_are_its_owners(folder: Path, lease: keeper.Lease) -> None:
    loose = {
        str(path): f"{stat.S_IMODE(path.stat().st_mode):o}"
        for path in [folder, *folder.rglob("*")]
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    }
    assert loose == {}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start a process of another user")
def test_another_user_cannot_read_the_passwords(folder: Path, lease: keeper.Lease) -> None:
    for user in (keeper.USER, keeper.READER):
        file = keeper.password_file(folder, user)
        assert subprocess.run(["cat", file], capture_output=True).stdout == file.read_bytes()
        other = subprocess.run(["cat", file], capture_output=True, user=NOBODY, group=NOBODY)
        assert other.returncode != 0 and other.stdout == b"" and b"Permission denied" in other.stderr


def test_who_has_no_password_is_refused(lease: keeper.Lease) -> None:
    for user, password in ((keeper.USER, lease.reader_password), (keeper.READER, lease.password),
                           (keeper.USER, ""), ("neo4j", "neo4j"), (keeper.USER, "playwithdata")):  # fmt: skip
        with pytest.raises((neo4j.exceptions.AuthError, neo4j.exceptions.ClientError)):
            ask(lease, user, password, "RETURN 1")
    with pytest.raises((neo4j.exceptions.AuthError, neo4j.exceptions.ClientError)):
        ask(lease, "", None, "RETURN 1")


@on_linux
def test_it_listens_for_bolt_on_loopback_and_for_nothing_else(lease: keeper.Lease) -> None:
    [server] = children(lease.keeper.pid)
    sockets = set()
    for path in (PROC / str(server) / "fd").iterdir():
        with contextlib.suppress(OSError):
            sockets.add(path.readlink().name)
    listening = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in (PROC / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            # 0A: a TCP port that listens; 07: a UDP port.
            if fields[3] in ("0A", "07") and f"socket:[{fields[9]}]" in sockets:
                listening.append(fields[1])
    port = int(lease.keeper.uri.rpartition(":")[2])
    # 127.0.0.1 as /proc writes it, also as an address of IPv6.
    [(host, number)] = [address.rpartition(":")[::2] for address in listening]
    assert host.endswith("0100007F") and number == f"{port:04X}"
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def test_the_reader_may_only_read_whoever_asks(folder: Path, lease: keeper.Lease) -> None:
    write(folder, "kept")
    before = names(folder)
    for statement in (
        "CREATE (:Feature {name: 'new'})",
        "CREATE (:NeverSeen)",
        "MERGE (f:Feature {name: 'new'})",
        "MATCH (f:Feature) SET f.name = 'changed'",
        "MATCH (f:Feature) DETACH DELETE f",
        "MATCH (f:Feature) REMOVE f.name",
        "CREATE INDEX never_seen FOR (f:Feature) ON (f.family)",
        "CREATE USER another SET PASSWORD 'another-one'",
        "SHOW USERS",
    ):
        with pytest.raises(neo4j.exceptions.Forbidden):
            ask(lease, keeper.READER, lease.reader_password, statement)
    assert names(folder) == before and "kept" in before
    answer = ask(lease, keeper.READER, lease.reader_password, "MATCH (f:Feature) RETURN DISTINCT labels(f)")
    assert answer == [[["Feature"]]]


def test_what_is_written_can_be_read_at_once(folder: Path) -> None:
    """A reader's rights are kept for each of the server's files, and a new label makes new ones."""
    with connect(resolve(store=folder)) as store:
        for number in range(12):
            store.write(f"CREATE (:Label{number} {{n: $n}})-[:TYPE{number}]->(:Label{number} {{n: $n}})", {"n": number})
            if number % 3 == 0:
                store.write(f"CREATE CONSTRAINT label{number} FOR (l:Label{number}) REQUIRE l.m IS UNIQUE")
            found = store.read(f"MATCH (a:Label{number})-[:TYPE{number}]->(b) RETURN a.n, b.n").values
            assert found == [(number, number)]
            with pytest.raises(UserError, match="may only read"), store.reading(f"CREATE (:Label{number})"):
                pass


def test_a_password_that_others_could_read_is_made_anew(folder: Path) -> None:
    """Runs last here: it starts the store again."""
    keeper.stop(folder)
    files = [keeper.password_file(folder, user) for user in (keeper.USER, keeper.READER)]
    before = [file.read_text() for file in files]
    files[0].chmod(0o644)
    files[1].write_text("")
    folder.chmod(0o755)
    lease = keeper.attach(folder)
    lease.close()
    after = [file.read_text() for file in files]
    assert after == [lease.password, lease.reader_password]
    assert not set(before) & set(after) and "" not in after
    assert [stat.S_IMODE(path.stat().st_mode) for path in [folder, *files]] == [0o700, 0o600, 0o600]
    with pytest.raises(neo4j.exceptions.AuthError):
        ask(lease, keeper.USER, before[0], "RETURN 1")
    assert ask(lease, keeper.USER, after[0], "RETURN 1") == [[1]]
