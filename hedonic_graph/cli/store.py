"""``hedonic-graph store``: the embedded store for other clients."""

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hedonic_graph.errors import UserError

if TYPE_CHECKING:
    from hedonic_graph.graph.keeper import Keeper

EXAMPLE = """\b
Example:
  hedonic-graph store start
  hedonic-graph store status
  hedonic-graph store stop"""

folder = click.option(
    "--store", "store_", metavar="DIR", type=click.Path(), help="The store  [else HEDONIC_STORE, else hedonic.graph]."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


@click.group(epilog=EXAMPLE)
def store() -> None:
    """Start, look at and stop the embedded store.

    Other commands start it when they need it, and it ends ten minutes after the last one.
    """


@store.command(epilog="Example: hedonic-graph store start --store cqtr.graph")
@folder
@as_json
def start(store_: str | None, as_json: bool) -> None:
    """Start the store, to stay until `store stop`, and print its Bolt address."""
    from hedonic_graph.graph import keeper

    path = _folder(store_)
    lease = keeper.attach(path, stay=True)
    lease.close()
    _print(path, lease.keeper, True, as_json)


@store.command(epilog="Example: hedonic-graph store status --json")
@folder
@as_json
def status(store_: str | None, as_json: bool) -> None:
    """Say whether the store runs, and where it answers."""
    from hedonic_graph.graph import keeper

    path = _folder(store_)
    running = keeper.status(path)
    if running is None and not keeper.is_store(path) and not as_json:
        click.echo(f"no store at {path}")
        return
    _print(path, running, running is not None and running.stay, as_json)


@store.command(epilog="Example: hedonic-graph store stop")
@folder
def stop(store_: str | None) -> None:
    """Stop the store."""
    from hedonic_graph.graph import keeper

    path = _folder(store_)
    if not keeper.is_store(path):
        raise UserError(f"no store at {path}: name it with --store DIR")
    click.echo(f"{path}: stopped" if keeper.stop(path) else f"{path}: was not running")


def _folder(given: str | None) -> Path:
    from hedonic_graph.graph.store import DEFAULT_FOLDER

    # A server named in the environment is no matter here: these commands are about a folder.
    return Path(given or os.environ.get("HEDONIC_STORE") or DEFAULT_FOLDER)


def _print(path: Path, running: "Keeper | None", stays: bool, as_json: bool) -> None:
    from hedonic_graph.graph import keeper

    record: dict[str, Any] = {"store": str(path), "running": running is not None}
    if running is not None:
        record |= {
            "uri": running.uri,
            "user": keeper.USER,
            "password_file": str(keeper.password_file(path, keeper.USER)),
            "reader": keeper.READER,
            "reader_password_file": str(keeper.password_file(path, keeper.READER)),
            "database": keeper.DATABASE,
            "stays": stays,
            "pid": running.pid,
            "up_seconds": round(time.time() - running.since),
        }
    if as_json:
        click.echo(json.dumps(record, indent=1))
    elif running is None:
        click.echo(f"{path}: not running; the next command starts it")
    else:
        click.echo(f"{path}: running at {running.uri}, database {keeper.DATABASE}")
        for user, may in ((keeper.READER, "read"), (keeper.USER, "read and write")):
            click.echo(f"to {may}: user {user}, password in {keeper.password_file(path, user)}")
        click.echo("stays until `hedonic-graph store stop`" if stays else "ends ten minutes after its last command")
