"""What is wrong with a table is said in one line that names its first offender, before anything of it is written."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from graph.drawn import Drawn

from hedonic_graph.errors import UserError
from hedonic_graph.graph import checks, rows, schema
from hedonic_graph.graph.schema import Property

NAN, INF = float("nan"), float("inf")


def column(values: Any, type: str, optional: bool = False) -> list[Any]:
    found = checks.columns(pd.DataFrame({"x": values}), "the table", [Property("x", type, "", optional)])
    return found["x"].tolist()


@pytest.mark.parametrize(
    ("values", "type", "offender"),
    [
        ([1, 2.5], "INTEGER", "row 1: x is 2.5: it must be a whole number"),
        ([1, "7"], "INTEGER", "row 1: x is '7': it must be a whole number"),
        ([True, False], "INTEGER", "row 0: x is True: it must be a whole number"),
        ([1.0, NAN], "FLOAT", "row 1: x is nan: it must be a finite number"),
        ([1.0, 2.0, -INF], "FLOAT", "row 2: x is -inf: it must be a finite number"),
        ([1.0, "2.0"], "FLOAT", "row 1: x is '2.0': it must be a finite number"),
        ([0.5, True], "FLOAT", "row 1: x is True: it must be a finite number"),
        ([True, True], "FLOAT", "row 0: x is True: it must be a finite number"),
        (["a", None], "STRING", "row 1: x is "),
        (["a", 7], "STRING", "row 1: x is 7: it must be text"),
        ([True, 0], "BOOLEAN", "row 1: x is 0: it must be true or false"),
    ],
)
def test_a_column_of_the_wrong_type(values: list[Any], type: str, offender: str) -> None:
    with pytest.raises(UserError, match=rf"^the table, {re.escape(offender)}"):
        column(pd.Series(values, dtype=object if any(isinstance(one, str | None) for one in values) else None), type)


@pytest.mark.parametrize(
    ("values", "type"),
    [([1.0, INF], "FLOAT"), (["a", 7], "STRING"), ([1.0, "x"], "FLOAT")],
)
def test_an_optional_column_of_the_wrong_type(values: list[Any], type: str) -> None:
    with pytest.raises(UserError, match="the table, row 1: x is"):
        column(values, type, optional=True)


def test_what_has_no_value_is_none() -> None:
    assert column([0.5, NAN], "FLOAT", optional=True) == [0.5, None]
    assert column(pd.Series(["a", None], dtype=object), "STRING", optional=True) == ["a", None]
    assert column(pd.Series(["a", None]), "STRING", optional=True) == ["a", None]
    assert column(pd.Series([None, None]), "FLOAT", optional=True) == [None, None]
    table = checks.columns(pd.DataFrame({"y": [1, 2]}), "t", [Property("x", "FLOAT", "", optional=True)])
    assert table["x"].tolist() == [None, None]


def test_numbers_keep_their_values() -> None:
    assert column(np.array([1, 2], dtype=np.int32), "INTEGER") == [1, 2]
    assert column(np.array([0.5, 0.25], dtype=np.float32), "FLOAT") == [0.5, 0.25]
    assert column([1, 2], "FLOAT") == [1.0, 2.0]
    assert column([1.0, 2.0], "INTEGER") == [1, 2]
    assert column(pd.Series([True, False], dtype=object), "BOOLEAN") == [True, False]
    assert column([True, False], "BOOLEAN") == [True, False]


def test_a_column_that_is_missing() -> None:
    with pytest.raises(UserError, match="the table has no column 'x'"):
        checks.columns(pd.DataFrame({"y": [1]}), "the table", [Property("x", "FLOAT", "")])


def test_an_empty_table_is_of_any_type() -> None:
    assert column([], "FLOAT") == [] == column([], "STRING")


@pytest.mark.parametrize(
    "node", [{"id": "x"}, {"id": "x", "d_ff": "12", "name": "m"}, {"id": "x", "d_ff": True, "name": "m"}]
)
def test_a_node_of_the_wrong_types(node: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"Model 'x'.*(name|d_ff)"):
        checks.node(schema.node("Model"), node)


def test_an_index_into_nothing() -> None:
    with pytest.raises(UserError, match="row 0: x is 0: there is nothing that it could name"):
        checks.columns(pd.DataFrame({"x": [0]}), "the table", [Property("x", "INTEGER", "")], bounds={"x": 0})


TABLES = {
    "members": lambda drawn, run: rows.members(drawn, run, 3, 4),
    "coalitions": lambda drawn, run: rows.coalitions(drawn, run, 3),
    "edges": lambda drawn, run: rows.interactions(drawn, run, 3, 20, 4, 4, 4),
    "preferences": lambda drawn, run: rows.preferences(drawn, "drawn", "pas", 3),
    "alignments": lambda drawn, run: rows.alignments(drawn, run, 3, 4),
}
WRONG = [
    ("members", "neuron", 12, "members of drawn/pas.exact, layer 3, row 2: neuron is 12: it must be 0 to 11"),
    ("members", "neuron", -1, "neuron is -1: it must be 0 to 11"),
    ("members", "coalition", 4, "coalition is 4: it must be 0 to 3"),
    ("members", "neuron", 0, "members of drawn/pas.exact, layer 3, row 2: neuron 0 is there twice"),
    ("coalitions", "coalition", 0, "coalition 0 is there twice"),
    ("coalitions", "coalition", 9, "coalition is 9: it must be 0 to 3"),
    ("coalitions", "size", 2.5, "row 2: size is 2.5: it must be a whole number"),
    ("coalitions", "r2", INF, "r2 is inf: it must be a finite number"),
    ("coalitions", "fate", 7, "fate is 7: it must be text"),
    ("edges", "target", 4, "edges of drawn/pas.exact, layer 3, row 2: target is 4: it must be 0 to 3"),
    ("edges", "source", 4, "source is 4: it must be 0 to 3"),
    ("edges", "source", 2, "row 3: source 2, target 1 is there twice"),
    ("edges", "mass", NAN, "mass is nan: it must be a finite number"),
    ("edges", "matched", 2, "row 2: matched is 2: it must be true or false"),
    ("preferences", "other", 12, "preferences of drawn/pas, layer 3, row 2: other is 12: it must be 0 to 11"),
    ("preferences", "phi", INF, "phi is inf: it must be a finite number"),
    ("alignments", "coalition", 5, "coalition is 5: it must be 0 to 3"),
    ("alignments", "feature", None, "feature is "),
    ("alignments", "r2", NAN, "r2 is nan: it must be a finite number"),
]


@pytest.mark.parametrize(("table", "name", "value", "line"), WRONG)
def test_a_table_with_one_wrong_value(
    table: str, name: str, value: Any, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = getattr(Drawn, table)

    def changed(*arguments: Any) -> pd.DataFrame:
        frame = whole(*arguments)
        values = frame[name].tolist()
        # The third row, but where that makes the second one come twice.
        values[2 if len(values) > 3 else 1] = value
        return frame.assign(**{name: pd.Series(values, dtype=object if value is None or name == "fate" else None)})

    monkeypatch.setattr(Drawn, table, changed)
    drawn = Drawn()
    with pytest.raises(UserError, match=re.escape(line)):
        TABLES[table](drawn, drawn.runs[0])


def test_rows_are_cut_by_the_longest_text() -> None:
    drawn = Drawn(features="x" * 7_900)
    table = rows.alignments(drawn, drawn.runs[0], 3, 4)
    sizes = [last - first for _, first, last in table.batches(10_000)]
    assert sizes == [3]
    assert table.widest > 7_900
    wide = rows.Table(table.loads, table.counts, widest=rows.MESSAGE // 2)
    assert [last - first for _, first, last in wide.batches(10_000)] == [1, 1, 1]


def test_values_that_a_property_cannot_hold() -> None:
    assert rows.scalar(2**70) == str(2**70)
    assert rows.scalar(NAN) is None
    assert rows.scalar(np.float32(0.5)) == 0.5
    assert rows.scalar((1, 2)) == "[1, 2]"
