"""Rows as text: a table for people, CSV and JSON for programs."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any


def render(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a fixed-width table: numbers to the right, a column's numbers alike, missing values empty."""
    cells = [_column([row[place] for row in rows]) for place in range(len(columns))]
    right = [
        bool(rows) and all(row[place] is None or _is_number(row[place]) for row in rows)
        for place in range(len(columns))
    ]
    widths = [max(map(len, [name, *column])) for name, column in zip(columns, cells, strict=True)]
    lines = [list(columns), ["-" * width for width in widths], *zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield CSV: a header and one record per row; lists and maps as JSON, missing values empty."""
    yield _csv_line(columns)
    for row in rows:
        yield _csv_line([_json(value) if isinstance(value, list | dict) else value for value in row])


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return ``csv_lines`` as one text."""
    return "\n".join(csv_lines(columns, rows))


def json_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield a JSON list of one object per row, in pieces that are lines of it."""
    held = ""
    for row in rows:
        yield f" {held}," if held else "["
        held = _json(dict(zip(columns, row, strict=True)), indent=1).replace("\n", "\n ")
    yield from (f" {held}", "]") if held else ("[]",)


def to_json(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return ``json_lines`` as one text."""
    return "\n".join(json_lines(columns, rows))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _column(values: list[Any]) -> list[str]:
    sizes = [abs(value) for value in values if isinstance(value, float) and math.isfinite(value)]
    largest = max(sizes, default=0.0)
    if not all(value is None or _is_number(value) for value in values):
        form = ".4g"
    elif largest >= 1e6 or 0 < largest < 0.01:
        form = ".2e"
    else:
        form = ".1f" if largest >= 10 else ".2f" if largest >= 1 else ".3f"
    return [_cell(value, form) for value in values]


def _cell(value: Any, form: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return format(value, form)
    if isinstance(value, list | tuple):
        return " ".join(_part(part, form) for part in value)
    if isinstance(value, dict):
        return _part(value, form)
    # A line of the table is a line, and no name moves the cursor or turns the direction of writing.
    text = str(value)
    return text if text.isprintable() else "".join(map(_visible, text))


def _part(value: Any, form: str) -> str:
    """Return what stands inside a list or a map, where it must be told from its neighbours."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_cell(name, form)}: {_part(part, form)}' for name, part in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_part(part, form) for part in value)}]"
    return "null" if value is None else _cell(value, form)


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _csv_line(cells: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().removesuffix("\n")


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False, default=str)


def _finite(value: Any) -> Any:
    """Return ``value`` with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
