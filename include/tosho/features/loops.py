"""All compiled loops: whoever imports this has them compiled, or found, so that no run waits for the compiler."""

from tosho.features import carried, folding, graph, placing, row_loops, some_sorted, sorted_windows
from tosho.features.pieces import block_loops

__all__ = ["block_loops", "carried", "folding", "graph", "placing", "row_loops", "some_sorted", "sorted_windows"]
