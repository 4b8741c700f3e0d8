"""``hedonic-graph browser``: style and saved queries for Neo4j Browser."""

from pathlib import Path

import click

EXAMPLE = """\b
Example:
  hedonic-graph browser for-browser"""


@click.command(epilog=EXAMPLE)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def browser(folder: Path) -> None:
    """Write a style and the query library into DIR, in the form that Neo4j Browser imports.

    The style gives coalitions short names and each lineage event a colour of its own; the queries become favourites,
    some of which draw lineages. Needs no server.
    """
    from hedonic_graph.browser.folder import STEPS, write

    for file in write(folder):
        click.echo(file)
    click.echo(f"\n{STEPS}", nl=False)
