"""Which pairs of codes may be edges: a quick look at all correlations, so that few are computed exactly.

A session has eight million pairs and some forty thousand that matter. Products of float32 matrices see them all, a
block of rows at a time, and let through whatever could be among a code's strongest given their error. So what is
chosen at last depends on exact values alone, never on how a matrix product was tiled or shared among threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Quick: TypeAlias = npt.NDArray[np.float32]
Places: TypeAlias = npt.NDArray[np.intp]
Pairs: TypeAlias = tuple[Places, Places]

ROWS = 128  # a block's correlations stay in the cache
STRIDE = 32  # columns taken together when a row's strongest are looked for
SPREAD = 0.01
"""Share of two codes' variances that their common sessions must hold for the quick look to be believed."""
MARGIN = 1e-3
"""Bound on the error of a believed value. Sums of 60 float32 products, and what is made of them, err by less than
e = 1.2e-5, and so a correlation by less than e / sqrt(SPREAD) + e / SPREAD / 2 + e / 2."""


@dataclass(frozen=True)
class Series:
    """Returns of the nodes, `[sessions, nodes]`, the nodes without a gap first.

    `values` have mean 0 and length 1 over the sessions `seen`, and are 0 in a gap.
    """

    values: npt.NDArray[np.float64]
    seen: npt.NDArray[np.bool_]

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return int(self.values.shape[1])

    @property
    def whole(self) -> int:
        """How many nodes have no gap."""
        return int(np.count_nonzero(self.seen.all(axis=0)))


def candidates(series: Series, *, least: float, strongest: int, common: int) -> Iterator[Pairs]:
    """Give the pairs (node, other) that may be among a node's `strongest` of at least `least`, in both directions.

    All candidates of a node come together. Pairs with fewer than `common` sessions in common are none.
    """
    whole, nodes = series.whole, series.nodes
    values = series.values.astype(np.float32)
    gapped, unsure = _gapped(values, series.seen.astype(np.float32), whole, common)
    groups = -(-nodes // STRIDE)
    buffer = np.zeros((ROWS, groups * STRIDE), np.float32)
    for begin, end in (*_blocks(0, whole), *_blocks(whole, nodes)):
        rho = buffer[: end - begin]
        if begin < whole:
            np.matmul(values[:, begin:end].T, values[:, :whole], out=rho[:, :whole])
            np.abs(rho[:, :whole], out=rho[:, :whole])
            rho[:, whole:nodes] = gapped[:, begin:end].T
        else:
            rho[:, :nodes] = gapped[begin - whole : end - whole]
        rho[np.arange(end - begin), np.arange(begin, end)] = 0
        row, other = _strong(rho.reshape(end - begin, STRIDE, groups), least, strongest)
        extra = slice(*np.searchsorted(unsure[0], [begin, end]))
        yield np.concatenate([row + begin, unsure[0][extra]]), np.concatenate([other, unsure[1][extra]])


def _blocks(begin: int, end: int) -> list[tuple[int, int]]:
    return [(first, min(first + ROWS, end)) for first in range(begin, end, ROWS)]


def _strong(rho: Quick, least: float, strongest: int) -> Pairs:
    """Return row and column of what may be among the strongest of its row.

    A row's columns are dealt into groups, `[rows, STRIDE, groups]`. Its k-th largest value is at least the k-th largest
    of the groups' maxima, and only groups whose maximum reaches that are looked into.
    """
    highest = rho.max(axis=1)
    groups = highest.shape[1]
    bound = np.full(len(rho), least - MARGIN, np.float32)
    if groups >= strongest:
        kth = np.partition(highest, groups - strongest, axis=1)[:, groups - strongest]
        bound = np.maximum(bound, kth - np.float32(2 * MARGIN))
    row, group = _places(highest >= bound[:, None])
    place, step = _places(rho[row, :, group] >= bound[row, None])
    return row[place], step * groups + group[place]


def _gapped(values: Quick, seen: Quick, whole: int, common: int) -> tuple[Quick, Pairs]:
    """Return |correlations| of the nodes with a gap with all nodes, and the pairs of which they say nothing.

    Those are 0 in the matrix; they come in both directions, in order of the first node.
    """
    nodes = values.shape[1]
    squares: Quick = values * values
    matrix = np.empty((nodes - whole, nodes), np.float32)
    unsure = [(np.empty(0, np.intp), np.empty(0, np.intp))]
    for begin, end in _blocks(whole, nodes):
        rho, rows, gaps = matrix[begin - whole : end - whole], slice(begin, end), slice(whole, nodes)
        np.matmul(values[:, rows].T, values, out=rho)
        count = seen[:, rows].sum(axis=0)[:, None]
        spread = _variance(seen[:, rows].T @ squares[:, :whole], seen[:, rows].T @ values[:, :whole], count)
        row, other = _settle(rho[:, :whole], spread, count >= common)
        unsure += [(row + begin, other), (other, row + begin)]

        count = seen[:, rows].T @ seen[:, gaps]
        count[count == 0] = 1
        own, others = values[:, rows].T @ seen[:, gaps], seen[:, rows].T @ values[:, gaps]
        rho[:, gaps] -= own * others / count
        spread = _variance(squares[:, rows].T @ seen[:, gaps], own, count)
        spread *= _variance(seen[:, rows].T @ squares[:, gaps], others, count)
        row, other = _settle(rho[:, gaps], spread, count >= common)
        unsure.append((row + begin, other + whole))
    node, other = (np.concatenate(side) for side in zip(*unsure, strict=True))
    order = np.argsort(node, kind="stable")
    return matrix, (node[order], other[order])


def _variance(squares: Quick, sums: Quick, count: Quick) -> Quick:
    """Sum of squared distances from the mean, in place of the sum of squares; the sums are used up."""
    sums *= sums
    sums /= count
    squares -= sums
    return squares


def _settle(rho: Quick, spread: Quick, enough: npt.NDArray[np.bool_]) -> Pairs:
    """Make |correlations| of covariances, in place: 0 where too little is seen. Return the pairs to be looked at."""
    unsure = ~(spread >= SPREAD)
    np.copyto(spread, np.inf, where=unsure | ~enough)
    np.abs(rho, out=rho)
    rho /= np.sqrt(spread, out=spread)
    return _places(unsure & enough)


def _places(holds: npt.NDArray[np.bool_]) -> Pairs:
    """Rows and columns that hold, by row. Through the flat array, which NumPy walks several times as fast."""
    row, column = np.divmod(np.flatnonzero(holds), holds.shape[1])
    return row, column
