"""Every way a server can fail is one line (DESIGN §7); those that need a server at fault are in its own tests."""

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from graph.conftest import Behaviour
from neo4j import exceptions

from hedonic_graph.errors import UserError
from hedonic_graph.graph import faults
from hedonic_graph.graph import store as stores
from hedonic_graph.graph.faults import explained
from hedonic_graph.graph.store import Address, Store, connect

NEO4J = Address("bolt://ann:hunter2@db:7687", "ann", "hunter2", "papers")
OPEN = Address("bolt://db:7687")
STORE = Address(folder=Path("my.graph"))


def said(error: Exception, address: Address = NEO4J, *, reading: bool = False) -> str:
    with pytest.raises(UserError) as told, explained(address, "'Splits'", reading=reading):
        raise error
    line = str(told.value)
    assert "\n" not in line and "hunter2" not in line
    assert told.value.__cause__ is error
    return line


def from_server(code: str, message: str) -> Exception:
    return exceptions.Neo4jError._hydrate_neo4j(code=code, message=message)


@pytest.mark.parametrize(
    ("code", "message", "address", "line"),
    [
        ("ClientError.Security.Unauthorized", "", NEO4J,
         "bolt://db:7687 refuses user 'ann': wrong user name or password"),
        ("ClientError.Security.Unauthorized", "", OPEN,
         "bolt://db:7687 wants a login: set NEO4J_USERNAME and NEO4J_PASSWORD"),
        ("ClientError.Security.Unauthorized", "", STORE,
         "the store at my.graph stopped answering: run the same command again"),
        ("ClientError.Security.AuthenticationRateLimit", "", NEO4J,
         "bolt://db:7687 refuses user 'ann' after too many wrong passwords: wait a minute"),
        ("ClientError.Security.CredentialsExpired", "", NEO4J,
         "bolt://db:7687: user 'ann' must change the password first, in Neo4j Browser or by "
         "ALTER CURRENT USER SET PASSWORD"),
        ("ClientError.Security.Forbidden", "No.", NEO4J,
         "bolt://db:7687 does not let user 'ann' do this: 'Splits' (No.)"),
        ("ClientError.Database.DatabaseNotFound", "", NEO4J,
         "bolt://db:7687 has no database 'papers': name it with --database"),
        ("TransientError.General.MemoryPoolOutOfMemoryError", "limit 1 GiB reached", NEO4J,
         "bolt://db:7687 has not enough memory for 'Splits': give it more, or ask for less (limit 1 GiB reached)"),
        ("DatabaseError.General.UnknownError", "Java heap space", STORE,
         "the store at my.graph has not enough memory for 'Splits': give it more, or ask for less (Java heap space)"),
        ("DatabaseError.Transaction.TransactionLogError", "Could not append.", NEO4J,
         "bolt://db:7687 could not write to its disk, which may be full: see the server's log, make room, restart the "
         "server and run the same command again (Could not append.)"),
        ("DatabaseError.Transaction.TransactionStartFailed", "The database has encountered a critical error", NEO4J,
         "bolt://db:7687 could not write to its disk, which may be full: see the server's log, make room, restart the "
         "server and run the same command again (The database has encountered a critical error)"),
        ("DatabaseError.General.UnknownError", "java.io.IOException: No space left on device", NEO4J,
         "bolt://db:7687 has no room left on its disk: make room and run the same command again"),
        ("ClientError.General.WriteOnReadOnlyAccessDatabase", "Read-only mode.", NEO4J,
         "bolt://db:7687 can only be read: it refused 'Splits' (Read-only mode.)"),
        ("ClientError.General.ForbiddenOnReadOnlyDatabase", "Read-only.", NEO4J,
         "bolt://db:7687 can only be read: it refused 'Splits' (Read-only.)"),
        ("TransientError.Transaction.DeadlockDetected", "A deadlock.\nAt length.", NEO4J,
         "bolt://db:7687 could not do it now (A deadlock.): run the same command again"),
        ("ClientError.Cluster.NotALeader", "No leader.", NEO4J,
         "bolt://db:7687 could not do it now (No leader.): run the same command again"),
        ("ClientError.Statement.SyntaxError", "Invalid 'X' (line 1)\n\"X\"\n ^", NEO4J,
         "bolt://db:7687 failed at 'Splits': Invalid 'X' (line 1) (Neo.ClientError.Statement.SyntaxError; "
         "`hedonic-graph --debug ...` shows more)"),
        ("DatabaseError.General.UnknownError", "", STORE,
         "the store at my.graph failed at 'Splits': An unknown error occurred (Neo.DatabaseError.General.UnknownError; "
         "`hedonic-graph --debug ...` shows more)"),
    ],
)  # fmt: skip
def test_what_a_server_objects_to(code: str, message: str, address: Address, line: str) -> None:
    assert said(from_server(f"Neo.{code}", message), address) == line


@pytest.mark.parametrize(
    ("code", "message", "line"),
    [
        ("ClientError.Statement.AccessMode", "Writing.",
         "'Splits': a query may only read, bolt://db:7687 refused it and wrote nothing (Writing.)"),
        ("ClientError.Security.Forbidden", "Not allowed.",
         "'Splits': a query may only read, bolt://db:7687 refused it and wrote nothing (Not allowed.)"),
        ("ClientError.Statement.ParameterMissing", "Expected parameter(s): x", "'Splits': Expected parameter(s): x"),
        ("DatabaseError.General.UnknownError", "Unknown procedure", "'Splits': Unknown procedure"),
        ("DatabaseError.Transaction.TransactionStartFailed", "Only implicit.", "'Splits': Only implicit."),
        ("TransientError.General.DatabaseUnavailable", "Away.",
         "bolt://db:7687 could not do it now (Away.): run the same command again"),
    ],
)  # fmt: skip
def test_what_a_server_objects_to_in_a_query(code: str, message: str, line: str) -> None:
    assert said(from_server(f"Neo.{code}", message), reading=True) == line


def test_a_long_reason_keeps_its_end() -> None:
    line = said(from_server("Neo.ClientError.Statement.SyntaxError", "a" * 900 + " (line 7)"), reading=True)
    assert line.endswith("aaa (line 7)") and len(line) < 330 and " ... " in line


@pytest.mark.parametrize(
    ("error", "address", "line"),
    [
        (exceptions.SessionExpired("gone"), NEO4J,
         "bolt://db:7687 went away: run the same command again, it continues"),
        (exceptions.SessionExpired("gone"), STORE,
         "the store at my.graph stopped answering: run the same command again"),
        (exceptions.ServiceUnavailable("gone"), STORE,
         "the store at my.graph stopped answering: run the same command again"),
        (exceptions.ServiceUnavailable("at bolt://ann:hunter2@db:1\nmore"), NEO4J,
         "no server at bolt://db:7687: at bolt://db:1"),
        (exceptions.IncompleteCommit("who knows"), NEO4J, "no server at bolt://db:7687: who knows"),
        (exceptions.ResultConsumedError(None, "a mistake of ours"), STORE,
         "the store at my.graph failed at 'Splits': a mistake of ours (`hedonic-graph --debug ...` shows more)"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_connection(error: Exception, address: Address, line: str) -> None:
    assert said(error, address) == line


def test_a_password_with_a_slash_is_not_printed() -> None:
    address = Address("bolt://ann:hunter2/@x@db:7687", "ann", "hunter2/@x")
    assert said(from_server("Neo.ClientError.Security.Unauthorized", ""), address).startswith("bolt://db:7687 refuses")


def test_a_full_disk_of_a_store_is_seen_whatever_its_server_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = from_server("Neo.ClientError.Transaction.TransactionNotFound", "Transaction error on commit")
    store = Address(folder=tmp_path)
    assert "Transaction error on commit" in said(error, store)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=faults.FULL - 1))
    assert said(error, store) == f"{store} has no room left on its disk: make room and run the same command again"
    assert "no room" not in said(error, NEO4J)


def refused(uri: str) -> str:
    with pytest.raises(UserError) as told:
        connect(Address(uri))
    return str(told.value)


def closes(connection: socket.socket) -> None:
    connection.recv(100)


def greets(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    connection.recv(100)


def says_nothing(connection: socket.socket) -> None:
    while connection.recv(100):
        pass


@pytest.mark.parametrize("scheme", ["bolt", "neo4j"])
@pytest.mark.parametrize("behave", [closes, greets])
def test_a_port_of_something_else(scheme: str, behave: Behaviour, port: Callable[[Behaviour], int]) -> None:
    uri = f"{scheme}://127.0.0.1:{port(behave)}"
    line = refused(uri)
    assert line.startswith(f"{uri} does not speak Bolt") and "name the Bolt port (7687 by default)" in line
    assert ("too busy" in line) == (behave is closes)


def test_a_port_that_says_nothing(port: Callable[[Behaviour], int], monkeypatch: pytest.MonkeyPatch) -> None:
    assert stores.ANSWER_WITHIN <= 30
    monkeypatch.setattr(stores, "ANSWER_WITHIN", 1.0)
    began = time.monotonic()
    uri = f"bolt://127.0.0.1:{port(says_nothing)}"
    assert refused(uri).startswith(f"{uri} does not speak Bolt")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("scheme", ["bolt+s", "neo4j+ssc"])
def test_encryption_that_the_server_does_not_have(scheme: str, store: Store) -> None:
    """Neo4j, and the embedded store by its address."""
    address = store._reader.uri
    assert address is not None
    uri = f"{scheme}://{address.partition('://')[2]}"
    assert refused(uri) == f"{uri} does not speak TLS: write bolt:// or neo4j:// without +s"


def test_a_certificate_that_nobody_vouches_for(port: Callable[[Behaviour], int], tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
            "-keyout",
            key,
            "-out",
            certificate,
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def encrypts(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True).recv(100)

    uri = f"bolt+s://localhost:{port(encrypts)}"
    line = refused(uri)
    assert line == f"{uri} shows a certificate that cannot be verified: where it is self-signed, write +ssc for +s"
    plain = uri.replace("+s", "")
    assert refused(plain).startswith(f"{plain} does not speak Bolt") and "bolt+s://" in refused(plain)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
    assert refused(f"bolt://127.0.0.1:{number}") == f"no server at bolt://127.0.0.1:{number}: Connection refused"
    assert refused(f"neo4j://127.0.0.1:{number}") == f"no server at neo4j://127.0.0.1:{number}: Connection refused"
    assert refused("bolt://host.invalid").startswith("no server at bolt://host.invalid: ")
