"""The embedded store's keeper: shared, private, and gone when it should be (DESIGN §6.1)."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import hedonic_graph
from hedonic_graph.errors import UserError
from hedonic_graph.graph import keeper
from hedonic_graph.graph.store import connect, resolve

PROC = Path("/proc")
on_linux = pytest.mark.skipif(not PROC.is_dir(), reason="reads /proc, which Linux alone has")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "keeper"
    yield folder
    keeper.stop(folder)


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def alive(pid: int) -> bool:
    """A process that ended and waits to be collected is not alive."""
    with contextlib.suppress(OSError):
        return PROC.joinpath(str(pid), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def children(pid: int) -> list[int]:
    found = []
    for path in PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(path.parent.name))
    return found


def command(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "hedonic_graph.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(hedonic_graph.__file__).parents[1])},
    )


def write(folder: Path, name: str) -> None:
    with connect(resolve(store=folder)) as store:
        store.write("CREATE (:Feature {name: $name})", {"name": name})


def names(folder: Path) -> list[str]:
    with connect(resolve(store=folder)) as store:
        return [row[0] for row in store.read("MATCH (f:Feature) RETURN f.name ORDER BY f.name").values]


@on_linux
def test_a_killed_keeper_leaves_no_server_and_the_next_command_works(folder: Path) -> None:
    write(folder, "before")
    running = keeper.status(folder)
    assert running is not None
    [server] = children(running.pid)
    os.kill(running.pid, signal.SIGKILL)
    # At once, without waiting: the old server is still on its way out.
    write(folder, "after")
    assert names(folder) == ["after", "before"]
    assert until(lambda: not alive(server))
    again = keeper.status(folder)
    assert again is not None and again.pid != running.pid


@on_linux
def test_a_killed_server_ends_its_keeper_and_loses_nothing(folder: Path) -> None:
    write(folder, "kept")
    lease = keeper.attach(folder)
    [server] = children(lease.keeper.pid)
    os.kill(server, signal.SIGKILL)
    assert until(lambda: not alive(lease.keeper.pid))
    lease.close()
    assert keeper.status(folder) is None
    assert names(folder) == ["kept"]


@on_linux
def test_two_starts_at_once_share_one_keeper(folder: Path) -> None:
    starts = [command("store", "start", "--store", str(folder), "--json") for _ in range(3)]
    answers = [start.communicate(timeout=120)[0] for start in starts]
    assert [start.returncode for start in starts] == [0, 0, 0], answers
    running = keeper.status(folder)
    assert running is not None and running.stay
    assert all(f'"pid": {running.pid}' in answer for answer in answers)
    keepers = [
        path for path in PROC.glob("[0-9]*/cmdline")
        if str(folder).encode() in path.read_bytes().split(b"\0")
    ]  # fmt: skip
    assert [int(path.parent.name) for path in keepers] == [running.pid]


@on_linux
def test_it_ends_when_idle_and_not_before(folder: Path) -> None:
    lease = keeper.attach(folder, idle=2.0)
    time.sleep(3.0)
    assert keeper.status(folder) == lease.keeper
    lease.close()
    # The time runs from the end of the last command.
    time.sleep(0.8)
    assert keeper.status(folder) == lease.keeper
    assert until(lambda: keeper.status(folder) is None)
    assert until(lambda: not alive(lease.keeper.pid), 5)
    assert not (folder / "keeper.json").exists()


@on_linux
def test_started_to_stay_it_stays_until_it_is_stopped_and_a_lost_password_is_made_anew(folder: Path) -> None:
    keeper.attach(folder, idle=1.0).close()
    lease = keeper.attach(folder, stay=True)
    lease.close()
    [server] = children(lease.keeper.pid)
    time.sleep(2.5)
    running = keeper.status(folder)
    assert running is not None and running.pid == lease.keeper.pid and running.stay
    assert keeper.stop(folder)
    assert keeper.status(folder) is None and not alive(server)
    assert not keeper.stop(folder)
    (folder / "password").unlink()
    assert names(folder) == []
    assert (folder / "password").read_text() != lease.password


def test_a_server_that_does_not_start_is_said_in_one_line(folder: Path) -> None:
    (folder / "server").mkdir(parents=True)
    (folder / "start.lock").touch()
    (folder / "server" / "databases").write_text("in the way")
    with pytest.raises(UserError, match=r"did not start: .+ \(see .*keeper\.log\)") as refused:
        keeper.attach(folder)
    assert "\n" not in str(refused.value)
    assert keeper.status(folder) is None
    (folder / "server" / "databases").unlink()
    assert names(folder) == []


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match=r"is not a store: it holds manifest\.json"):
        keeper.attach(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
    with pytest.raises(UserError, match="is a file: a store is a folder"):
        keeper.attach(tmp_path / "manifest.json")
    assert not keeper.stop(tmp_path)


def test_a_writer_waits_for_the_other(folder: Path) -> None:
    folder.mkdir()
    waited = []
    with keeper.writer(folder):
        script = (
            "import sys; from pathlib import Path; from hedonic_graph.graph import keeper\n"
            "with keeper.writer(Path(sys.argv[1]), lambda: print('waiting', flush=True)): print('in', flush=True)"
        )
        other = subprocess.Popen(
            [sys.executable, "-c", script, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(hedonic_graph.__file__).parents[1])},
        )
        assert other.stdout is not None
        assert other.stdout.readline() == "waiting\n"
        waited.append(other.poll())
    assert other.communicate(timeout=20)[0] == "in\n"
    assert waited == [None]
