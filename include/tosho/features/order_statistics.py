"""Quantiles and ranks over several windows at once, without a sort of each window.

A sorted window is made of two shorter ones: 60 rows of two times 30, 30 of 20 and 10, 20 of two times 10. As each of
them serves every window that it is a part of, a row costs one merge a window. Merges are Batcher's odd-even networks
(Knuth, volume 3, 5.3.4): a fixed list of minima and maxima, taken of a whole block of rows at a time. Of the longest
window only the values asked for are made, each as the least of the maxima of its possible cuts between the parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tosho.features.kernels import Array
from tosho.features.several import Several, sums

Sorted = list[Array]
"""The rows of each window, smallest first: item k is the k-th smallest, by row."""


def quantiles(x: Array, windows: Sequence[int], shares: Sequence[float]) -> Several:
    """Quantiles at these shares, interpolated linearly between the two nearest values."""
    found = _Windows(x, windows)
    missing = sums(x - x, windows)
    return {n: tuple(found.quantile(n, share) + missing[n][0] for share in shares) for n in windows}


def ranks(x: Array, windows: Sequence[int]) -> Several:
    """Rank of the newest value in (0, 1], 1 the largest; the average rank among equals."""
    missing = sums(x - x, windows)
    return {n: ((twice + 2) / (2 * n) + missing[n][0],) for n, twice in beaten(x, windows).items()}


def beaten(x: Array, windows: Sequence[int]) -> dict[int, Array]:
    """Return how many earlier values of the window are below the newest, twice, plus how many are equal to it."""
    found = {}
    count: npt.NDArray[np.int16] = np.zeros(x.size, np.int16)
    for back in range(1, max(windows)):
        now, then = x[back:], x[: max(x.size - back, 0)]
        count = count[1:]
        np.add(count, then < now, out=count)
        np.add(count, then <= now, out=count)
        if back + 1 in windows:
            found[back + 1] = count.astype(np.float64)
    return found


def interpolated(low: Array, high: Array, fraction: Array | float) -> Array:
    """Return what lies between two neighbours; exactly their value where they are equal."""
    return low + (high - low) * fraction


class _Windows:
    """The sorted windows of a series, each made when it is first needed."""

    def __init__(self, x: Array, windows: Sequence[int]) -> None:
        self._windows = sorted(windows)
        self._made: dict[int, Sorted] = {1: [x]}

    def quantile(self, window: int, share: float) -> Array:
        place = (window - 1) * share
        below = math.floor(place)
        low, high = self._item(window, below), self._item(window, min(below + 1, window - 1))
        return interpolated(low, high, place - below)

    def _item(self, window: int, place: int) -> Array:
        if window == self._windows[-1] and window > 1:
            return _selected(*self._parts(window), place)
        return self._sorted(window)[place]

    def _sorted(self, window: int) -> Sorted:
        if window not in self._made:
            self._made[window] = _merged(*self._parts(window))
        return self._made[window]

    def _parts(self, window: int) -> tuple[Sorted, Sorted]:
        """The newer and the older part, cut so that both are of the rows that have a full window."""
        newer = max((n for n in self._windows if n < window), default=window // 2)
        older = window - newer
        size = max(self._made[1][0].size - window + 1, 0)
        return [a[a.size - size :] for a in self._sorted(newer)], [a[:size] for a in self._sorted(older)]


def _merged(a: Sorted, b: Sorted) -> Sorted:
    if not a or not b:
        return [*a, *b]
    if len(a) == len(b) == 1:
        return [np.minimum(a[0], b[0]), np.maximum(a[0], b[0])]
    even, odd = _merged(a[::2], b[::2]), _merged(a[1::2], b[1::2])
    result = [even[0]]
    for low, high in zip(odd, even[1:], strict=False):
        result += [np.minimum(low, high), np.maximum(low, high)]
    return [*result, *odd[len(even) - 1 :], *even[len(odd) + 1 :]]


def _selected(a: Sorted, b: Sorted, place: int) -> Array:
    """The value at a place of what a and b make together: the least, over cuts, of the larger end."""
    ends: list[Array] = []
    for of_a in range(max(place + 1 - len(b), 0), min(place + 1, len(a)) + 1):
        of_b = place + 1 - of_a
        ends.append(b[of_b - 1] if of_a == 0 else a[of_a - 1] if of_b == 0 else np.maximum(a[of_a - 1], b[of_b - 1]))
    least = ends[0]
    for end in ends[1:]:
        least = np.minimum(least, end)
    return least
