"""A Neo4j Community server for the tests: its own data, ports and password, on loopback only (DESIGN §6.1)."""

import contextlib
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import neo4j
from neo4j_server import jars

HOST = "127.0.0.1"
# Below the ports that outgoing connections take: those could take a killed server's before it is started again.
PORTS = range(20_000, 32_000)
START_WITHIN = 180.0
END_WITHIN = 120.0
ATTEMPTS = 5
OPENED = ("java.base/java.nio", "java.base/java.io", "java.base/sun.nio.ch", "java.base/java.util.concurrent")


class Neo4jServer:
    """A server whose data live in ``home``; ``with Neo4jServer(path) as server`` starts and stops it.

    It ends with the process that started it, however that ends. ``heap`` is as Java's ``-Xmx`` takes it, ``settings``
    go into its ``neo4j.conf`` and win over those here.
    """

    user = "neo4j"

    def __init__(
        self, home: Path, *, heap: str = "768m", page_cache: str = "128m", settings: Mapping[str, str] | None = None
    ):
        self.home = home
        self.settings = dict(settings or {})
        self.password = secrets.token_urlsafe(24)
        self._memory = (heap, page_cache)
        self._ports: tuple[int, int] | None = None
        self._watch: subprocess.Popen[str] | None = None
        self.pid = 0
        self._named = False
        """Whether it has its password; a new server has one that everybody knows."""

    @property
    def uri(self) -> str:
        """Its Bolt address; the same after a restart."""
        return f"bolt://{HOST}:{self._ports[0]}" if self._ports else ""

    @property
    def http(self) -> str:
        """Its HTTP address, where it serves Neo4j Browser at ``/browser/``."""
        return f"http://{HOST}:{self._ports[1]}" if self._ports else ""

    def start(self) -> None:
        """Start it and return when it takes logins."""
        first = self._ports is None
        for attempt in range(ATTEMPTS):
            if first:
                self._ports = _free_port(), _free_port()
            self._launch()
            try:
                self._wait()
            except RuntimeError as error:
                self.stop()
                # Somebody else took the port since it was looked at.
                if first and "already in use" in str(error) and attempt + 1 < ATTEMPTS:
                    continue
                raise
            except BaseException:
                self.stop()
                raise
            return

    def stop(self) -> None:
        """End it as an operator would; nothing happens where it does not run."""
        if self._watch is None:
            return
        assert self._watch.stdin is not None and self._watch.stdout is not None
        self._watch.stdin.close()
        self._watch.wait()
        self._watch.stdout.close()
        self._watch = None

    def kill(self) -> None:
        """End it with SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def ended(self) -> None:
        """Wait until somebody else's SIGKILL has ended it."""
        assert self._watch is not None
        self._watch.wait(END_WITHIN)
        self.stop()

    def restart(self) -> None:
        """Start it again, stopped first where it still runs, on the same ports and data."""
        self.stop()
        self.start()

    def log(self) -> str:
        """What it and its Java have said since it was first started."""
        files = (self.home / "logs" / "neo4j.log", self.home / "console.log")
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def __enter__(self) -> "Neo4jServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self) -> None:
        configuration = self.home / "conf" / "neo4j.conf"
        configuration.parent.mkdir(parents=True, exist_ok=True)
        configuration.write_text("".join(f"{name}={value}\n" for name, value in self._settings().items()))
        command = [jars.java(), f"-Xmx{self._memory[0]}", "-cp", f"{jars.fetch()}/*"]
        command += [part for opened in OPENED for part in ("--add-opens", f"{opened}=ALL-UNNAMED")]
        command += ["org.neo4j.server.CommunityEntryPoint", "--console-mode"]
        command += [f"--home-dir={self.home}", f"--config-dir={configuration.parent}"]
        with (self.home / "console.log").open("a") as log:
            self._watch = subprocess.Popen(
                [sys.executable, "-I", str(Path(__file__).with_name("watch.py")), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # An interrupt at the keyboard is for pytest, which then ends the server in its own time.
                start_new_session=True,
            )
        assert self._watch.stdout is not None
        self.pid = int(self._watch.stdout.readline())

    def _settings(self) -> dict[str, str]:
        assert self._ports is not None
        bolt, http = (f"{HOST}:{port}" for port in self._ports)
        return {
            "server.default_listen_address": HOST,
            "server.default_advertised_address": HOST,
            "server.bolt.listen_address": bolt,
            "server.bolt.advertised_address": bolt,
            "server.http.listen_address": http,
            "server.http.advertised_address": http,
            "server.https.enabled": "false",
            "server.memory.pagecache.size": self._memory[1],
            "dbms.usage_report.enabled": "false",
            # A quarter of a gigabyte for each database otherwise.
            "db.tx_log.preallocate": "false",
            **self.settings,
        }

    def _wait(self) -> None:
        assert self._watch is not None
        deadline = time.monotonic() + START_WITHIN
        while not self._answers():
            if self._watch.poll() is not None:
                raise RuntimeError(f"Neo4j ended while it started:\n{self.log()[-3000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Neo4j did not start in {START_WITHIN:.0f} s:\n{self.log()[-3000:]}")
            time.sleep(0.2)

    def _answers(self) -> bool:
        """Say whether it takes its password, which a new server is given here, and serves HTTP."""
        assert self._ports is not None
        try:
            # First, because the driver would print each refusal. HTTP comes last.
            for port in reversed(self._ports):
                socket.create_connection((HOST, port), timeout=5).close()
        except OSError:
            return False
        if not self._named:
            change = "ALTER CURRENT USER SET PASSWORD FROM $old TO $new"
            self._named = self._ask("neo4j", change, "system", old="neo4j", new=self.password)
        return self._named and self._ask(self.password, "RETURN 1", "neo4j")

    def _ask(self, password: str, statement: str, database: str, **values: str) -> bool:
        try:
            with (
                neo4j.GraphDatabase.driver(self.uri, auth=(self.user, password)) as driver,
                driver.session(database=database) as session,
            ):
                session.run(statement, values).consume()  # type: ignore[arg-type]
        except (neo4j.exceptions.ServiceUnavailable, neo4j.exceptions.TransientError, neo4j.exceptions.DatabaseError):
            return False
        return True


def _free_port() -> int:
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise RuntimeError(f"no free port in {PORTS}")
