"""Which pairs of codes may be edges: a quick look at all correlations, so that few are computed exactly.

A session has eight million pairs and some forty thousand that matter. Products of float32 matrices see each pair once,
a tile that stays in the cache at a time, and let through whatever could be among a code's strongest given their error.
So what is chosen at last depends on exact values alone, never on how a matrix product was tiled or shared among
threads.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tosho.features import graph_gaps as gaps
from tosho.features import graph_scan as scanning
from tosho.features.graph_series import Nodes, Quick, Series

Pairs: TypeAlias = tuple[Nodes, Nodes]

ROWS, COLUMNS = 256, 512  # a tile's correlations stay in the cache
ROOM = 1 << 18  # pairs that there is room for at first
SPREAD = 0.01
"""Share of two codes' variances that their common sessions must hold for the quick look to be believed."""
MARGIN = 1e-3
"""Bound on the error of a believed value. Sums of 60 float32 products, and what is made of them, err by less than
e = 1.2e-5, and so a correlation by less than e / sqrt(SPREAD) + e / SPREAD / 2 + e / 2."""


def candidates(series: Series, *, least: float, strongest: int, common: int) -> Pairs:
    """Return the pairs of nodes that may be among either's `strongest` of at least `least`, each pair once.

    Pairs with fewer than `common` sessions in common are none.
    """
    order = _leaders_first(series)
    look = _Look(series, order, common)
    found = _Found(series.nodes, least, strongest)
    whole, nodes = series.whole, series.nodes
    for rows in _blocks(0, whole, ROWS):
        for columns in _blocks(rows.start, whole, COLUMNS):
            found.take(look.values[rows] @ look.values[columns].T, rows.start, columns.start)
    for rows in _blocks(whole, nodes, ROWS):
        for columns in _blocks(0, whole, COLUMNS):
            found.take(look.at_whole(rows, columns), rows.start, columns.start)
        for columns in _blocks(rows.start, nodes, COLUMNS):
            found.take(look.at_gaps(rows, columns), rows.start, columns.start)
    low, high = found.pairs()
    return order[low], order[high]


def _leaders_first(series: Series) -> Nodes:
    """Return the nodes, those first that move most with all others, and those without a gap before the rest.

    The first nodes that are looked at set the bounds of all others: the closer these are to what is needed at last, the
    fewer pairs come in between.
    """
    together = np.abs(series.values @ series.values.sum(axis=0))
    gap = np.arange(series.nodes) >= series.whole
    return np.lexsort((-together, gap)).astype(np.int32)


def _blocks(begin: int, end: int, size: int) -> list[slice]:
    return [slice(first, min(first + size, end)) for first in range(begin, end, size)]


def _longer(values: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Return an array of this size that begins with the values."""
    result = np.empty(size, values.dtype)
    result[: values.size] = values
    return result


class _Look:
    """Quick |correlations| of the nodes that have a gap."""

    def __init__(self, series: Series, order: Nodes, common: int) -> None:
        self.values: Quick = series.values[order].astype(np.float32)
        self._squares: Quick = self.values * self.values
        self._seen: Quick = series.seen()[order]
        self._limits = np.float32(common), np.float32(SPREAD)

    def at_whole(self, rows: slice, columns: slice) -> Quick:
        """With nodes that have none."""
        seen = self._seen[rows]
        rho = self.values[rows] @ self.values[columns].T
        squares, sums = (seen @ of[columns].T for of in (self._squares, self.values))
        gaps.settle_whole(rho, squares, sums, seen.sum(axis=1), *self._limits)
        return rho

    def at_gaps(self, rows: slice, columns: slice) -> Quick:
        """With nodes that have one too."""
        values, squares, seen = self.values, self._squares, self._seen
        rho = values[rows] @ values[columns].T
        gaps.settle_gaps(
            rho,
            seen[rows] @ seen[columns].T,
            values[rows] @ seen[columns].T,
            seen[rows] @ values[columns].T,
            squares[rows] @ seen[columns].T,
            seen[rows] @ squares[columns].T,
            *self._limits,
        )
        return rho


class _Found:
    """The pairs that reached what was then known to be needed of either node.

    `_bound` is what is needed: `least` or, where higher, the step of |rho| above which a node has `strongest` others;
    less what the values may err.
    """

    def __init__(self, nodes: int, least: float, strongest: int) -> None:
        self._strongest = strongest
        self._bound = np.full(nodes, least - MARGIN, np.float32)
        self._step, self._above = np.zeros((2, nodes), np.int64)
        self._counts = np.zeros((nodes, scanning.STEPS + 1), np.uint16)
        self._low, self._high = np.empty((2, ROOM), np.int32)
        self._rho = np.empty(ROOM, np.float32)
        self._size = 0

    def take(self, rho: Quick, row: int, column: int) -> None:
        """Look at a tile whose first row and column are these nodes, at pairs whose row is the lower node."""
        self._make_room(rho.size)
        self._size = scanning.scan(
            rho, row, column, self._strongest, np.float32(MARGIN), self._bound, self._step, self._above, self._counts,
            self._low, self._high, self._rho, self._size,
        )  # fmt: skip

    def pairs(self) -> Pairs:
        """Return what reaches the bounds of now."""
        self._sift()
        return self._low[: self._size], self._high[: self._size]

    def _make_room(self, more: int) -> None:
        if self._size + more > self._rho.size:
            self._sift()
        if self._size + more > self._rho.size:
            size = 2 * (self._size + more)
            self._low, self._high, self._rho = (_longer(of, size) for of in (self._low, self._high, self._rho))

    def _sift(self) -> None:
        self._size = scanning.sift(self._bound, self._low, self._high, self._rho, self._size)
