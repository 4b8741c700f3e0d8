"""``hedonic-graph table``: the paper's tables from analyses, and what they let one say of its claims."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hedonic_graph.report.layout import By, Table
    from hedonic_graph.report.verdicts import Verdict

EXAMPLE = """\b
Example:
  hedonic-graph table 3 my-analysis
  hedonic-graph table 6 my-analysis --paper --by layer
  hedonic-graph table 1 my-analysis --by size
  hedonic-graph table 1 cqtr mean-tf-l rm --format latex > table1.tex
  hedonic-graph table 5 my-analysis cqtr-lora"""


@click.command(epilog=EXAMPLE)
@click.argument("number", metavar="N", type=click.IntRange(1, 6))
@click.argument("analyses", metavar="ANALYSIS...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "csv", "markdown", "latex"]),
    default="text",
    show_default=True,
    help="How to write it; csv has every number in a column of its own.",
)
@click.option("--paper", is_flag=True, help="Put the paper's own figures beside.")
@click.option(
    "--by",
    type=click.Choice(["layer", "size"]),
    help="Tables 1, 2 and 6: a row for each layer; 1 and 6: for each class of sizes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print table and verdicts with all numbers as JSON.")
def table(number: int, analyses: tuple[Path, ...], form: str, paper: bool, by: "By | None", as_json: bool) -> None:
    """Print Table N of the paper (1 to 6) from finished analyses, and what it says of the paper's claims.

    \b
    1  OOD drop and alignment        evaluate --what drop --what alignment
    2  predictivity                  evaluate --what predictivity
    3  what becomes of coalitions    every analysis
    4  nDCG@10 of the adapter (rm)   analyses, or folders of finetune
    5  MSE of the adapter            analyses, or folders of finetune
    6  Pair and Ratio                evaluate --what synergy

    Analyses of one model and task are averaged; others stand in rows and columns of their own. Each claim
    that the table carries holds here, does not, or cannot be told, with the numbers that say so.
    """
    from hedonic_graph.report import formats
    from hedonic_graph.report.table import make

    made, verdicts = make(number, analyses, by=by, paper=paper)
    if as_json:
        _print_json(number, made, verdicts)
        return
    click.echo(formats.write(made, form))
    # What is read by other programs stays alone on the standard output.
    aside = form in ("csv", "latex")
    for line in (*("", *made.notes), *_said(verdicts)):
        click.echo(line, err=aside)


def _said(verdicts: "list[Verdict]") -> list[str]:
    if not verdicts:
        return []
    lines = ["", "What the paper claims:"]
    for claim in dict.fromkeys((verdict.claim, verdict.says) for verdict in verdicts):
        lines.append(f"{claim[0]}: {claim[1]}")
        lines += [
            f"  {one.of}: {one.verdict.upper()}: {one.reason}" for one in verdicts if (one.claim, one.says) == claim
        ]
    return lines


def _print_json(number: int, made: "Table", verdicts: "list[Verdict]") -> None:
    from hedonic_graph import tables

    columns, rows = made.flat()
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    found = {
        "table": number,
        "title": made.heading,
        "rows": records,
        "notes": made.notes,
        "verdicts": [verdict.as_dict() for verdict in verdicts],
    }
    click.echo(tables.to_json(list(found), [list(found.values())]))
