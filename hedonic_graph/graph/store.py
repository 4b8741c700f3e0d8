"""A connection to the graph: any Neo4j by its address, or the embedded store (DESIGN §6.1)."""

import contextlib
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedonic_graph.errors import UserError
from hedonic_graph.graph import statements

if TYPE_CHECKING:
    import neo4j

    from hedonic_graph.graph.keeper import Lease
    from hedonic_graph.graph.patience import Patience

DEFAULT_FOLDER = "hedonic.graph"
# What a batch may hold (§6.1): a Bolt message of over 16 MB hangs a client of the embedded store.
EMBEDDED_BATCH = 2_000
NEO4J_BATCH = 10_000
CONNECT_WITHIN = 15.0
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
        return f"the store at {self.folder}" if self.uri is None else _without_login(self.uri)


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
            raise UserError(
                f"{_without_login(uri)} is not the address of a server: it looks like bolt://localhost:7687"
            )
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
        return Store(address, _driver(address), NEO4J_BATCH, address.database)

    from hedonic_graph.graph import keeper

    if not create and not keeper.is_store(address.folder):
        raise UserError(
            f"no store at {address.folder}, nothing ingested yet: run `hedonic-graph ingest ANALYSIS`, "
            "or say where the graph is with --store, --uri or NEO4J_URI"
        )
    for _ in range(ATTEMPTS):
        lease = keeper.attach(address.folder, idle=keeper.IDLE if idle is None else idle)
        login = Address(lease.keeper.uri, keeper.USER, lease.password, keeper.DATABASE)
        try:
            store = Store(address, _driver(login), EMBEDDED_BATCH, keeper.DATABASE, lease)
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
    """An open connection. Every statement is a managed transaction; values are parameters, never text."""

    def __init__(
        self, address: Address, driver: "neo4j.Driver", batch: int, database: str | None, lease: "Lease | None" = None
    ):
        self.address = address
        self.batch = batch
        """How many rows one statement should carry here."""
        self._driver = driver
        self._lease = lease
        self._database = database

    @property
    def embedded(self) -> bool:
        """Whether this is the embedded store."""
        return self._lease is not None

    @property
    def server(self) -> str:
        """Name and version of the server, as it calls itself."""
        with explained(self.address):
            return self._driver.get_server_info().agent

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
        self._driver.close()
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
            with self._driver.session(database=self._database, default_access_mode=access) as session:
                run = session.execute_read if access == neo4j.READ_ACCESS else session.execute_write
                return run(work)

        with explained(self.address):
            return managed() if patience is None else patience(managed)


def _driver(login: Address) -> "neo4j.Driver":
    import neo4j

    # Hints about plans and deprecations are for who writes the statements, not for who runs them.
    logging.getLogger("neo4j.notifications").setLevel(logging.ERROR)
    # Without a handler of its own the driver's warnings about retries land on the user's screen.
    logging.getLogger("neo4j").addHandler(logging.NullHandler())
    assert login.uri is not None
    auth = (login.user, login.password or "") if login.user is not None else None
    with explained(login):
        driver = neo4j.GraphDatabase.driver(
            login.uri, auth=auth, connection_timeout=CONNECT_WITHIN, max_transaction_retry_time=RETRY_WITHIN
        )
        try:
            # Not a managed transaction: that would try again for half a minute.
            with driver.session(database=login.database) as session:
                session.run(statements.load("check/connection").text).consume()
        except ValueError as error:
            driver.close()
            # So the driver says that a host or port has no meaning.
            raise UserError(f"no server at {login}: {error}") from error
        except BaseException:
            driver.close()
            raise
    return driver


@contextlib.contextmanager
def explained(address: Address) -> Iterator[None]:
    """Turn what a user can put right about a connection into one line (DESIGN §7)."""
    from neo4j import exceptions

    try:
        yield
    except exceptions.AuthError as error:
        if address.folder is not None:
            raise UserError(f"{address} stopped answering: run the same command again") from error
        if address.user is None:
            raise UserError(f"{address} wants a login: set NEO4J_USERNAME and NEO4J_PASSWORD") from error
        raise UserError(f"{address} refuses user {address.user!r}: wrong user name or password") from error
    except exceptions.ServiceUnavailable as error:
        reason = str(error).splitlines()[0] if str(error) else "no answer"
        if "looks like HTTP" in str(error) or "handshake" in str(error).lower():
            raise UserError(f"{address} does not speak Bolt: name the Bolt port (7687 by default)") from error
        if address.folder is not None:
            raise UserError(f"{address} stopped answering: run the same command again") from error
        raise UserError(f"no server at {address}: {_without_login(reason)}") from error
    except exceptions.SessionExpired as error:
        raise UserError(f"{address} went away: run the same command again, it continues") from error
    except exceptions.TransientError as error:
        reason = (error.message or "no reason given").splitlines()[0]
        raise UserError(f"{address} could not do it now ({reason}): run the same command again") from error
    except exceptions.ConfigurationError as error:
        raise UserError(f"{address} is not an address: {_without_login(str(error).splitlines()[0])}") from error
    except exceptions.ClientError as error:
        if "DatabaseNotFound" in (error.code or ""):
            raise UserError(f"{address} has no database {address.database!r}: name it with --database") from error
        raise


def _without_login(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//", text)
