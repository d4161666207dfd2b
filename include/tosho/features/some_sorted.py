"""Quantiles and ranks of the values that windows have, as compiled loops: those of `skipping`, bit by bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tosho.features import sorted_windows
from tosho.features.compiled import compiled
from tosho.features.fold_merges import SERIES
from tosho.features.kernels import Array
from tosho.features.sorted_windows import Numbers, Rows


@compiled(f"int64({SERIES}, float64[::1])")
def _sorted(window: Array, found: Array) -> int:
    """Put the values of a window in order; return how many there are."""
    count = 0
    for value in window:
        if value - value == 0:
            at = count
            while at > 0 and found[at - 1] > value:
                found[at] = found[at - 1]
                at -= 1
            found[at] = value
            count += 1
    return count


@compiled(f"void({SERIES}, int64[::1], float64[::1], float64[:, ::1])")
def _with_nulls(x: Array, windows: Numbers, shares: Array, out: Rows) -> None:
    """Sort the windows that hold nulls one by one."""
    found, run = np.empty(windows.max()), np.empty(x.size)
    sorted_windows.finite_run(x, 0.0, run)
    for w in range(windows.size):
        n = windows[w]
        for row in range(n - 1, x.size):
            if run[row] >= n:
                continue
            count = _sorted(x[row + 1 - n : row + 1], found)
            for s in range(shares.size):
                place = (count - 1) * shares[s]
                below = int(np.floor(place))
                if count:
                    low, high = found[below], found[min(below + 1, count - 1)]
                    out[w * shares.size + s, row] = low + (high - low) * (place - below)


@compiled(f"void({SERIES}, int64[::1], float64[:, ::1])")
def _some_ranks(x: Array, windows: Numbers, out: Rows) -> None:
    tile, longest = sorted_windows.TILE, windows.max()
    t, there, count = np.full(longest + tile, np.nan), np.zeros(longest + 1 + tile), np.zeros(tile)
    for begin in range(0, x.size, tile):
        rows = min(tile, x.size - begin)
        if begin:
            t[:longest] = t[tile : tile + longest].copy()
            there[: longest + 1] = there[tile : tile + longest + 1].copy()
        for i in range(rows):
            value = x[begin + i]
            t[longest + i] = value if value - value == 0 else np.nan
            there[longest + 1 + i] = there[longest + i] + (1.0 if value - value == 0 else 0.0)
        count[:] = 0
        now, newest, number = t[longest : longest + rows], there[longest + 1 : longest + 1 + rows], 0
        for back in range(1, longest + 1):
            if number < windows.size and windows[number] == back:
                result, oldest = (
                    out[number, begin : begin + rows],
                    there[longest + 1 - back : longest + 1 - back + rows],
                )
                for i in range(rows):
                    full = begin + i >= back - 1 and not np.isnan(now[i])
                    result[i] = (count[i] + 2) / (2 * (newest[i] - oldest[i])) if full else np.nan
                number += 1
            then = t[longest - back : longest - back + rows]
            for i in range(rows):
                count[i] += (1.0 if then[i] < now[i] else 0.0) + (1.0 if then[i] <= now[i] else 0.0)


def quantiles(x: Array, windows: Sequence[int], shares: Sequence[float]) -> Rows:
    """Return the quantiles at these shares of the values of each window: `[windows x shares, rows]`."""
    x = np.ascontiguousarray(x)
    out = sorted_windows.quantiles(x, windows, shares)
    _with_nulls(x, np.array(windows), np.array(shares), out)
    return out


def ranks(x: Array, windows: Sequence[int]) -> Rows:
    """Return the rank of the newest value among those of each window, in (0, 1]: `[windows, rows]`.

    Args:
        x: The series.
        windows: In rows, ascending.
    """
    out = np.empty((len(windows), x.size))
    _some_ranks(np.ascontiguousarray(x), np.array(windows), out)
    return out
