"""The embedded store's server: a process of its own that lives as long as its standard input (DESIGN §6.1).

The keeper starts it with ``python -m hedonic_graph.graph.server``. It reads one line of JSON from standard
input, ``{"folder": ..., "database": ..., "password": ...}``, answers with one line ``{"port": ...}`` when it takes
Bolt connections, and stops when standard input ends, however the keeper ended. The Java machine runs inside this
process and in no other.
"""

import fcntl
import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
HEAP = "1g"
STOP_WITHIN = 60.0


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

    # The store's password file decides, not what an earlier start left here.
    (home / "config" / "server-users.jsonl").unlink(missing_ok=True)
    port = _free_port()
    settings = {
        "bolt.defaultDatabase": order["database"],
        "server.plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
        "server.logsDirectory": home / "log",
        "server.mode": "production",
        "txWalFlush": 2,
    }
    start_jvm(
        heap_size=HEAP,
        jvm_args=[f"-XX:ErrorFile={home}/java-crash-%p.log"]
        + [f"-Darcadedb.{name}={value}" for name, value in settings.items()],
    )
    listen = {"host": HOST, "http_port": _free_port(), "bolt_host": HOST, "bolt_port": port, "mode": "production"}
    server = create_server(str(home), order["password"], listen)
    server.start()
    server.create_database(order["database"])
    return server, port


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
