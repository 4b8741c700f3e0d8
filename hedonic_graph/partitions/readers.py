"""Read the coalitions of one or more layers from a pickle, a JSON or a CSV file."""

import csv
import hashlib
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hedonic_graph.errors import UserError
from hedonic_graph.partitions import pickles
from hedonic_graph.partitions.pickles import Pairs

MOST_BYTES = 1 << 26
MOST_NEURONS = 1 << 25
"""Bytes of a file, and neurons it may name, all layers together: twenty times what the largest models need."""

_COLUMNS = ("neuron", "coalition", "layer")
_LAYER = re.compile(r"(?:layer[ _-]?|l)?(\d{1,4})", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)


@dataclass(frozen=True)
class Coalitions:
    """The coalitions of one layer as a file holds them; whether they are a partition is not checked yet."""

    file: Path
    sha256: str
    """Of the file."""
    layer: int | None
    """None where the file does not say."""
    members: dict[str, list[int]]
    """Neurons of each coalition, by the coalition's name: its label in a table, else its place in the list."""

    @property
    def where(self) -> str:
        """How errors name this layer."""
        return str(self.file) if self.layer is None else f"{self.file}, layer {self.layer}"


def read(file: Path) -> list[Coalitions]:
    """Read every layer of a file: ``.pkl`` or ``.pickle``, ``.json`` or ``.csv``.

    A pickle or JSON file holds the coalitions of one layer as lists of neurons, or an object of layer: lists; a
    CSV file has the columns neuron and coalition, and layer where it is of several. Raises UserError, naming the
    place, for anything else and for numbers that are not whole.
    """
    readers = {".pkl": _pickle, ".pickle": _pickle, ".json": _json, ".csv": _csv}
    reader = readers.get(file.suffix.lower())
    if not file.exists():
        raise UserError(f"no partitions at {file}: no such file")
    if not file.is_file():
        raise UserError(f"{file} is no file: name the files of partitions one by one")
    if reader is None:
        raise UserError(f"{file}: cannot tell what it is; its name must end in {', '.join(readers)}")
    if file.stat().st_size > MOST_BYTES:
        raise UserError(f"{file} has more than {MOST_BYTES >> 20} MB: give each layer a file of its own")
    data = file.read_bytes()
    try:
        layers = reader(data)
    except UserError as error:
        raise UserError(f"{file}: {error}") from error
    sha256 = hashlib.sha256(data).hexdigest()
    return [Coalitions(file, sha256, layer, members) for layer, members in layers.items()]


def _pickle(data: bytes) -> dict[int | None, dict[str, list[int]]]:
    return _layers(pickles.loads(data))


def _json(data: bytes) -> dict[int | None, dict[str, list[int]]]:
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=Pairs)
    except RecursionError as error:
        raise UserError("its lists lie in each other too deeply") from error
    except ValueError as error:
        raise UserError(f"not JSON ({error})") from error
    return _layers(value)


def _csv(data: bytes) -> dict[int | None, dict[str, list[int]]]:
    layers: dict[int | None, dict[str, list[int]]] = {}
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip().lower() for name in next(rows, [])]
        _check_header(header)
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise UserError(f"line {rows.line_num}: {len(row)} cells, where the header has {len(header)}")
            cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
            if not _NUMBER.fullmatch(cells["neuron"]):
                raise UserError(f"line {rows.line_num}: {_shown(cells['neuron'])} is no number of a neuron")
            if not cells["coalition"]:
                raise UserError(f"line {rows.line_num}: neuron {cells['neuron']} has no coalition")
            layer = _layer(cells["layer"], f"line {rows.line_num}: ") if "layer" in header else None
            layers.setdefault(layer, {}).setdefault(cells["coalition"], []).append(int(cells["neuron"]))
    except UnicodeDecodeError as error:
        raise UserError("not UTF-8 text") from error
    except csv.Error as error:
        raise UserError(f"line {rows.line_num}: not CSV ({error})") from error
    if not layers:
        raise UserError("it has no rows")
    return layers


def _check_header(header: list[str]) -> None:
    expected = "expected the columns neuron,coalition and, where it is of several layers, layer"
    if not header:
        raise UserError(f"empty: {expected}")
    if unknown := [name for name in header if name not in _COLUMNS]:
        raise UserError(f"the first line has {_shown(unknown[0])}: {expected}")
    if len(set(header)) != len(header) or not {"neuron", "coalition"} <= set(header):
        raise UserError(f"the first line is {','.join(header)[:60]!r}: {expected}")


def _layers(value: Any) -> dict[int | None, dict[str, list[int]]]:
    """Take plain values for coalitions: lists of lists, or pairs of a layer and such lists."""
    if type(value) is list:
        return {None: _members(value, "")[0]}
    if not isinstance(value, Pairs):
        raise UserError(f"it holds {_shown(value)}, not a list of coalitions")
    if not value:
        raise UserError("it has no layers")
    layers: dict[int | None, dict[str, list[int]]] = {}
    total = 0
    for key, coalitions in value:
        layer = _layer(key, "")
        if layer in layers:
            raise UserError(f"layer {layer} stands there twice")
        layers[layer], total = _members(coalitions, f"layer {layer}: ", total)
    return layers


def _members(value: Any, where: str, total: int = 0) -> tuple[dict[str, list[int]], int]:
    """Name the coalitions of a layer by their place; returns them and how many neurons were named so far."""
    if type(value) is not list:
        raise UserError(f"{where}{_shown(value)} stands where a list of coalitions should")
    if not value:
        raise UserError(f"{where}no coalitions")
    for number, members in enumerate(value):
        if type(members) is not list:
            raise UserError(f"{where}coalition {number} is {_shown(members)}, not a list of neurons")
        if not members:
            raise UserError(f"{where}coalition {number} is empty")
        # A list can stand in many places at no cost in bytes: count before looking into it.
        total += len(members)
        if total > MOST_NEURONS:
            raise UserError(f"{where}it names more than {MOST_NEURONS:,} neurons")
        for member in members:
            if type(member) is not int or not -(1 << 62) < member < 1 << 62:
                raise UserError(f"{where}coalition {number} holds {_shown(member)}, which is no number of a neuron")
    return {str(number): members for number, members in enumerate(value)}, total


def _layer(value: Any, where: str) -> int:
    if type(value) is int and 0 <= value < 10_000:
        return value
    match = _LAYER.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise UserError(f"{where}{_shown(value)} is no layer: write 7, L07 or layer_7")
    return int(match[1])


def _shown(value: Any) -> str:
    """A value as an error shows it, short whatever it is."""
    if isinstance(value, Pairs):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if type(value) is int and value.bit_length() > 64:
        return f"a number of {value.bit_length():,} bits"
    text = repr(value[:40] if isinstance(value, str) else value)
    return f"the text {text}" if isinstance(value, str) else text
