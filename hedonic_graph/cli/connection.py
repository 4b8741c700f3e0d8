"""The options that say where the graph is, the same for every command that asks it."""

import functools
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hedonic_graph.graph.store import Address

OPTIONS = (
    click.option("--uri", metavar="URI", help="A Neo4j server, such as bolt://localhost:7687  [else NEO4J_URI]."),
    click.option("--user", metavar="NAME", help="Its user  [else NEO4J_USERNAME, else neo4j]."),
    click.option("--password", "ask", is_flag=True, help="Ask for the password  [else NEO4J_PASSWORD]."),
    click.option("--database", metavar="NAME", help="Its database  [else NEO4J_DATABASE, else the server's default]."),
    click.option(
        "--store",
        metavar="DIR",
        type=click.Path(),
        help="An embedded store  [where no server is named: HEDONIC_STORE, else hedonic.graph].",
    ),
)


def connection(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets an ``address`` in their place."""

    @functools.wraps(command)
    def with_address(
        *, uri: str | None, user: str | None, ask: bool, database: str | None, store: str | None, **rest: Any
    ) -> Any:
        return command(address=_address(uri, user, ask, database, store), **rest)

    for option in reversed(OPTIONS):
        with_address = option(with_address)
    return with_address


def waiting() -> None:
    """Say that another command has the store's one place for a writer."""
    click.echo("Another command is writing to this store: waiting for it.", err=True)


def away(address: "Address") -> Callable[[], None]:
    """Return what says that the server is away."""
    return lambda: click.echo(f"{address} does not answer: waiting for it to come back.", err=True)


def _address(uri: str | None, user: str | None, ask: bool, database: str | None, store: str | None) -> "Address":
    from hedonic_graph.graph.store import resolve

    known = os.environ
    server = uri is not None or (store is None and known.get("NEO4J_URI"))
    login = server and (user or known.get("NEO4J_USERNAME")) and not known.get("NEO4J_PASSWORD")
    password = None
    if ask or (login and sys.stdin.isatty()):
        password = click.prompt("Password", hide_input=True, err=True)
    return resolve(uri, user, password, database, store)
