"""Rows as text: a table for people, CSV and JSON for programs."""

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any


def render(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a fixed-width table: numbers to the right, three significant digits, missing values empty."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    right = [
        all(_is_number(row[place]) or row[place] is None for row in rows) and bool(rows)
        for place in range(len(columns))
    ]
    lines = [list(columns), ["-" * width for width in widths], *cells]
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


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _rounded(value)
    if isinstance(value, list | tuple):
        return " ".join(map(_cell, value))
    # A line of the table is a line, whatever a name holds.
    return str(value).replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")


def _rounded(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if value == 0 or 0.001 <= abs(value) < 1e6:
        decimals = 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
        return f"{value:.{decimals}f}"
    return f"{value:.2e}"


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
