"""What an analysis found, read back from its folder as tables (DESIGN §5): the loader and reports start here."""

from hedonic_graph.results.protocol import FATES, ModelInfo, Results, RunInfo
from hedonic_graph.results.reader import open_results

__all__ = ["FATES", "ModelInfo", "Results", "RunInfo", "open_results"]
