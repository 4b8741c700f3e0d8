"""What an analysis found, read back from its folder as tables (DESIGN §5): the loader and reports start here."""

from hedonic_graph.results.reader import open_results

__all__ = ["open_results"]
