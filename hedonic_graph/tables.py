"""Rows as text: a table for people, CSV and JSON for programs."""

import csv
import io
import json
import math
from collections.abc import Sequence
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


def to_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return CSV with a header line; lists as JSON, missing values empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([json.dumps(value) if isinstance(value, list | dict) else value for value in row] for row in rows)
    return out.getvalue().removesuffix("\n")


def to_json(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a JSON list of one object per row."""
    records = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows]
    return json.dumps(records, indent=1, default=str, ensure_ascii=False)


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
        return " ".join(_cell(part, form) for part in value)
    # A line of the table is a line, whatever a name holds.
    return str(value).replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
