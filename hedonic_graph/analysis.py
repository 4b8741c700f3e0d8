"""The analysis folder: units of work with keys, checksums and atomic writes (DESIGN §5).

A *unit* is the smallest piece that is redone as a whole, such as ``phi.pas/L07``; its files are named after
it (``phi.pas/L07.safetensors``). The manifest holds, for every unit, the key it was computed for and the size
and SHA-256 of its files. A unit's key hangs on the *contents* of the units it was computed from, so a changed
input redoes what hangs on it, and no more.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hedonic_graph.errors import UserError

SCHEMA = 1
MANIFEST = "manifest.json"
_PACKAGES = ("hedonic-graph", "torch", "transformers", "peft", "numpy", "scipy", "igraph", "pandas", "safetensors")


class DamagedFile(UserError):
    """A file of the folder is missing, cut short or changed."""


def key_of(**parts: Any) -> str:
    """SHA-256 of JSON-able parts, as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Analysis:
    """An analysis folder. Reading needs no lock; writing happens inside :meth:`writing`."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self._verified: set[str] = set()

    @property
    def name(self) -> str:
        """The folder's name, which its runs' ids begin with."""
        return self.path.resolve().name

    @property
    def command(self) -> str:
        """The command that makes this folder, and mends it."""
        return str(self.manifest.get("command", "analyze"))

    @classmethod
    def open(cls, path: Path) -> "Analysis":
        """Open an existing folder; raises UserError where there is none or its manifest is damaged."""
        if not path.is_dir():
            raise UserError(f"no analysis at {path}: no such folder")
        if not (path / MANIFEST).is_file():
            raise UserError(f"{path} is no analysis: it has no {MANIFEST}")
        return cls(path, _read_manifest(path / MANIFEST))

    @classmethod
    @contextmanager
    def writing(cls, path: Path, command: str = "analyze") -> Iterator["Analysis"]:
        """Open or create a folder for writing by one command.

        Raises UserError where another process writes it, or where it is another command's.
        """
        if path.exists() and not path.is_dir():
            raise UserError(f"{path} is a file; an analysis is a folder")
        if path.is_dir() and any(path.iterdir()) and not _is_ours(path):
            raise UserError(f"{path} holds other files and is no analysis: name a new folder")
        fresh = not path.exists()
        path.mkdir(parents=True, exist_ok=True)
        with (path / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(f"another process is writing {path}: wait for it, or name another folder") from error
            for leftover in path.glob(".partial-*"):
                shutil.rmtree(leftover)
            try:
                if (path / MANIFEST).is_file():
                    analysis = cls(path, _read_manifest(path / MANIFEST))
                    if analysis.command != command:
                        raise UserError(f"{path} was made by `hedonic-graph {analysis.command}`: name another folder")
                else:
                    analysis = cls(path, {"schema": SCHEMA, "command": command, "created": now(), "units": {}})
                yield analysis
            finally:
                if not (path / MANIFEST).is_file():
                    # Inputs that do not fit together leave nothing behind.
                    (path / ".lock").unlink()
                    if fresh:
                        path.rmdir()

    def unit(self, name: str) -> dict[str, Any]:
        """The manifest's entry of a unit; raises UserError where the analysis does not hold it."""
        if name not in self.manifest["units"]:
            raise UserError(f"{self.path} does not hold {name}: run the {self.command} command again")
        entry: dict[str, Any] = self.manifest["units"][name]
        return entry

    def content(self, name: str, suffix: str = "") -> str:
        """One hash over the contents of a unit's files, or of those with one suffix."""
        files = self.unit(name)["files"]
        return key_of(
            files={file: entry["sha256"] for file, entry in files.items() if file == name + suffix or not suffix}
        )

    def file(self, name: str, suffix: str) -> Path:
        """The checked path of one file of a unit; raises DamagedFile where it is not as it was written."""
        file = f"{name}{suffix}"
        entry = self.unit(name)["files"].get(file)
        if entry is None:
            raise UserError(f"{self.path} does not hold {file}: run the {self.command} command again")
        self._verify(file, entry, self._maker(name))
        return self.path / file

    def checksums(self, files: Iterable[str]) -> dict[str, str]:
        """The checksum of each file, such as ``capture/L07.safetensors``; raises UserError for one that is not held."""
        return {file: self.unit(_unit_of(file))["files"][file]["sha256"] for file in files}

    def holds(self, name: str) -> bool:
        """Whether a unit is there, and all that it says it was computed from is what it was then."""
        units = self.manifest["units"]
        sources = units[name].get("sources", {}) if name in units else {}
        now = (units.get(_unit_of(file), {"files": {}})["files"].get(file, {}).get("sha256") for file in sources)
        return name in units and list(now) == list(sources.values())

    def check(self) -> None:
        """Compare every file with its checksum; raises DamagedFile for the first that is not as it was written."""
        for name, unit in self.manifest["units"].items():
            for file, entry in unit["files"].items():
                self._verify(file, entry, self._maker(name))

    def has(self, name: str, key: str, report: Callable[[str], None]) -> bool:
        """Whether a unit is there for ``key`` and whole; ``report`` is told the name of a damaged file."""
        entry = self.manifest["units"].get(name)
        if entry is None or entry["key"] != key:
            return False
        try:
            for file, stored in entry["files"].items():
                self._verify(file, stored, self._maker(name))
        except DamagedFile as damage:
            report(f"{damage}; computing it again")
            return False
        return True

    def commit(
        self,
        name: str,
        key: str,
        write: Callable[[Path], None],
        *,
        spent: float = 0.0,
        command: str | None = None,
        sources: Iterable[str] = (),
    ) -> None:
        """Let ``write`` fill a temporary folder, then move its files into place and note them in the manifest.

        ``write`` gets a path without suffix, ``.../L07`` for ``phi.pas/L07``, and writes files that begin
        with it. Killed at any moment, the manifest names either the old files or the new. ``spent`` is the
        unit's share of work done before, in seconds; ``command`` the one that makes it, where that is not the
        folder's; ``sources`` the files it was computed from, for :meth:`holds`.
        """
        started = time.perf_counter()
        partial = self.path / f".partial-{os.getpid()}"
        partial.mkdir()
        try:
            stem = Path(name).name
            write(partial / stem)
            written = sorted(partial.iterdir())
            entries = {
                f"{name}{file.name.removeprefix(stem)}": {"size": file.stat().st_size, "sha256": _sha256(file)}
                for file in written
            }
            # First forget the old files, so that a kill between two renames cannot pass for a whole unit.
            if self.manifest["units"].pop(name, None) is not None:
                self.save()
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            for file in written:
                file.replace((self.path / name).parent / file.name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        taken = spent + time.perf_counter() - started
        self.manifest["units"][name] = {
            "key": key,
            "files": entries,
            "seconds": round(taken, 3),
            "created": now(),
            **({"command": command} if command else {}),
            **({"sources": self.checksums(sources)} if sources else {}),
        }
        self._verified.update(entries)
        self.save()

    def forget(self, name: str) -> None:
        """Take a unit out of the manifest and its files out of the folder, where it is there."""
        if (entry := self.manifest["units"].pop(name, None)) is not None:
            self.save()
            for file in entry["files"]:
                (self.path / file).unlink(missing_ok=True)

    def save(self) -> None:
        """Write the manifest under a temporary name and rename it."""
        temporary = self.path / f".{MANIFEST}.{os.getpid()}"
        with temporary.open("w", encoding="utf-8") as out:
            json.dump(self.manifest, out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(self.path / MANIFEST)

    def _maker(self, name: str) -> str:
        """The command that makes a unit."""
        return str(self.manifest["units"][name].get("command", self.command))

    def _verify(self, file: str, entry: dict[str, Any], command: str) -> None:
        path = self.path / file
        if file in self._verified and path.is_file() and path.stat().st_size == entry["size"]:
            return
        if not path.is_file():
            raise DamagedFile(f"{path} is missing: run the {command} command again to rebuild it")
        size = path.stat().st_size
        if size != entry["size"]:
            raise DamagedFile(
                f"{path} is damaged ({size} bytes, {entry['size']} were written): "
                f"run the {command} command again to rebuild it"
            )
        if _sha256(path) != entry["sha256"]:
            raise DamagedFile(
                f"{path} is damaged (its checksum changed): run the {command} command again to rebuild it"
            )
        self._verified.add(file)


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def packages() -> dict[str, str]:
    """Versions of what the results come from, for the manifest."""
    return {name: version(name) for name in _PACKAGES} | {"python": platform.python_version()}


def layer_unit(stage: str, layer: int) -> str:
    """Name of a layer's unit, such as ``phi.pas/L07``."""
    return f"{stage}/L{layer:02d}"


def _unit_of(file: str) -> str:
    """The unit that a file belongs to: ``capture/L07`` for ``capture/L07.safetensors``."""
    folder, _, name = file.rpartition("/")
    return f"{folder}/{name.partition('.')[0]}"


def _is_ours(path: Path) -> bool:
    return (path / MANIFEST).is_file() or all(
        entry.name.startswith((".lock", ".partial-", ".capture.", f".{MANIFEST}.")) for entry in path.iterdir()
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        schema, units = manifest["schema"], manifest["units"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged: delete the folder and run the command that made it again") from error
    if schema != SCHEMA or not isinstance(units, dict):
        raise UserError(f"{path} was written by another version (schema {schema}, this one reads {SCHEMA})")
    return dict(manifest)
