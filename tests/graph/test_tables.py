"""Rows as text."""

import csv
import io
import json
from collections.abc import Iterator

import pytest

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


def test_lists_and_maps_in_a_cell_can_be_told_apart() -> None:
    values = [[1, [2, 3], {"a": None}], {"b": [True, "x"]}, []]
    assert tables.render(["v"], [[value] for value in values]).split("\n")[2:] == [
        "1 [2, 3] {a: null}",
        "{b: [yes, x]}",
        "",
    ]


def test_no_name_moves_the_cursor() -> None:
    hostile = "a\x1b[2Jb\u202ec\x9bd\u2028é漢"
    cell = tables.render(["v"], [[hostile], [[hostile]]]).splitlines()[2:]
    assert cell == [r"a\x1b[2Jb\u202ec\x9bd\u2028é漢"] * 2
    # Programs get what there is.
    assert json.loads(tables.to_json(["v"], [[hostile]])) == [{"v": hostile}]
    assert list(csv.reader(io.StringIO(tables.to_csv(["v"], [[hostile]]), newline=""))) == [["v"], [hostile]]


def test_json_is_json_whatever_is_in_it() -> None:
    rows = [[[1.5, NAN, {"x": float("inf")}], {"y": [NAN]}], ["\u2028\n\\", None]]
    assert json.loads(tables.to_json(["a", "b"], rows), parse_constant=pytest.fail) == [
        {"a": [1.5, None, {"x": None}], "b": {"y": [None]}},
        {"a": "\u2028\n\\", "b": None},
    ]
    assert tables.to_json(["a"], []) == "[]"
    assert tables.to_json(["a"], [[1], [2]]) == json.dumps([{"a": 1}, {"a": 2}], indent=1)


def test_rows_are_written_as_they_come() -> None:
    def rows() -> Iterator[list[int]]:
        yield [1]
        yield [2]
        raise OverflowError

    for lines, first in ((tables.csv_lines(["a"], rows()), "a"), (tables.json_lines(["a"], rows()), "[")):
        assert next(lines) == first
        assert "1" in next(lines)
        with pytest.raises(OverflowError):
            list(lines)
