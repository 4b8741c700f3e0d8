"""The keeper of an embedded store: a small process that owns the store's server (DESIGN §6.1).

``attach`` is what commands use: it finds the folder's keeper or starts one. The keeper itself runs detached, as
``python -m hedonic_graph.graph.keeper FOLDER``. Everything the two must agree on is a lock that the kernel gives
back when its holder dies, so a killed keeper leaves nothing that stops the next one:

``start.lock``    held by a command while it looks for the keeper, so that two commands do not start two
``keeper.lock``   held by the keeper for all its life
``clients.lock``  shared by the commands at work; the keeper has none when it can take it alone
``writer.lock``   held by the one loader at work
``keeper.json``   the keeper's process id and address; means something only while ``keeper.lock`` is held
``password``, ``reader.password``  of the server's two users, who may do everything and only read; readable by their
owner alone, as is everything else here
"""

import argparse
import contextlib
import fcntl
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from hedonic_graph.errors import UserError
from hedonic_graph.graph.faults import no_room

IDLE = 600.0
"""Seconds without a command after which a keeper ends, unless it was started to stay."""
START_WITHIN = 120.0
GIVE_UP = START_WITHIN - 10
"""Seconds after which a keeper ends a server that does not get ready, while its starter still waits to hear why."""
STOP_WITHIN = 90.0
POLL = 0.25
LOG_LIMIT = 1_000_000
USER = "root"
"""May do everything."""
READER = "reader"
"""May read and nothing else: the server refuses it every write."""
DATABASE = "neo4j"


@dataclass(frozen=True)
class Keeper:
    """A running keeper."""

    pid: int
    uri: str
    stay: bool
    """Started by ``store start``: it does not end by itself."""
    since: float
    """Seconds since the epoch."""


@dataclass
class Lease:
    """A command's hold on a running keeper: while it is open the keeper does not end by itself."""

    keeper: Keeper
    password: str
    """Of ``USER``."""
    reader_password: str
    """Of ``READER``."""
    lock: IO[str]

    def close(self) -> None:
        """Let the keeper go."""
        self.lock.close()


# what commands use


def attach(folder: Path, *, stay: bool = False, idle: float = IDLE) -> Lease:
    """Return a hold on the keeper of ``folder``, started if there is none; makes the folder if need be.

    ``stay`` makes the keeper stay until ``stop``. Raises UserError where the folder cannot hold a store or its
    server does not start.
    """
    folder = folder.absolute()
    _prepare(folder)
    with _locked(folder / "start.lock"):
        # The lease first: a keeper that is about to end for want of clients either sees it or is gone after it.
        lease = _open(folder / "clients.lock")
        try:
            fcntl.flock(lease, fcntl.LOCK_SH)
            os.utime(folder / "clients.lock")
            keeper = _running(folder) or _start(folder, stay, idle)
            if stay and not keeper.stay:
                os.kill(keeper.pid, signal.SIGUSR1)
            password, reader = (password_file(folder, user).read_text().strip() for user in (USER, READER))
            return Lease(keeper, password, reader, lease)
        except BaseException:
            lease.close()
            raise


def status(folder: Path) -> Keeper | None:
    """Return the keeper of ``folder``, None where none runs. Starts nothing."""
    folder = folder.absolute()
    return _running(folder, wait=False) if folder.is_dir() else None


def stop(folder: Path) -> bool:
    """End the keeper of ``folder`` and its server; False where none ran. Returns when both are gone."""
    folder = folder.absolute()
    if not is_store(folder):
        return False
    with _locked(folder / "start.lock"):
        keeper = _running(folder)
        if keeper is None:
            return False
        os.kill(keeper.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN
        while not _free(folder / "keeper.lock"):
            if time.monotonic() > deadline:
                raise UserError(f"the store at {folder} does not stop: its keeper is process {keeper.pid}")
            time.sleep(0.05)
    return True


@contextlib.contextmanager
def writer(folder: Path, on_wait: Any = None) -> Iterator[None]:
    """Hold the store's one place for a writer; ``on_wait()`` is called once where another writer is at work."""
    with _open(folder / "writer.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait is not None:
                on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_store(folder: Path) -> bool:
    """Say whether an embedded store was ever made in ``folder``."""
    try:
        # The first file that ``attach`` makes.
        return (folder / "start.lock").is_file()
    except PermissionError:
        raise UserError(f"the store at {folder} belongs to another user") from None


def check(folder: Path) -> None:
    """Raise UserError where ``folder`` is a file, or holds what is no store; makes nothing."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: a store is a folder")
    if folder.is_dir() and not is_store(folder):
        strangers = [path.name for path in folder.iterdir()]
        if strangers and not is_store(folder):
            raise UserError(f"{folder} is not a store: it holds {strangers[0]} (name an empty or a new folder)")


def password_file(folder: Path, user: str) -> Path:
    """Return the file with the password of ``USER`` or ``READER``."""
    return folder / {USER: "password", READER: "reader.password"}[user]


def _prepare(folder: Path) -> None:
    try:
        check(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise UserError(f"no store can be made at {folder}: {error.strerror}") from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _open(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _open(path: Path) -> IO[str]:
    """Open for appending a file that only its owner can open."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a")
    except PermissionError as error:
        raise UserError(f"the store at {path.parent} belongs to another user, or is read-only") from error


def _free(path: Path) -> bool:
    """Say whether nobody holds the lock. The answer stays true only for who holds ``start.lock``."""
    try:
        with path.open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    return True


def _running(folder: Path, wait: bool = True) -> Keeper | None:
    """Return the running keeper; where one is just starting or ending, wait for what becomes of it."""
    deadline = time.monotonic() + START_WITHIN
    while not _free(folder / "keeper.lock"):
        with contextlib.suppress(FileNotFoundError):
            return Keeper(**json.loads((folder / "keeper.json").read_text()))
        if not wait:
            return None
        if time.monotonic() > deadline:
            raise UserError(f"the store at {folder} neither starts nor ends: see {folder / 'keeper.log'}")
        time.sleep(0.05)
    return None


def _start(folder: Path, stay: bool, idle: float) -> Keeper:
    from hedonic_graph.progress import bar

    if no_room(folder):
        # A server would begin to make its database and hang.
        raise UserError(f"the embedded store did not start: no room left on the disk of {folder}: make room")
    log = folder / "keeper.log"
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.unlink()
    environment = dict(os.environ)
    root = Path(__file__).resolve().parents[2]
    if root.name not in ("site-packages", "dist-packages"):
        # A checkout that is not installed must be found from the store's folder too.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-P", "-m", "hedonic_graph.graph.keeper", str(folder), "--idle", str(idle)]
    with _open(log) as messages:
        process = subprocess.Popen(
            command + ["--stay"] * stay,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
            cwd=folder,
            env=environment,
        )
    assert process.stdout is not None
    began = time.monotonic()
    progress = bar("Starting the embedded store", unit="s")
    try:
        while not select.select([process.stdout], [], [], 1.0)[0]:
            progress.update()
            if time.monotonic() - began > START_WITHIN:
                raise UserError(f"the embedded store did not start in {START_WITHIN:.0f} s: see {log}")
        answer = process.stdout.readline()
    finally:
        progress.close()
        process.stdout.close()
        process.wait()
    keeper = _running(folder) if answer == b"ready\n" else None
    if keeper is None and no_room(folder):
        raise UserError(f"the embedded store did not start: no room left on the disk of {folder}: make room")
    if keeper is None:
        raise UserError(f"the embedded store did not start: {_last_words(log)} (see {log})")
    return keeper


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no reason given"


# the keeper itself


def keep(folder: Path, *, stay: bool, idle: float, ready: IO[bytes]) -> None:
    """Run the store's server until told to stop, or until nobody has used it for ``idle`` seconds."""
    signals = {"stop": False, "stay": stay}
    signal.signal(signal.SIGTERM, lambda *_: signals.update(stop=True))
    signal.signal(signal.SIGUSR1, lambda *_: signals.update(stay=True))
    with _open(folder / "keeper.lock") as lock, _open(folder / "clients.lock") as clients:
        _take(lock)
        notice = folder / "keeper.json"
        notice.unlink(missing_ok=True)
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", "hedonic_graph.graph.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert server.stdin is not None and server.stdout is not None
        try:
            logins = {
                role: (user, _password(password_file(folder, user)))
                for role, user in (("writer", USER), ("reader", READER))
            }
            order = {"folder": str(folder), "database": DATABASE, **logins}
            server.stdin.write(json.dumps(order).encode() + b"\n")
            server.stdin.flush()
            # Its one line comes whole.
            answer = server.stdout.readline() if select.select([server.stdout], [], [], GIVE_UP)[0] else b""
            if not answer:
                server.kill()
                return
            keeper = Keeper(os.getpid(), f"bolt://127.0.0.1:{json.loads(answer)['port']}", stay, time.time())
            _write(notice, json.dumps(asdict(keeper)))
            with contextlib.suppress(BrokenPipeError), ready:
                ready.write(b"ready\n")
            used = time.time()
            while server.poll() is None and not signals["stop"]:
                if signals["stay"] and not keeper.stay:
                    keeper = Keeper(keeper.pid, keeper.uri, True, keeper.since)
                    _write(notice, json.dumps(asdict(keeper)))
                if _alone(clients):
                    used = max(used, (folder / "clients.lock").stat().st_mtime)
                    if time.time() - used > idle and not keeper.stay:
                        # Still holding the clients' lock: who comes now waits until this keeper is gone.
                        break
                    fcntl.flock(clients, fcntl.LOCK_UN)
                else:
                    used = time.time()
                time.sleep(min(POLL, idle / 4))
        finally:
            notice.unlink(missing_ok=True)
            with contextlib.suppress(BrokenPipeError):
                server.stdin.close()
            try:
                server.wait(STOP_WITHIN - 10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _take(lock: IO[str]) -> None:
    # A command that looks whether the lock is free holds it for an instant.
    for _ in range(100):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.02)
    sys.exit("another keeper has this store")


def _alone(clients: IO[str]) -> bool:
    try:
        fcntl.flock(clients, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _password(path: Path) -> str:
    """Return the password in a file, made anew where there is none or others could have read it."""
    if not path.exists() or path.stat().st_mode & 0o077 or not path.read_text().strip():
        _write(path, secrets.token_urlsafe(32))
    return path.read_text().strip()


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    part = path.with_name(path.name + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    part.rename(path)


def main() -> None:
    """Detach from the command that started this process, then keep."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--idle", type=float, default=IDLE)
    parser.add_argument("--stay", action="store_true")
    arguments = parser.parse_args()
    os.umask(0o077)
    if os.fork():
        os._exit(0)
    os.setsid()
    # Standard output is the starter's pipe; it must end with the starter's patience, not with the server's life.
    ready = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    keep(arguments.folder, stay=arguments.stay, idle=arguments.idle, ready=ready)


if __name__ == "__main__":
    main()
