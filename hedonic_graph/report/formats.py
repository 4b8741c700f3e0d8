"""A table as text, CSV, Markdown or LaTeX."""

from collections.abc import Sequence
from typing import Any

from hedonic_graph import tables
from hedonic_graph.report.layout import Table

FORMATS = ("text", "csv", "markdown", "latex")

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "²": r"$^2$",
    "×": r"$\times$",
    "≥": r"$\geq$",
    "→": r"$\to$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
_MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>|~"} | {"\n": " ", "\r": " "})


def write(table: Table, form: str) -> str:
    """Return the table in one of ``FORMATS``; CSV has every number in a column of its own, the others the layout."""
    if form == "csv":
        return tables.to_csv(*table.flat())
    headings, cells = table.laid_out()
    if form == "markdown":
        return f"**{_markdown(table.heading)}**\n\n{_markdown_table(headings, cells)}"
    if form == "latex":
        return _latex_table(table.heading, headings, cells)
    return f"{table.heading}\n\n{tables.render(headings, cells)}"


def latex(text: Any) -> str:
    """Return ``text`` as LaTeX prints it; nothing for None."""
    return "" if text is None else "".join(_LATEX.get(sign, sign) for sign in " ".join(str(text).split("\n")))


def _markdown(text: Any) -> str:
    return "" if text is None else str(text).translate(_MARKDOWN)


def _markdown_table(headings: Sequence[str], cells: Sequence[Sequence[Any]]) -> str:
    lines = [[_markdown(one) for one in line] for line in (headings, *cells)]
    lines.insert(1, ["---"] * len(headings))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _latex_table(title: str, headings: Sequence[str], cells: Sequence[Sequence[Any]]) -> str:
    lines = [f"{' & '.join(latex(one) for one in line)} \\\\" for line in (headings, *cells)]
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}",
            r"\begin{table}",
            r"\centering",
            f"\\caption{{{latex(title)}}}",
            f"\\begin{{tabular}}{{{'l' * len(headings)}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )
