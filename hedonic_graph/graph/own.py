"""A user's own Cypher: one statement out of a file, and its parameters (DESIGN §9)."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hedonic_graph.errors import UserError
from hedonic_graph.graph.statements import Parameter, declared, json_or_text

LIMIT = 1_000_000
"""Bytes a statement may have: more is no statement, and a server may hang on it."""
STANDARD_INPUT = "-"
# A string, a quoted name or a comment, ended or not; a semicolon in one of them ends no statement.
_SKIPPED = re.compile(
    r"""'(?:\\.|[^'\\])*(?:'|\Z) | "(?:\\.|[^"\\])*(?:"|\Z) | `[^`]*(?:`|\Z) | //[^\n]* | /\*.*?(?:\*/|\Z)""",
    re.DOTALL | re.VERBOSE,
)
_TOKEN = re.compile(
    rf"(?P<skipped>{_SKIPPED.pattern}) | (?P<end>;) | (?P<blank>\s+) | [^\s'\"`/;]+ | .", re.DOTALL | re.VERBOSE
)


@dataclass(frozen=True)
class OwnStatement:
    """One statement that a user wrote."""

    name: str
    """Where it is from, as errors call it."""
    text: str
    parameters: tuple[Parameter, ...]
    """Those that its leading comments declare as those of ``cypher/`` do; it may take others."""

    def read(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return what the texts given stand for: JSON where they parse as JSON, else the text."""
        named = {parameter.name: parameter for parameter in self.parameters}
        return {name: named[name].read(text) if name in named else json_or_text(text) for name, text in given.items()}

    def bind(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values, those of declared parameters checked, with the defaults that these have."""
        bound = dict(values)
        for parameter in self.parameters:
            if parameter.name in values:
                bound[parameter.name] = parameter.check(values[parameter.name])
            elif not parameter.required:
                bound[parameter.name] = parameter.value
        return bound


def load(source: str) -> OwnStatement:
    """Read the one statement of a file, ``-`` being standard input. Raises UserError where there is not just one."""
    name = "standard input" if source == STANDARD_INPUT else source
    text = _text(source, name)
    return OwnStatement(name, only_statement(text, name), declared(text, name))


def only_statement(text: str, name: str) -> str:
    """Return the statement in ``text``, its lines where they were, without the semicolon at its end.

    Raises UserError where there is none, or more than one.
    """
    starts: list[int] = []
    ends: list[int] = []
    inside = False
    for token in _TOKEN.finditer(text):
        if token["end"]:
            ends.append(token.start())
            inside = False
        elif not inside and not token["blank"] and not _comment(token["skipped"]):
            starts.append(token.start())
            inside = True
    if not starts:
        raise UserError(f"{name} holds no statement")
    if len(starts) > 1:
        line = text.count("\n", 0, starts[1]) + 1
        raise UserError(f"{name} holds {len(starts)} statements, the second on line {line}: only one can be asked")
    # A space for every semicolon before it, so that its lines and columns stay; those after it go with what follows.
    lead = "".join(" " if place in ends else character for place, character in enumerate(text[: starts[0]]))
    return lead + text[starts[0] : next((end for end in ends if end > starts[0]), None)]


def _comment(token: str | None) -> bool:
    return token is not None and token.startswith(("//", "/*"))


def _text(source: str, name: str) -> str:
    try:
        if source == STANDARD_INPUT:
            content = sys.stdin.buffer.read(LIMIT + 1)
        else:
            with Path(source).open("rb") as file:
                content = file.read(LIMIT + 1)
    except FileNotFoundError:
        raise UserError(f"no file {name}") from None
    except OSError as error:
        raise UserError(f"{name} cannot be read: {error.strerror}") from error
    if len(content) > LIMIT:
        raise UserError(f"{name} is longer than {LIMIT:,} bytes: it is no statement")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{name} is not UTF-8: byte 0x{content[error.start]:02x} on line {line}") from error
