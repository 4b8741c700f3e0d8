"""The folder of an adapter in the making: what it was made of, who writes it, when it is whole (DESIGN §5)."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hedonic_graph.analysis import now, packages
from hedonic_graph.errors import UserError

RECIPE, SCORES = "tuning.json", "scores.json"
"""Named in :data:`hedonic_graph.models.locate.ABOUT` too, so that scoring an adapter again does not make it another."""
_ADAPTER = "adapter_config.json"
SCHEMA = 1


def is_whole(folder: Path) -> bool:
    """Whether the folder holds a finished adapter."""
    return (folder / _ADAPTER).is_file() and (folder / RECIPE).is_file()


def check(folder: Path, recipe: dict[str, Any]) -> bool:
    """Whether the folder is there, made by the same recipe; raises UserError where it is something else."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; an adapter is a folder")
    if not folder.is_dir() or all(one.name == ".lock" or one.suffix == ".partial" for one in folder.iterdir()):
        return False
    if not (folder / RECIPE).is_file():
        raise UserError(f"{folder} holds other files and was not made by finetune: name a new folder")
    try:
        found = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
        schema, theirs = found["schema"], found["recipe"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / RECIPE} is damaged: delete the folder and run the command again") from error
    if schema != SCHEMA or not isinstance(theirs, dict):
        raise UserError(f"{folder} was written by another version (schema {schema}, this one reads {SCHEMA})")
    for name in {**recipe, **theirs}:
        if theirs.get(name) != recipe.get(name):
            raise UserError(
                f"{folder} was made with another {name.replace('_', '-')} ({_short(theirs.get(name))}, now "
                f"{_short(recipe.get(name))}): name another folder"
            )
    return True


@contextmanager
def writing(folder: Path, recipe: dict[str, Any]) -> Iterator[None]:
    """Create the folder, or go on in it, as the one process that writes it; raises UserError where it is not."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"another process is writing {folder}: wait for it, or name another folder") from error
        try:
            for leftover in folder.glob(".*.partial"):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
            if not check(folder, recipe):
                record = {"schema": SCHEMA, "recipe": recipe, "created": now(), "packages": packages()}
                write_json(folder / RECIPE, record)
            yield
        finally:
            (folder / ".lock").unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a file as a whole, under a temporary name first."""
    temporary = path.with_name(f".{path.name}.partial")
    with temporary.open("w", encoding="utf-8") as out:
        json.dump(value, out, indent=1)
        out.write("\n")
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(path)


def read_json(path: Path) -> Any:
    """What :func:`write_json` wrote; None where there is no such file or it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
