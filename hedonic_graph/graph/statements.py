"""Statements by name: the files of ``cypher/`` and the comments they begin with (DESIGN §4).

A file begins with comment lines, in this order::

    // Title
    // Group: which queries it stands with in the list
    // Answers: the question it answers
    // $name (type, required, example JSON): meaning of a parameter
    // $name (type, optional, default JSON): meaning of a parameter that may be left out
    // $name (integer >= 1, ...), $name (string of this|that, ...): the only values that it takes
    // Empty: why there may be no rows
    // column name: meaning of a column
    // column name (not in tables): meaning of a column that is too wide for people

``cypher/`` itself holds the queries that a user runs by name; ``schema/``, ``load/`` and ``delete/`` in it what the
package executes.
"""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hedonic_graph.errors import UserError

_PARAMETER = re.compile(
    r"\$(\w+) \((\w+)(?: >= (\d+)| of ([\w|]+))?, (required, example|optional, default) (.*?)\): (.*)"
)
_COLUMN = re.compile(r"column (\w+)( \(not in tables\))?: (.*)")
# Far below what servers take.
DEEPEST = 100
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "float": (float, int),
    "boolean": (bool,),
    "list": (list,),
    "map": (dict,),
}


@dataclass(frozen=True)
class Parameter:
    """A value that a statement takes."""

    name: str
    type: str
    """string, integer, float, boolean, list or map."""
    required: bool
    value: Any
    """An example where it is required, else the default."""
    meaning: str
    least: int | None = None
    """Smaller values are refused."""
    allowed: tuple[str, ...] = ()
    """Other values are refused, where there are some here."""

    def read(self, text: str) -> Any:
        """Return the value that ``text`` stands for: JSON where it parses as the type, else the text itself.

        A string needs no quotes, and may have them: ``7`` is the string "7" where a string is wanted.
        """
        value = _parsed(text)
        if self.type == "string" and not isinstance(value, str | None):
            value = text
        _check_sendable(value)
        return value

    def check(self, value: Any) -> Any:
        """Return ``value``, or raise UserError where it is not of the type."""
        if value is None and not self.required:
            return value
        if not isinstance(value, _TYPES[self.type]) or isinstance(value, bool) != (self.type == "boolean"):
            example = "" if self.value is None else f", for example -p {self.name}={_shown(self.value)}"
            raise UserError(f"{self.name} is {value!r}: it must be {_article(self.type)}{example}")
        if self.least is not None and isinstance(value, int) and value < self.least:
            raise UserError(f"{self.name} is {value}: it must be {self.least} or more")
        if self.allowed and value not in self.allowed:
            raise UserError(f"{self.name} is {value!r}: it must be one of {', '.join(self.allowed)}")
        return float(value) if isinstance(value, int) and self.type == "float" else value


@dataclass(frozen=True)
class Statement:
    """One file of ``cypher/``."""

    name: str
    title: str
    group: str
    answers: str
    parameters: tuple[Parameter, ...]
    columns: dict[str, str]
    """Meaning of each column of the answer."""
    wide: frozenset[str]
    """Columns that a table for people leaves out."""
    empty: str
    """Why there may be no rows."""
    text: str
    """The file as it is."""

    def read(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return what the texts given stand for; ``bind`` says which of them there are not."""
        named = {parameter.name: parameter for parameter in self.parameters}
        return {name: named[name].read(text) if name in named else text for name, text in given.items()}

    def bind(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value for every parameter.

        Raises UserError for a parameter that is missing, unknown or of the wrong type.
        """
        names = [parameter.name for parameter in self.parameters]
        for name in given:
            if name not in names:
                takes = f"it takes {', '.join(names)}" if names else "it takes no parameters"
                raise UserError(f"{self.name} has no parameter {name!r}{_nearest(name, names)}: {takes}")
        bound = {}
        for parameter in self.parameters:
            if parameter.required and given.get(parameter.name) is None:
                raise UserError(
                    f"{self.name} needs -p {parameter.name}=..., "
                    f"for example -p {parameter.name}={_shown(parameter.value)}"
                )
            bound[parameter.name] = parameter.check(given.get(parameter.name, parameter.value))
        return bound


def directory() -> Path:
    """Return the folder of statements: inside an installed package, beside the package in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "cypher"
    return inside if inside.is_dir() else package.parent / "cypher"


def names(folder: str = "") -> list[str]:
    """Return the names of the statements of ``cypher/`` or of a folder in it, in order."""
    return sorted(path.stem for path in (directory() / folder).glob("*.cypher"))


def query(name: str) -> Statement:
    """Return a query that a user may run, by its name; what the package executes on its own is none.

    Raises UserError, with the nearest name, where there is none.
    """
    known = names()
    if name not in known:
        raise UserError(f"no query is called {name!r}{_nearest(name, known)}: `hedonic-graph query` lists them")
    return load(name)


@cache
def load(name: str) -> Statement:
    """Return a statement by its name: ``splits``, or with its folder, ``load/members``.

    Raises UserError, with the nearest name, where there is none.
    """
    if not re.fullmatch(r"(?:\w+/)?\w+", name) or not (directory() / f"{name}.cypher").is_file():
        known = names()
        raise UserError(f"no query is called {name!r}{_nearest(name, known)}: `hedonic-graph query` lists them")
    return parse(name, (directory() / f"{name}.cypher").read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Statement:
    """Read a statement's leading comments."""
    head = []
    for line in text.splitlines():
        if not line.startswith("// "):
            break
        head.append(line.removeprefix("// "))
    columns, wide, said = {}, set(), {"Group": "", "Answers": "", "Empty": ""}
    for line in head[1:]:
        if _PARAMETER.fullmatch(line):
            continue
        if match := _COLUMN.fullmatch(line):
            columns[match[1]] = match[3]
            if match[2]:
                wide.add(match[1])
        else:
            key, _, rest = line.partition(": ")
            if key not in said:
                raise ValueError(f"{name}.cypher: a comment that is not understood: {line}")
            said[key] = rest
    return Statement(
        name=name,
        title=head[0],
        group=said["Group"],
        answers=said["Answers"],
        parameters=declared(text, name),
        columns=columns,
        wide=frozenset(wide),
        empty=said["Empty"],
        text=text,
    )


def declared(text: str, name: str) -> tuple[Parameter, ...]:
    """Return the parameters that a statement's leading comments declare.

    Raises UserError where a type is unknown or a default is not JSON.
    """
    found = []
    for line in text.splitlines():
        if not line.startswith("// "):
            break
        if match := _PARAMETER.fullmatch(line.removeprefix("// ")):
            word, type, least, allowed, need, value, meaning = match.groups()
            try:
                known = type in _TYPES
                found.append(
                    Parameter(
                        word,
                        type,
                        need.startswith("required"),
                        json.loads(value),
                        meaning,
                        None if least is None else int(least),
                        tuple(allowed.split("|")) if allowed else (),
                    )
                )
            except ValueError:
                known = False
            if not known:
                raise UserError(f"{name}: what it says of ${word} is not understood: {line}")
    return tuple(found)


def json_or_text(text: str) -> Any:
    """Return what ``text`` is in JSON, or the text itself where it is none.

    Raises UserError where no server takes the value.
    """
    value = _parsed(text)
    _check_sendable(value)
    return value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _check_sendable(value: Any, depth: int = 0) -> None:
    if depth > DEEPEST:
        raise UserError(f"a parameter is nested more than {DEEPEST} deep")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UserError("a parameter holds bytes that are not UTF-8") from error
    elif isinstance(value, int) and not isinstance(value, bool):
        if not -(2**63) <= value < 2**63:
            raise UserError(f"{value} has more than 64 bits: write it as a number with a point, or as text")
    elif isinstance(value, list | dict):
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_sendable(part, depth + 1)


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f" (nearest: {near[0]})" if near else ""


def _article(type: str) -> str:
    return {"integer": "a whole number", "float": "a number"}.get(type, f"a {type}")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
