"""What the tests' own Neo4j rests on: it is named when it is missing, and ends with the process that started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from neo4j_server import jars, watch


def executable(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search path with nothing on it, and an empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path


def test_what_is_missing_is_named(machine: Path) -> None:
    assert jars.missing() == "Neo4j needs Java 17 or newer: there is none"
    executable(machine / "java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2")
    assert jars.missing() == "Neo4j needs Java 17 or newer: java is 11"
    executable(machine / "java", "echo 'openjdk version \"25\" 2025-09-16' >&2")
    assert jars.missing() == "Neo4j is fetched by Maven (mvn): there is none"
    executable(machine / "mvn", "exit 1")
    assert jars.missing() is None


def test_a_fetch_that_fails_leaves_nothing_and_one_that_works_is_the_only_one(machine: Path) -> None:
    executable(machine / "mvn", "echo no route; exit 1")
    with pytest.raises(RuntimeError, match="no route"):
        jars.fetch()
    makes = 'for argument; do case "$argument" in -DoutputDirectory=*) /bin/mkdir "${argument#*=}";; esac; done'
    executable(machine / "mvn", f"echo x >> {machine}/calls\n{makes}")
    folder = jars.fetch()
    assert folder == jars.fetch() and folder.is_dir()
    assert (machine / "calls").read_text() == "x\n"
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, folder.with_suffix(".lock").name}


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_server_does_not_outlive_who_started_it() -> None:
    script = (
        "import subprocess, sys, time\n"
        "watch = subprocess.Popen([sys.executable, sys.argv[1], sys.executable, '-c', 'import time; time.sleep(600)'],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)\n"
        "print(watch.stdout.readline().strip(), flush=True)\n"
        "time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script, watch.__file__], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        served = int(starter.stdout.readline())
        assert not gone(served)
        starter.send_signal(signal.SIGKILL)
    assert until(lambda: gone(served))
