"""The stores of the tests of the graph, and a small run."""

from graph.conftest import address, arguments, drawing, folder, no_surroundings, store

__all__ = ["address", "arguments", "drawing", "folder", "no_surroundings", "store"]
