"""Java, and Neo4j's jars from Maven Central, fetched once and kept in the user's cache folder."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
JAVA = 17
"""The oldest Java that the server runs on."""
FETCH_WITHIN = 900.0


def java() -> str:
    """The Java to run, by ``JAVA_HOME`` or the search path, whether or not it is there."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin", "java")) if home else "java"


def missing() -> str | None:
    """Say what this machine lacks to run Neo4j, None where it has all of it. Fetches nothing."""
    try:
        said = subprocess.run([java(), "-version"], capture_output=True, text=True, timeout=60).stderr
    except OSError:
        return f"Neo4j needs Java {JAVA} or newer: there is none"
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < JAVA:
        return f"Neo4j needs Java {JAVA} or newer: {java()} is {version[1] if version else 'none'}"
    if not _folder().is_dir() and shutil.which("mvn") is None:
        return "Neo4j is fetched by Maven (mvn): there is none"
    return None


def fetch() -> Path:
    """Return the folder with the server's jars, fetched where this is the first time."""
    folder = _folder()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as part:
                _fetch(Path(part))
                Path(part, "jars").rename(folder)
    return folder


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "hedonic-graph-tests" / f"neo4j-{hashlib.sha256(POM.read_bytes()).hexdigest()[:16]}"


def _fetch(part: Path) -> None:
    # Maven leaves what it makes beside the pom.
    pom = shutil.copy(POM, part)
    command = ["mvn", "--batch-mode", "--quiet", "--file", pom, "dependency:copy-dependencies"]
    done = subprocess.run(
        [*command, "-DincludeScope=runtime", f"-DoutputDirectory={part / 'jars'}"],
        cwd=part,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=FETCH_WITHIN,
    )
    if done.returncode:
        raise RuntimeError(f"Maven could not fetch Neo4j:\n{done.stdout[-3000:]}")
