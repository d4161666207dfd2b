"""What a graph says of its nodes. What comes back is `[nodes]`; each node has a neighbour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tosho.features import graph_walks as walks
from tosho.features.graph_edges import Edges
from tosho.features.graph_series import Places
from tosho.features.kernels import Array

DAMPING = 0.85
STEPS = 128  # 0.85^128 < 1e-9: nothing that float32 would show
STILL = 1e-15
"""Share of itself by which none moves in a step that may be the last: some fifty steps, on a market of 3,300 codes."""


@dataclass(frozen=True)
class Graph:
    """The neighbours of node k, in order: those of `other` from `begin[k]` to `begin[k + 1]`, with the edges' `rho`."""

    begin: Places
    other: Places
    rho: Array

    @property
    def degree(self) -> Array:
        """How many neighbours each node has."""
        return np.diff(self.begin).astype(np.float64)

    def times(self, weights: Array, values: Array) -> Array:
        """Return the sum of weight times value over each node's neighbours, the first first."""
        return walks.times(self.begin, self.other, weights, values)


def graph(edges: Edges, codes: int) -> tuple[Places, Graph]:
    """Return the places of the codes that have an edge, and their graph; there is an edge."""
    nodes, begin, other, rho = walks.both_ways(edges.low, edges.high, edges.rho, codes)
    return nodes, Graph(begin, other, rho)


def mean(graph: Graph) -> Array:
    """Return the mean rho of each node's edges."""
    return graph.times(graph.rho, np.ones(graph.begin.size - 1)) / graph.degree


def highest(graph: Graph) -> Array:
    """Return the largest rho of each node's edges."""
    return np.asarray(np.maximum.reduceat(graph.rho, graph.begin[:-1]))


def clustering(graph: Graph) -> Array:
    """Return the share of pairs of neighbours that are neighbours of each other; NaN with fewer than two.

    Unweighted (Watts, Strogatz 1998).
    """
    twice_triangles = 2.0 * walks.triangles(graph.begin, graph.other)
    pairs = graph.degree * (graph.degree - 1)
    return np.where(pairs > 0, twice_triangles / np.maximum(pairs, 1), np.nan)


def pagerank(graph: Graph) -> Array:
    """Return the share of time a walker spends at each node, who follows edges by |rho|, or jumps anywhere (15 %).

    The shares sum to 1. Steps from the shares without jumps until they stand still, at most `STEPS` (Brin, Page 1998).
    """
    weights = np.abs(graph.rho)
    strength = graph.times(weights, np.ones(graph.begin.size - 1))
    order = np.argsort(np.diff(graph.begin), kind="stable")[::-1]
    share = strength / strength.sum()
    return walks.walked(graph.begin, graph.other, weights, order.copy(), strength, share, DAMPING, STEPS, STILL)


def core(graph: Graph) -> Array:
    """Return the largest k for which the node is in a part of the graph where each has k neighbours within the part.

    Nodes of the lowest degree are taken away until none is left (Seidman 1983).
    """
    return walks.peeled(graph.begin, graph.other).astype(np.float64)


def neighbours_mean(graph: Graph, returns: Array) -> Array:
    """Return sum(rho r) / sum(|rho|) over the neighbours that have a return r; NaN where none has.

    So what a neighbour of negative rho did counts with the opposite sign.
    """
    known = ~np.isnan(returns)
    weight = graph.times(np.abs(graph.rho), known.astype(np.float64))
    total = graph.times(graph.rho, np.where(known, returns, 0))
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1), np.nan)
