"""``hedonic-graph demo``: the whole road on the packaged model and text."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hedonic_graph.graph.store import Store

EXAMPLE = """\b
Example:
  hedonic-graph demo
  hedonic-graph query splits"""

PAIRS = 160
LAYERS = (11, 12, 13, 14)
KEEP = 5
ASK = ("fates", "splits", "merges", "significant")
SHOWN = 12


@click.command(epilog=EXAMPLE)
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default="hedonic-demo")
@click.option(
    "--store", type=click.Path(), help="The embedded store to load into  [else HEDONIC_STORE, else hedonic.graph]."
)
def demo(folder: Path, store: str | None) -> None:
    """Analyse a small real model, load the result into an embedded graph and ask it four questions.

    SmolLM2-135M with a LoRA adapter tuned to tell how many of a query's words a passage holds, on passages
    from Python's own language reference. No server, no download; the analysis goes to DIR.
    """
    from hedonic_graph.cli.analyze import run as run_analysis
    from hedonic_graph.config import Config
    from hedonic_graph.demo import ADAPTER, text
    from hedonic_graph.graph.store import connect, resolve
    from hedonic_graph.text.pairs import write_pairs

    analysis, passages = folder / "demo", folder / "pairs.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    write_pairs(passages, text.pairs(PAIRS, split="held-out", seed=2))
    config = Config(
        model="smollm2",
        adapter=str(ADAPTER),
        text=str(passages),
        task="CQTR",
        layers=LAYERS,
        valuation=("pas", "oca"),
        solver=("exact", "pac"),
        seed=(0, 1),
        max_tokens=96,
    )
    _say(f"SmolLM2-135M, {PAIRS} pairs of query and passage, layers {LAYERS[0]}-{LAYERS[-1]}")
    run_analysis(config, analysis, "cpu", as_json=False)
    named = {name: value for name, value in os.environ.items() if name == "HEDONIC_STORE"}
    address = resolve(store=store, environment=named)
    with connect(address) as graph:
        _load(analysis, graph)
        answers = [_ask(graph, name, f"{analysis.name}/pas.exact") for name in ASK]
    sources = [row["source"] for rows in answers for row in rows if row.get("event", row.get("fate"))]
    # With a server in the environment the next command would ask that one.
    elsewhere = store or (address.folder if os.environ.get("NEO4J_URI") else None)
    _where_next(analysis.name, min(sources, default=None), f" --store {elsewhere}" if elsewhere else "")


def _load(analysis: Path, graph: "Store") -> None:
    from hedonic_graph.graph.loader import ingest
    from hedonic_graph.results import open_results

    report = ingest(open_results(analysis), graph, keep=KEEP, replace=True)
    rate = report.rows / max(report.seconds, 1e-9)
    _say(f"\n{report.rows:,} rows into the graph in {report.seconds:.0f} s ({rate:,.0f} a second)")


def _ask(graph: "Store", name: str, run: str) -> list[dict[str, Any]]:
    """Print a query's answer under its name and return the rows."""
    from hedonic_graph.graph import statements
    from hedonic_graph.graph.answers import why_empty
    from hedonic_graph.tables import render

    statement = statements.load(name)
    values = statement.bind({"run": run})
    rows = graph.read(statement.text, values)
    click.echo(f"\n{name}: {statement.answers}")
    click.echo(f"  hedonic-graph query {name} -p run={run}")
    if not rows.values:
        click.echo(f"no rows: {why_empty(graph, statement, values)}")
        return []
    click.echo(render(tuple(statement.columns), rows.values[:SHOWN]))
    if len(rows.values) > SHOWN:
        click.echo(f"{SHOWN} of {len(rows.values)} rows")
    return rows.records()


def _where_next(analysis: str, source: str | None, option: str) -> None:
    coalition = source or f"{analysis}/pas.exact/L{LAYERS[0]:02d}/C0000"
    hints = {
        f"hedonic-graph query{option}": "every question the graph answers by name",
        f"hedonic-graph query splits{option}": "the splits of all runs",
        f"hedonic-graph query descendants -p coalition={coalition}{option}": "what becomes of it further down",
        f"hedonic-graph runs show {analysis}/pas.exact{option}": "how far this run can be trusted",
        f"hedonic-graph store start{option}": "keep the graph open for other Bolt clients",
        "hedonic-graph analyze --help": "your own model, adapter and text",
    }
    click.echo("\nWhere to go next")
    width = max(map(len, hints))
    for command, what in hints.items():
        click.echo(f"  {command.ljust(width)}  {what}")


def _say(line: str) -> None:
    click.echo(line, err=True)
