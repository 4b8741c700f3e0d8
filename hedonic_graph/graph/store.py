"""A connection to the graph: any Neo4j by its address, or the embedded store (DESIGN §6.1)."""

import asyncio
import contextlib
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedonic_graph.errors import UserError
from hedonic_graph.graph import statements
from hedonic_graph.graph.faults import explained, without_login
from hedonic_graph.graph.reading import Reading

if TYPE_CHECKING:
    import neo4j

    from hedonic_graph.graph.keeper import Lease
    from hedonic_graph.graph.patience import Patience

DEFAULT_FOLDER = "hedonic.graph"
# What a batch may hold (§6.1): a Bolt message of over 16 MB hangs a client of the embedded store.
EMBEDDED_BATCH = 2_000
NEO4J_BATCH = 10_000
CONNECT_WITHIN = 15.0
# With the login; a port that takes connections and says nothing costs this.
ANSWER_WITHIN = 20.0
# How long the driver does a transaction again on its own; a load waits longer (``Patience``).
RETRY_WITHIN = 10.0
ATTEMPTS = 3
_SCHEME = re.compile(r"(bolt|neo4j)(\+s|\+ssc)?://[^/]")


@dataclass(frozen=True)
class Address:
    """Where the graph is: ``uri`` with its login, or the ``folder`` of an embedded store."""

    uri: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: str | None = None
    folder: Path | None = None

    def __str__(self) -> str:
        return f"the store at {self.folder}" if self.uri is None else without_login(self.uri)


@dataclass(frozen=True)
class Rows:
    """A statement's answer: column names and one tuple per row."""

    columns: tuple[str, ...]
    values: list[tuple[Any, ...]]

    def records(self) -> list[dict[str, Any]]:
        """Return one dict per row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.values]


def resolve(
    uri: str | None = None,
    user: str | None = None,
    password: str | None = None,
    database: str | None = None,
    store: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Address:
    """Say where the graph is: by arguments, else ``NEO4J_*``, else the embedded store (DESIGN §6.1).

    Raises UserError where both a server and a folder are named, a user without a password, or no address.
    """
    if uri is not None and store is not None:
        raise UserError("--uri names a server and --store an embedded store: give one of them")
    if store is None:
        uri = uri or environment.get("NEO4J_URI") or None
    if uri is not None:
        if not _SCHEME.match(uri):
            raise UserError(f"{without_login(uri)} is not the address of a server: it looks like bolt://localhost:7687")
        password = password or environment.get("NEO4J_PASSWORD") or None
        user = user or environment.get("NEO4J_USERNAME") or ("neo4j" if password else None)
        if user is not None and password is None:
            raise UserError(f"no password for user {user!r}: set NEO4J_PASSWORD, or let --password ask for it")
        return Address(uri, user, password, database or environment.get("NEO4J_DATABASE") or None)
    if user is not None or password is not None or database is not None:
        raise UserError("--user, --password and --database go with a server: give --uri or set NEO4J_URI")
    return Address(folder=Path(store or environment.get("HEDONIC_STORE") or DEFAULT_FOLDER))


def connect(address: Address, *, create: bool = True, idle: float | None = None) -> "Store":
    """Open a connection and check that it answers.

    ``create=False`` refuses to make a new embedded store. ``idle`` is how long its keeper waits for the next
    command, where one is started here. Raises UserError where nothing answers at ``address``, or not to this login.
    """
    if address.folder is None:
        return Store(address, address, address, NEO4J_BATCH)

    from hedonic_graph.graph import keeper

    if not create and not keeper.is_store(address.folder):
        raise UserError(
            f"no store at {address.folder}, nothing ingested yet: run `hedonic-graph ingest ANALYSIS`, "
            "or say where the graph is with --store, --uri or NEO4J_URI"
        )
    for _ in range(ATTEMPTS):
        lease = keeper.attach(address.folder, idle=keeper.IDLE if idle is None else idle)
        reader = Address(lease.keeper.uri, keeper.READER, lease.reader_password, keeper.DATABASE)
        writer = Address(lease.keeper.uri, keeper.USER, lease.password, keeper.DATABASE)
        try:
            store = Store(address, reader, writer, EMBEDDED_BATCH, lease)
        except BaseException:
            lease.close()
            if keeper.status(address.folder) == lease.keeper:
                raise
        else:
            if keeper.status(address.folder) == lease.keeper:
                return store
            store.close()
        # The keeper was killed a moment ago and its server is on its way out: the next one will answer.
    raise UserError(f"the store at {address.folder} ends again and again: see {address.folder / 'keeper.log'}")


class Store:
    """An open connection. Every statement is one transaction; values are parameters, never text.

    It reads and writes with two logins where the server has a user who may only read. Threads may share it.
    """

    def __init__(self, address: Address, reader: Address, writer: Address, batch: int, lease: "Lease | None" = None):
        import neo4j

        self.address = address
        self.batch = batch
        """How many rows one statement should carry here."""
        self._reader = reader
        self._writer = writer
        self._lease = lease
        # Whoever answers next knows what was written before, also in a cluster.
        self._bookmarks = neo4j.GraphDatabase.bookmark_manager()
        self._drivers: dict[Address, neo4j.Driver] = {}
        self._opening = threading.Lock()
        self._driver(reader)

    @property
    def embedded(self) -> bool:
        """Whether this is the embedded store."""
        return self._lease is not None

    @property
    def server(self) -> str:
        """Name and version of the server, as it calls itself."""
        with explained(self.address):
            return self._driver(self._reader).get_server_info().agent

    def require_guard(self) -> None:
        """Raise UserError where the server would let a statement write that is only to read."""
        from hedonic_graph.graph import keeper

        if "ArcadeDB" in self.server and self._reader.user != keeper.READER:
            raise UserError(
                f"{self.address} is an ArcadeDB, which lets user {self._reader.user!r} write in any query: name the "
                f"store's folder with --store, or log in as {keeper.READER!r}"
            )

    def read(
        self, statement: str, parameters: Mapping[str, Any] | None = None, *, patience: "Patience | None" = None
    ) -> Rows:
        """Run a statement in a read transaction."""
        import neo4j

        return self._run(statement, parameters, neo4j.READ_ACCESS, None, patience)

    def write(
        self,
        statement: str,
        parameters: Mapping[str, Any] | None = None,
        check: Callable[[Rows], None] | None = None,
        *,
        patience: "Patience | None" = None,
    ) -> Rows:
        """Run a statement in a write transaction, again where the server says that this may help.

        ``check`` sees the answer before the transaction is committed; nothing is where it raises. With ``patience``
        a server that is away is waited for; then the statement must be one that may be done twice.
        """
        import neo4j

        return self._run(statement, parameters, neo4j.WRITE_ACCESS, check, patience)

    @contextlib.contextmanager
    def reading(
        self, statement: str, parameters: Mapping[str, Any] | None = None, name: str | None = None
    ) -> Iterator[Reading]:
        """Run a statement in a read transaction that is rolled back, and hand on its rows one by one.

        ``name`` is what errors call the statement. Raises UserError where it would write, or is wrong.
        """
        import neo4j

        name = name or _title(statement)
        with explained(self.address, name, reading=True), self._session(neo4j.READ_ACCESS) as session:
            transaction = session.begin_transaction()
            answer = Reading(transaction.run(statement, dict(parameters or {})), name)
            yield answer
            answer.end()
            transaction.rollback()

    @contextlib.contextmanager
    def writer(self, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
        """Wait for this store's one place for a writer; a Neo4j server has room for several."""
        if self.address.folder is None:
            yield
            return
        from hedonic_graph.graph import keeper

        with keeper.writer(self.address.folder, on_wait):
            yield

    def close(self) -> None:
        """Close the connection; the embedded store's keeper may end some time after the last one."""
        for driver in self._drivers.values():
            driver.close()
        if self._lease is not None:
            self._lease.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(
        self,
        statement: str,
        parameters: Mapping[str, Any] | None,
        access: str,
        check: Callable[[Rows], None] | None,
        patience: "Patience | None",
    ) -> Rows:
        import neo4j

        def work(transaction: neo4j.ManagedTransaction) -> Rows:
            result = transaction.run(statement, dict(parameters or {}))
            rows = Rows(tuple(result.keys()), [tuple(record.values()) for record in result])
            if check is not None:
                check(rows)
            return rows

        def managed() -> Rows:
            with self._session(access) as session:
                run = session.execute_read if access == neo4j.READ_ACCESS else session.execute_write
                return run(work)

        with explained(self.address, _title(statement)):
            return managed() if patience is None else patience(managed)

    @contextlib.contextmanager
    def _session(self, access: str) -> "Iterator[neo4j.Session]":
        import neo4j

        login = self._reader if access == neo4j.READ_ACCESS else self._writer
        # Ctrl-C may come in the middle of a message, and closing the session in order would wait for the statement's
        # end. A cancelled one drops its connection, which ends the statement too.
        try:
            with self._driver(login).session(
                database=login.database, default_access_mode=access, bookmark_manager=self._bookmarks
            ) as session:
                try:
                    yield session
                except KeyboardInterrupt as error:
                    raise asyncio.CancelledError from error
        except asyncio.CancelledError as error:
            raise KeyboardInterrupt from error

    def _driver(self, login: Address) -> "neo4j.Driver":
        with self._opening:
            if login not in self._drivers:
                self._drivers[login] = _open(login, self.address)
            return self._drivers[login]


def _open(login: Address, address: Address) -> "neo4j.Driver":
    import neo4j

    # Hints about plans and deprecations are for who writes the statements, not for who runs them.
    logging.getLogger("neo4j.notifications").setLevel(logging.ERROR)
    # Without a handler of its own the driver's warnings about retries land on the user's screen.
    logging.getLogger("neo4j").addHandler(logging.NullHandler())
    assert login.uri is not None
    auth = (login.user, login.password or "") if login.user is not None else None
    with explained(address):
        driver = neo4j.GraphDatabase.driver(
            login.uri,
            auth=auth,
            connection_timeout=CONNECT_WITHIN,
            connection_acquisition_timeout=ANSWER_WITHIN,
            max_transaction_retry_time=RETRY_WITHIN,
        )
        try:
            # Not a managed transaction: that would try again for half a minute.
            with driver.session(database=login.database) as session:
                session.run(statements.load("check/connection").text).consume()
        except ValueError as error:
            driver.close()
            # So the driver says that a host or port has no meaning.
            raise UserError(f"no server at {address}: {error}") from error
        except BaseException:
            driver.close()
            raise
    return driver


def _title(statement: str) -> str:
    """Return what a statement is called in its first comment."""
    first = statement.lstrip().partition("\n")[0]
    return f"'{first.removeprefix('// ')}'" if first.startswith("// ") else "a statement"
