"""What went wrong with a server, in one line (DESIGN §7)."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hedonic_graph.errors import UserError

if TYPE_CHECKING:
    from neo4j.exceptions import Neo4jError

    from hedonic_graph.graph.store import Address

LONGEST = 300
# Bytes below which an embedded store cannot work.
FULL = 4_000_000
READ_ONLY = ("ForbiddenOnReadOnlyDatabase", "WriteOnReadOnlyAccessDatabase", "ReadOnly")
AGAIN = "run the same command again"


@contextlib.contextmanager
def explained(address: "Address", what: str = "the connection", *, reading: bool = False) -> Iterator[None]:
    """Turn every way the server at ``address`` can fail into a UserError of one line.

    ``what`` names what was being done. ``reading`` says that a refused write is the statement's fault. The driver's
    exception is the error's cause, for ``--debug``.
    """
    from neo4j import exceptions

    try:
        yield
    except exceptions.Neo4jError as error:
        raise UserError(_server(error, address, what, reading)) from error
    except exceptions.DriverError as error:
        raise UserError(_driver(error, address, what)) from error


def no_room(folder: Path) -> bool:
    """Say whether the disk of an embedded store is full; its server has many ways to say so, and some say nothing."""
    try:
        return shutil.disk_usage(folder).free < FULL
    except OSError:
        return False


def without_login(text: str) -> str:
    """Return ``text`` without the user and password of an address in it."""
    return re.sub(r"//\S*@", "//", text)


def _server(error: "Neo4jError", address: "Address", what: str, reading: bool) -> str:
    """Say what a server that answered objects to."""
    from neo4j.exceptions import TransientError

    code, reason = error.code or "no code", _first(error.message)
    title = code.rpartition(".")[2]
    if title in ("Unauthorized", "AuthorizationFailed", "TokenExpired"):
        if address.folder is not None:
            return f"{address} stopped answering: {AGAIN}"
        if address.user is None:
            return f"{address} wants a login: set NEO4J_USERNAME and NEO4J_PASSWORD"
        return f"{address} refuses user {address.user!r}: wrong user name or password"
    if title == "AuthenticationRateLimit":
        return f"{address} refuses user {address.user!r} after too many wrong passwords: wait a minute"
    if title == "CredentialsExpired":
        return (
            f"{address}: user {address.user!r} must change the password first, in Neo4j Browser or by "
            "ALTER CURRENT USER SET PASSWORD"
        )
    if title == "DatabaseNotFound":
        return f"{address} has no database {address.database!r}: name it with --database"
    if "No space left on device" in reason or (address.folder is not None and no_room(address.folder)):
        return f"{address} has no room left on its disk: make room and {AGAIN}"
    if title in ("TransactionCommitFailed", "TransactionLogError") or "critical error" in reason:
        # What Neo4j says of a full disk; only its log says why.
        return (
            f"{address} could not write to its disk, which may be full: see the server's log, make room, restart the "
            f"server and {AGAIN} ({reason})"
        )
    if "OutOfMemory" in title or "MemoryLimit" in title or "java.lang.OutOfMemory" in reason or "heap space" in reason:
        return f"{address} has not enough memory for {what}: give it more, or ask for less ({reason})"
    if reading and title in ("AccessMode", "Forbidden", *READ_ONLY):
        return f"{what}: a query may only read, {address} refused it and wrote nothing ({reason})"
    if title in READ_ONLY:
        return f"{address} can only be read: it refused {what} ({reason})"
    if title == "Forbidden":
        return f"{address} does not let user {address.user!r} do this: {what} ({reason})"
    if isinstance(error, TransientError):
        return f"{address} could not do it now ({reason}): {AGAIN}"
    if reading:
        # What is left is about the statement, whatever the code: ArcadeDB has few.
        return f"{what}: {reason}"
    return f"{address} failed at {what}: {reason} ({code}; `hedonic-graph --debug ...` shows more)"


def _driver(error: Exception, address: "Address", what: str) -> str:
    """Say why there is no server to answer."""
    from neo4j import exceptions

    told = "\n".join(_told(error))
    system = re.search(r"\[Errno -?\d+\] ([^)\n]+)", told)
    reason = without_login(system[1] if system else _first(str(error)))
    if isinstance(error, exceptions.ServiceUnavailable | exceptions.SessionExpired) and address.folder is not None:
        return f"{address} stopped answering: {AGAIN}"
    if "certificate" in told.lower():
        return f"{address} shows a certificate that cannot be verified: where it is self-signed, write +ssc for +s"
    if "encrypted" in told:
        return f"{address} does not speak TLS: write bolt:// or neo4j:// without +s"
    if isinstance(error, exceptions.UnsupportedServerProduct) or "HTTP" in told or "handshake" in told:
        busy = ", or is too busy to answer" if "handshake" in told else ""
        return f"{address} does not speak Bolt{busy}: name the Bolt port (7687 by default), or bolt+s:// for TLS"
    if isinstance(error, exceptions.ConfigurationError):
        return f"{address} is not an address: {reason}"
    if isinstance(error, exceptions.SessionExpired):
        return f"{address} went away: {AGAIN}, it continues"
    if isinstance(error, exceptions.ServiceUnavailable):
        return f"no server at {address}: {reason}"
    return f"{address} failed at {what}: {reason} (`hedonic-graph --debug ...` shows more)"


def _told(error: BaseException | None) -> Iterator[str]:
    """Yield what an exception says, and what those say that caused it."""
    if error is not None:
        yield str(error)
        yield from _told(error.__cause__)
        for one in getattr(error, "exceptions", ()):
            yield from _told(one)


def _first(message: str | None) -> str:
    """Return a message's first line; what is too long loses its middle, for the position stands at the end."""
    line = next((line.strip() for line in (message or "").splitlines() if line.strip()), "no reason given")
    half = LONGEST // 2
    return line if len(line) <= LONGEST else f"{line[:half]} ... {line[-half:]}"
