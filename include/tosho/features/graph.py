"""The correlation graph of one session: who moves with whom, and what the neighbours did.

    >>> import numpy as np
    >>> market = np.random.default_rng(7).normal(size=WINDOW)
    >>> window = np.stack([market, 2 * market, -market], axis=1)
    >>> graph = graph_of(window, window[-1], window[-1])
    >>> graph["g_degree"].tolist(), graph["g_max_corr"].round(6).tolist()
    ([2.0, 2.0, 2.0], [1.0, 1.0, -1.0])

It is a function of the session's window and nothing else: no other session, no running sum, no thread.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tosho.features import graph_measures as measures
from tosho.features.graph_edges import edges_of
from tosho.features.graph_series import observed
from tosho.features.kernels import Array

Floats: TypeAlias = npt.NDArray[np.floating[Any]]

WINDOW = 60
NULL = math.nan
WITHOUT_NEIGHBOUR = {
    "g_degree": 0.0,
    "g_mean_corr": NULL,
    "g_max_corr": NULL,
    "g_clust": NULL,
    "g_pagerank": NULL,
    "g_core": 0.0,
    "g_nbr_ret_1": NULL,
    "g_nbr_ret_5": NULL,
}
"""The columns, and what a code of the graph has that no other moves with."""


def graph_of(window: Floats, ret_1: Floats, ret_5: Floats) -> dict[str, Array]:
    """Return what the session's graph says of each code: `[codes]` for each column, NaN for null.

    A code with fewer than `MIN_OBS` returns in the window is not in the graph: all its columns are null. One without a
    neighbour has those of `WITHOUT_NEIGHBOUR`.

    Args:
        window: Log returns of the session and those before it, `[60 sessions, codes]`, codes in order, NaN for null.
        ret_1: Returns over 1 session, `[codes]`, NaN for null.
        ret_5: Returns over 5 sessions, `[codes]`, NaN for null.

    Raises:
        ValueError: The shapes do not fit, or a return is infinite.
    """
    returns = [np.asarray(values, np.float64) for values in (window, ret_1, ret_5)]
    _check(*returns)
    return _columns(*returns)


def _columns(window: Array, ret_1: Array, ret_5: Array) -> dict[str, Array]:
    inside = observed(window)
    columns = {name: np.where(inside, alone, NULL) for name, alone in WITHOUT_NEIGHBOUR.items()}
    edges = edges_of(window)
    if edges.low.size:
        nodes, graph = measures.graph(edges, window.shape[1])
        for name, values in _measured(graph, ret_1[nodes], ret_5[nodes]).items():
            columns[name][nodes] = values
    return columns


def _measured(graph: measures.Graph, ret_1: Array, ret_5: Array) -> dict[str, Array]:
    return {
        "g_degree": graph.degree,
        "g_mean_corr": measures.mean(graph),
        "g_max_corr": measures.highest(graph),
        "g_clust": measures.clustering(graph),
        "g_pagerank": measures.pagerank(graph),
        "g_core": measures.core(graph),
        "g_nbr_ret_1": measures.neighbours_mean(graph, ret_1),
        "g_nbr_ret_5": measures.neighbours_mean(graph, ret_5),
    }


def _check(window: Array, ret_1: Array, ret_5: Array) -> None:
    if window.shape != (WINDOW, ret_1.size) or not ret_1.shape == ret_5.shape == (ret_1.size,):
        raise ValueError(
            f"A graph was asked for of returns {window.shape}, ret_1 {ret_1.shape} and ret_5 {ret_5.shape}; "
            f"it is made of ({WINDOW}, codes), (codes,) and (codes,). Give NaN for sessions that are not known."
        )
    for name, values in {"window": window, "ret_1": ret_1[None], "ret_5": ret_5[None]}.items():
        infinite = np.flatnonzero(np.isinf(values).any(axis=0))
        if infinite.size:
            raise ValueError(
                f"A graph was asked for of {name} that is infinite for the codes at {infinite[:5].tolist()}; a return "
                "is a finite number, or NaN where none is known. Look for a price of zero."
            )
