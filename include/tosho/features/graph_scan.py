"""The loops that look at every pair of nodes: what is kept of a tile of quick correlations, and of all at last."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tosho.features.compiled import compiled
from tosho.features.graph_series import Nodes, Places, Quick

TOGETHER = 8
"""Columns whose flags are looked at as one word."""
STEPS = 64
"""Steps of |rho| from 0 to 1 by which a node's strongest so far are counted; a power of two, so the steps are exact."""

_SIDES = "float32[::1], int64[::1], int64[::1], uint16[:, ::1]"
_PAIRS = "int32[::1], int32[::1], float32[::1], int64"


@compiled("void(int64, float32, int64, float32, " + _SIDES + ")")
def _count(  # noqa: PLR0913 - arrays, not objects, are what is compiled
    node: int,
    rho: np.float32,
    strongest: int,
    margin: np.float32,
    bound: Quick,
    step: Places,
    above: Places,
    counts: npt.NDArray[np.uint16],
) -> None:
    """Count a value of a node; raise its bound when `strongest` values lie above the next step."""
    at = min(int(rho * np.float32(STEPS)), STEPS)
    if at > step[node]:
        counts[node, at] += 1
        above[node] += 1
        while above[node] >= strongest:
            step[node] += 1
            above[node] -= counts[node, step[node]]
            bound[node] = max(bound[node], np.float32(step[node]) / np.float32(STEPS) - np.float32(2) * margin)


@compiled("void(float32[::1], float32[::1], float32, uint8[::1], int64)")
def _flag(rho: Quick, of_columns: Quick, of_row: np.float32, flags: npt.NDArray[np.uint8], begin: int) -> None:
    """Say which columns of a row, from `begin` on, reach what is needed of either. A loop of vector instructions."""
    for c in range(rho.size):
        flags[c] = abs(rho[c]) >= min(of_columns[c], of_row)
    for c in range(min(begin, rho.size)):
        flags[c] = 0


@compiled(f"int64(float32[:, ::1], int64, int64, int64, float32, {_SIDES}, {_PAIRS})")
def scan(  # noqa: PLR0913
    rho: Quick,
    row: int,
    column: int,
    strongest: int,
    margin: np.float32,
    bound: Quick,
    step: Places,
    above: Places,
    counts: npt.NDArray[np.uint16],
    low: Nodes,
    high: Nodes,
    value: Quick,
    found: int,
) -> int:
    """Append the pairs of a tile that reach the bound of either node; return how many pairs there are then.

    The tile's rows are nodes from `row` on, its columns those from `column` on. Where both are of the same stretch
    (`column` >= `row`) a pair is looked at once, in the row of the lower node. An infinite value is kept, not counted.
    """
    words = np.zeros(-(-rho.shape[1] // TOGETHER), np.uint64)
    flags = words.view(np.uint8)
    for r in range(rho.shape[0]):
        node = row + r
        begin = node + 1 - column if column >= row else 0
        _flag(rho[r], bound[column : column + rho.shape[1]], bound[node], flags, begin)
        for word in range(words.size):
            if not words[word]:
                continue
            for c in range(TOGETHER * word, min(TOGETHER * (word + 1), rho.shape[1])):
                other, strong = column + c, abs(rho[r, c])
                if flags[c] and strong >= min(bound[node], bound[other]):
                    low[found], high[found], value[found] = node, other, strong
                    found += 1
                    for end in (node, other):
                        if bound[end] <= strong < np.inf:
                            _count(end, strong, strongest, margin, bound, step, above, counts)
    return found


@compiled(f"int64(float32[::1], {_PAIRS})")
def sift(bound: Quick, low: Nodes, high: Nodes, value: Quick, found: int) -> int:
    """Forget the pairs that reach neither node's bound; return how many are left."""
    left = 0
    for pair in range(found):
        if value[pair] >= min(bound[low[pair]], bound[high[pair]]):
            low[left], high[left], value[left] = low[pair], high[pair], value[pair]
            left += 1
    return left
