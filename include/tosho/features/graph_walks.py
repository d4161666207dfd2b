"""The loops over the neighbours of nodes: see `graph_measures.Graph`. A node's sums go from its first neighbour on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tosho.features.compiled import compiled
from tosho.features.graph_series import Places
from tosho.features.kernels import Array

LANES = 8  # nodes of about the same degree that a walk sums together: no sum waits for another's, nor a branch for both


@compiled("Tuple((int64[::1], int64[::1], int64[::1], float64[::1]))(int64[::1], int64[::1], float64[::1], int64)")
def both_ways(low: Places, high: Places, rho: Array, codes: int) -> tuple[Places, Places, Places, Array]:
    """Return which codes have an edge, and `begin`, `other` and `rho` of their graph, of edges in order."""
    degree, number = np.zeros(codes, np.int64), np.zeros(codes, np.int64)
    for edge in range(low.size):
        degree[low[edge]] += 1
        degree[high[edge]] += 1
    nodes = np.flatnonzero(degree)
    begin = np.zeros(nodes.size + 1, np.int64)
    for node in range(nodes.size):
        number[nodes[node]] = node
        begin[node + 1] = begin[node] + degree[nodes[node]]
    free, other, weight = begin[:-1].copy(), np.empty(2 * low.size, np.int64), np.empty(2 * low.size)
    for lower in (True, False):  # first all neighbours before a node, then those behind it
        for edge in range(low.size):
            x, y = (number[high[edge]], number[low[edge]]) if lower else (number[low[edge]], number[high[edge]])
            other[free[x]], weight[free[x]] = y, rho[edge]
            free[x] += 1
    return nodes, begin, other, weight


@compiled("float64[::1](int64[::1], int64[::1], float64[::1], float64[::1])")
def times(begin: Places, other: Places, weights: Array, values: Array) -> Array:
    """Return the sum of weight times value over each node's neighbours."""
    result = np.zeros(begin.size - 1)
    for node in range(result.size):
        total = 0.0
        for at in range(begin[node], begin[node + 1]):
            total += weights[at] * values[other[at]]
        result[node] = total
    return result


@compiled("int64[::1](int64[::1], int64[::1])")
def triangles(begin: Places, other: Places) -> Places:
    """Return how many pairs of each node's neighbours are neighbours of each other."""
    found, near = np.zeros(begin.size - 1, np.int64), np.full(begin.size - 1, -1)
    for node in range(found.size):
        for at in range(begin[node], begin[node + 1]):
            near[other[at]] = node
        for at in range(begin[node], begin[node + 1]):
            second = other[at]
            if second > node:
                break
            for of_second in range(begin[second], begin[second + 1]):
                third = other[of_second]
                if third > second:
                    break
                if near[third] == node:
                    found[node] += 1
                    found[second] += 1
                    found[third] += 1
    return found


@compiled("int64[::1](int64[::1], int64[::1])")
def peeled(begin: Places, other: Places) -> Places:
    """Return the level at which each node goes when those with the fewest neighbours left go first."""
    left = np.diff(begin)
    level, waiting = np.full(left.size, -1), np.empty(left.size, np.int64)
    gone, now = 0, 0
    while gone < left.size:
        size = 0
        for node in range(left.size):
            if level[node] < 0 and left[node] <= now:
                level[node], waiting[size] = now, node
                size += 1
        while size:
            size -= 1
            gone += 1
            node = waiting[size]
            for at in range(begin[node], begin[node + 1]):
                near = other[at]
                left[near] -= 1
                if level[near] < 0 and left[near] <= now:
                    level[near], waiting[size] = now, near
                    size += 1
        now += 1
    return level


_LISTS = "int64[::1], int64[::1], float64[::1], int64[::1]"


@compiled(f"Tuple((int64[::1], uint32[:, ::1], float64[:, ::1]))({_LISTS})")
def _in_lanes(
    begin: Places, other: Places, weights: Array, order: Places
) -> tuple[Places, npt.NDArray[np.uint32], Array]:
    """Lay the neighbours of `LANES` nodes side by side, the nodes by falling degree; what is missing weighs 0.

    Places have no sign: one that may be negative would be looked at twice.
    """
    groups = -(-order.size // LANES)
    first = np.zeros(groups + 1, np.int64)
    for group in range(groups):
        node = order[LANES * group]
        first[group + 1] = first[group] + begin[node + 1] - begin[node]
    who, weight = np.zeros((first[groups], LANES), np.uint32), np.zeros((first[groups], LANES))
    for k in range(order.size):
        group, lane, node = k // LANES, k % LANES, order[k]
        for step in range(begin[node + 1] - begin[node]):
            who[first[group] + step, lane] = other[begin[node] + step]
            weight[first[group] + step, lane] = weights[begin[node] + step]
    return first, who, weight


@compiled(f"float64[::1]({_LISTS}, float64[::1], float64[::1], float64, int64, float64)")
def walked(  # noqa: PLR0913
    begin: Places,
    other: Places,
    weights: Array,
    order: Places,
    strength: Array,
    share: Array,
    damping: float,
    steps: int,
    still: float,
) -> Array:
    """Return the shares of a walk that jumps with probability 1 - damping.

    After so many steps, or the first in which no share moved by more than `still` of itself.
    """
    nodes = share.size
    first, who, weight = _in_lanes(begin, other, weights, order)
    jump = (1 - damping) / nodes
    share, given, sums = share.copy(), np.empty(nodes), np.zeros(first.size * LANES)
    for _ in range(steps):
        for node in range(nodes):
            given[node] = share[node] / strength[node]
        for group in range(first.size - 1):
            a, b, c, d, e, f, g, h = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            for at in range(first[group], first[group + 1]):
                a += weight[at, 0] * given[who[at, 0]]
                b += weight[at, 1] * given[who[at, 1]]
                c += weight[at, 2] * given[who[at, 2]]
                d += weight[at, 3] * given[who[at, 3]]
                e += weight[at, 4] * given[who[at, 4]]
                f += weight[at, 5] * given[who[at, 5]]
                g += weight[at, 6] * given[who[at, 6]]
                h += weight[at, 7] * given[who[at, 7]]
            k = LANES * group
            sums[k], sums[k + 1], sums[k + 2], sums[k + 3] = a, b, c, d
            sums[k + 4], sums[k + 5], sums[k + 6], sums[k + 7] = e, f, g, h
        moved = False
        for k in range(nodes):
            before, now = share[order[k]], damping * sums[k] + jump
            share[order[k]] = now
            moved = moved or abs(now - before) > still * before
        if not moved:
            break
    return share
