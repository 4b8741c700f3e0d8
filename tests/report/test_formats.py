"""One small table in every form, by hand."""

import io

import pandas as pd
import pytest

from hedonic_graph.report.formats import FORMATS, latex, write
from hedonic_graph.report.layout import Measure, Table

NAN = float("nan")


def small(**changes: object) -> Table:
    ours = {
        "task": "T_1",
        "method": "K-means (as PAS)",
        "published_as": "K-means",
        "layer": None,
        "model": 'a, "b" & c',
    }
    other = ours | {"method": "exact (PAS)", "published_as": "exact (PAS)"}
    paper = {"task": "T_1", "method": "K-means", "layer": None}
    values: dict[str, object] = {
        "title": "Table 6: 100 %",
        "rows": ("task", "method"),
        "columns": ("model",),
        "measures": (Measure("pair", "Pair"), Measure("ratio", "Ratio", ".1f")),
        "records": [
            ours | {"pair": 0.1234, "pair_ci": 0.0211, "pair_chance": 0.5, "ratio": 2.0},
            other | {"pair": 1.5e-7, "pair_ci": NAN, "ratio": None},
        ],
        "paper": [
            paper | {"model": "L", "pair": 0.3, "pair_ci": 0.01},
            paper | {"model": "P", "pair": 0.4},
            paper | {"model": "L", "method": "Random", "pair": 0.0},
        ],
    }
    return Table(**(values | changes))  # type: ignore[arg-type]


def test_text() -> None:
    assert write(small(), "text").splitlines() == [
        'Table 6: 100 % (a, "b" & c)',
        "",
        "task  method            Pair                 Ratio  paper: Pair",
        "----  ----------------  -------------------  -----  -----------",
        "T_1   K-means (as PAS)  0.123 ± 0.021 (0.5)  2.0    0.3 / 0.4",
        "T_1   exact (PAS)       1.5e-07",
        "T_1   Random                                        0",
    ]


def test_several_models_have_columns_of_their_own() -> None:
    table = small()
    more = Table(
        table.title, table.rows, table.columns, table.measures, [*table.records, table.records[0] | {"model": "d"}]
    )
    headings, cells = more.laid_out()
    assert headings == ["task", "method", 'a, "b" & c: Pair', 'a, "b" & c: Ratio', "d: Pair", "d: Ratio"]
    assert cells[1] == ["T_1", "exact (PAS)", "1.5e-07", None, None, None]
    assert more.heading == "Table 6: 100 %"


def test_csv_comes_back_as_it_was() -> None:
    read = pd.read_csv(io.StringIO(write(small(), "csv")))
    assert list(read) == ["task", "method", "model", "pair", "pair_ci", "pair_chance", "ratio"]
    assert read["model"].tolist() == ['a, "b" & c', 'a, "b" & c', "L (paper)", "P (paper)", "L (paper)"]
    assert read["pair"].tolist() == [0.1234, 1.5e-7, 0.3, 0.4, 0.0]
    assert read["pair_ci"].isna().tolist() == [False, True, False, True, True]


def test_markdown() -> None:
    lines = write(
        small(records=[{"task": "a|b*", "method": "m", "pair": 1.0}], paper=[], title="T"), "markdown"
    ).splitlines()
    assert lines == ["**T**", "", "| task | method | Pair |", "| --- | --- | --- |", r"| a\|b\* | m | 1 |"]


def test_latex() -> None:
    lines = write(small(), "latex").splitlines()
    assert r'\caption{Table 6: 100 \% (a, "b" \& c)}' in lines
    assert r"\begin{tabular}{lllll}" in lines
    assert r"T\_1 & K-means (as PAS) & 0.123 $\pm$ 0.021 (0.5) & 2.0 & 0.3 / 0.4 \\" in lines
    body = lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")]
    assert all(line.count(" & ") == 4 and line.endswith(r"\\") for line in body)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("50% of $x_1 & {y} #2", r"50\% of \$x\_1 \& \{y\} \#2"),
        ("a\\b~c^d", r"a\textbackslash{}b\textasciitilde{}c\textasciicircum{}d"),
        ("1→2 ± <3>", r"1$\to$2 $\pm$ \textless{}3\textgreater{}"),
        ("two\nlines", "two lines"),
        (None, ""),
    ],
)
def test_latex_signs(text: str | None, written: str) -> None:
    assert latex(text) == written


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_without_rows(form: str) -> None:
    assert "method" in write(small(records=[], paper=[]), form)
