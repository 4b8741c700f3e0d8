"""Rows as text."""

import csv
import io
import json

from hedonic_graph import tables

NAN = float("nan")


def test_a_table_lines_up() -> None:
    text = tables.render(["name", "count", "share", "tiny"], [["a", 1, 99.95, 1e-5], ["bb", 20, None, 2.5e-4]])
    assert text.splitlines() == [
        "name  count  share      tiny",
        "----  -----  -----  --------",
        "a         1  100.0  1.00e-05",
        "bb       20         2.50e-04",
    ]


def test_a_cell_is_one_line() -> None:
    text = tables.render(["x"], [["a\nb\tc"], [[1, 2]], [None], [True]])
    assert text.splitlines() == ["x", "-------", "a\\nb\\tc", "1 2", "", "yes"]


def test_a_table_without_rows_is_its_header() -> None:
    assert tables.render(["a", "b"], []) == "a  b\n-  -"


def test_csv_and_json_read_back() -> None:
    columns, rows = ["a", "b"], [['quote " and, comma', [1, 2]], ["new\nline", None]]
    read = list(csv.reader(io.StringIO(tables.to_csv(columns, rows))))
    assert read == [columns, ['quote " and, comma', "[1, 2]"], ["new\nline", ""]]
    assert json.loads(tables.to_json(columns, rows)) == [dict(zip(columns, row, strict=True)) for row in rows]
    assert json.loads(tables.to_json(["z"], [[NAN]])) == [{"z": None}]
