"""What a graph says of its nodes.

`rho` is its matrix, `[nodes, nodes]`, symmetric and sparse; each node has a neighbour. What comes back is `[nodes]`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from scipy.sparse import csr_array

from tosho.features.graph_candidates import Places
from tosho.features.graph_edges import Edges
from tosho.features.kernels import Array

Matrix: TypeAlias = Any  # csr_array, whose types SciPy does not give

DAMPING = 0.85
STEPS = 128  # 0.85^128 < 1e-9: nothing that float32 would show


def adjacency(edges: Edges) -> tuple[Places, Matrix]:
    """Return the places of the codes that have an edge, and the rho of their edges, both ways; there is an edge."""
    nodes, ends = np.unique(np.concatenate([edges.high, edges.low]), return_inverse=True)
    other = np.concatenate(np.split(ends, 2)[::-1])
    return nodes, csr_array((np.tile(edges.rho, 2), (ends, other)), shape=(nodes.size, nodes.size))


def degree(rho: Matrix) -> Array:
    """Return how many neighbours each node has."""
    return np.asarray(np.diff(rho.indptr), np.float64)


def mean(rho: Matrix) -> Array:
    """Return the mean rho of each node's edges."""
    return np.asarray(rho @ np.ones(rho.shape[0])) / degree(rho)


def highest(rho: Matrix) -> Array:
    """Return the largest rho of each node's edges."""
    return np.asarray(np.maximum.reduceat(rho.data, rho.indptr[:-1]))


def clustering(rho: Matrix) -> Array:
    """Return the share of pairs of neighbours that are neighbours of each other; NaN with fewer than two.

    Unweighted (Watts, Strogatz 1998).
    """
    node, other = rho.nonzero()
    neighbours = np.zeros((rho.shape[0], -(-rho.shape[0] // 64)), np.uint64)  # a bit for each node
    np.bitwise_or.at(neighbours, (node, other // 64), np.uint64(1) << (other % 64).astype(np.uint64))
    node, other = node[node < other], other[node < other]
    shared = np.bitwise_count(neighbours[node] & neighbours[other]).sum(axis=1, dtype=np.int64)
    twice_triangles = sum(np.bincount(end, shared, rho.shape[0]) for end in (node, other))
    pairs = degree(rho) * (degree(rho) - 1)
    return np.where(pairs > 0, twice_triangles / np.maximum(pairs, 1), np.nan)


def pagerank(rho: Matrix) -> Array:
    """Return the share of time a walker spends at each node, who follows edges by |rho|, or jumps anywhere (15 %).

    The shares sum to 1. A fixed number of steps from the shares without jumps (Brin, Page 1998).
    """
    weights = _like(rho, np.abs(rho.data))
    strength: Array = weights @ np.ones(rho.shape[0])
    share: Array = strength / strength.sum()
    for _ in range(STEPS):
        share = DAMPING * (weights @ (share / strength)) + (1 - DAMPING) / share.size
    return share


def core(rho: Matrix) -> Array:
    """Return the largest k for which the node is in a part of the graph where each has k neighbours within the part.

    Nodes of the lowest degree are taken away, all at once, until none is left (Seidman 1983).
    """
    linked = _like(rho, np.ones(rho.nnz))
    left, result, level = degree(rho), np.zeros(rho.shape[0]), 0.0
    while not np.isinf(level := max(level, left.min())):
        gone = left <= level
        result[gone] = level
        left -= linked @ gone.astype(np.float64)
        left[gone] = np.inf
    return result


def neighbours_mean(rho: Matrix, returns: Array) -> Array:
    """Return sum(rho r) / sum(|rho|) over the neighbours that have a return r; NaN where none has.

    So what a neighbour of negative rho did counts with the opposite sign.
    """
    known = ~np.isnan(returns)
    weight = _like(rho, np.abs(rho.data)) @ known.astype(np.float64)
    total = rho @ np.where(known, returns, 0)
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1), np.nan)


def _like(rho: Matrix, data: Any) -> Matrix:  # noqa: ANN401 - an array of any type
    return csr_array((data, rho.indices, rho.indptr), shape=rho.shape)
