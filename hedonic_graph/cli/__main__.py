"""``python -m hedonic_graph.cli`` is ``hedonic-graph``."""

from hedonic_graph.cli import main

main(prog_name="hedonic-graph")
