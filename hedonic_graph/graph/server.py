"""The embedded store's server: a process of its own that lives as long as its standard input (DESIGN §6.1).

The keeper starts it with ``python -m hedonic_graph.graph.server``. It reads one line of JSON from standard
input, ``{"folder": ..., "database": ..., "writer": [USER, PASSWORD], "reader": [USER, PASSWORD]}``, answers with one
line ``{"port": ...}`` when it takes Bolt connections, and stops when standard input ends, however the keeper ended.
The Java machine runs inside this process and in no other.

The server does not hold a read transaction to reading, as Neo4j does. It does hold a user to what its group may do:
so there is a user that may read records and nothing else.
"""

import fcntl
import json
import os
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
HEAP = "1g"
STOP_WITHIN = 60.0
READER_GROUP = "reader"
RECORDS = ("createRecord", "readRecord", "updateRecord", "deleteRecord")


def serve() -> None:
    """Run the server from standard input's first line to its end."""
    # What Java prints must not get between the keeper and the answer.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())
    home = Path(order["folder"]) / "server"
    home.mkdir(exist_ok=True)
    os.chdir(home)
    with Path("lock").open("w") as lock:
        # A server whose keeper was killed may still be closing this database: wait for it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        server, port = _start(home, order)
        answer.write(json.dumps({"port": port}) + "\n")
        answer.close()
        sys.stdin.read()
        _stop(server)


def _start(home: Path, order: dict[str, Any]) -> tuple[Any, int]:
    from arcadedb_embedded.jvm import start_jvm
    from arcadedb_embedded.server import create_server

    config = home / "config"
    config.mkdir(exist_ok=True)
    # The store's password files decide, not what an earlier start left here.
    (config / "server-users.jsonl").unlink(missing_ok=True)
    (config / "server-groups.json").write_text(json.dumps(_groups()))
    port = _free_port()
    settings = {
        "bolt.defaultDatabase": order["database"],
        # Files of this machine are no business of a statement.
        "opencypher.loadCsv.allowFileUrls": "false",
        "server.plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
        "server.logsDirectory": home / "log",
        # In production mode it tells no client what is wrong with a statement.
        "server.mode": "development",
        "txWalFlush": 2,
    }
    start_jvm(
        heap_size=HEAP,
        jvm_args=[f"-XX:ErrorFile={home}/java-crash-%p.log"]
        + [f"-Darcadedb.{name}={value}" for name, value in settings.items()],
    )
    listen = {"host": HOST, "http_port": "0", "bolt_host": HOST, "bolt_port": port, "mode": settings["server.mode"]}
    user, password = order["writer"]
    assert user == "root", "the server makes this user by itself"
    server = create_server(str(home), password, listen)
    server.start()
    # It cannot be started without HTTP, which nobody here speaks.
    server._java_server.getHttpServer().stopService()
    server.create_database(order["database"])
    _add_reader(server, order["database"], *order["reader"])
    return server, port


def _groups() -> dict[str, Any]:
    def group(access: Sequence[str], records: Sequence[str]) -> dict[str, Any]:
        types = {"*": {"access": records}}
        return {"resultSetLimit": -1, "readTimeout": -1, "access": access, "types": types}

    groups = {
        "admin": group(("updateSecurity", "updateSchema", "updateDatabaseSettings"), RECORDS),
        READER_GROUP: group((), ("readRecord",)),
        # Who is in none of them.
        "*": group((), ()),
    }
    return {"version": 2, "databases": {"*": {"groups": groups}}}


def _add_reader(server: Any, database: str, user: str, password: str) -> None:
    import jpype  # type: ignore[import-untyped]

    security = server._java_server.getSecurity()
    reader = {"name": user, "password": str(security.encodePassword(password)), "databases": {database: [READER_GROUP]}}
    security.createUser(jpype.JClass("com.arcadedb.serializer.json.JSONObject")(json.dumps(reader)))


def _stop(server: Any) -> None:
    # A server that cannot close must not linger: what it acknowledged is in its log and is replayed.
    deadline = threading.Timer(STOP_WITHIN, os._exit, (1,))
    deadline.daemon = True
    deadline.start()
    server.stop()
    # Leaving through the interpreter with a Java machine inside was seen to crash.
    os._exit(0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    serve()
