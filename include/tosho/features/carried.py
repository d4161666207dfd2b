"""Deviation and R2 with the rounding that Qlib has, as compiled loops: those of `running`, bit by bit.

pandas and Qlib carry sums from row to row. Where prices stand still, what is left of such sums is not zero but the
rounding of all rows before, and Qlib's columns show it: WVMA divides it by 1e-12, and RSQR is null or not by it.
Nothing but the same steps in the same order gives the same rest. Of no use where a value shall depend on its window
alone.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from tosho.features.compiled import compiled
from tosho.features.fold_merges import SERIES
from tosho.features.kernels import Array
from tosho.features.sorted_windows import Numbers, Rows

ILL_CONDITIONED: Final = 1000 * float(np.finfo(np.float64).eps)
"""Where a removal leaves less than this share of the sum of squares, pandas 3 begins anew from the window's rows."""

COUNT, MEAN, SQUARES, ADDED, REMOVED = range(5)


@compiled("void(float64[::1], float64)")
def _add(state: Array, value: float) -> None:
    """Take a value in, after Welford, with the compensation of Kahan's sums."""
    state[COUNT] += 1
    before, compensated = state[MEAN] - state[ADDED], value - state[ADDED]
    step = compensated - state[MEAN]
    state[ADDED] = step + state[MEAN] - compensated
    state[MEAN] += step / state[COUNT]
    state[SQUARES] += (value - before) * (value - state[MEAN])


@compiled("boolean(float64[::1], float64)")
def _remove(state: Array, value: float) -> bool:
    """Take a value out, and tell whether the sum of squares that is left cannot be trusted."""
    state[COUNT] -= 1
    if state[COUNT] <= 0:
        state[MEAN] = state[SQUARES] = 0
        return False
    before, compensated = state[MEAN] - state[REMOVED], value - state[REMOVED]
    step = compensated - state[MEAN]
    state[REMOVED] = step + state[MEAN] - compensated
    state[MEAN] -= step / state[COUNT]
    squares = state[SQUARES] - (value - before) * (value - state[MEAN])
    doubtful = squares < state[SQUARES] * ILL_CONDITIONED
    state[SQUARES] = squares
    return bool(doubtful)


@compiled(f"void({SERIES}, {SERIES}, int64[::1], float64[:, ::1])")
def deviations(x: Array, row: Array, windows: Numbers, out: Rows) -> None:
    """Compute the sample deviation of each window's values, as pandas 3 computes `rolling(n, min_periods=1).std()`.

    Args:
        x: Series one after the other, NaN where there is no value.
        row: The rows' numbers in their series from 0, NaN before the first.
        windows: In rows.
        out: `[windows, rows]`, to be filled; NaN of fewer than two values.
    """
    states, began = np.zeros((windows.size, 5)), 0
    for at in range(x.size):
        if row[at] == 0:
            states[:] = 0
            began = at
        for w in range(windows.size):
            state, oldest = states[w], at - windows[w]
            doubtful = False
            if oldest >= began and not np.isnan(x[oldest]):
                doubtful = _remove(state, x[oldest])
            if doubtful:
                state[:] = 0
                for then in range(oldest + 1, at + 1):
                    if not np.isnan(x[then]):
                        _add(state, x[then])
            elif not np.isnan(x[at]):
                _add(state, x[at])
            count, squares = state[COUNT], state[SQUARES]
            out[w, at] = math.sqrt((0.0 if squares < 0 else squares) / (count - 1)) if count > 1 else np.nan


@compiled(f"void({SERIES}, {SERIES}, int64[::1], float64[:, ::1])")
def explained(values: Array, row: Array, windows: Numbers, out: Rows) -> None:
    """Compute the share of variance that the regression on 1 .. n explains, as Qlib's `rolling_rsquare` sums it.

    Args:
        values: As for `deviations`.
        row: As for `deviations`.
        windows: In rows.
        out: `[windows, rows]`, to be filled.
    """
    sums, began = np.zeros((windows.size, 6)), 0
    for at in range(values.size):
        if row[at] == 0:
            sums[:] = 0
            began = at
        for w in range(windows.size):
            n, x, xx, y, yy, xy = sums[w, 0], sums[w, 1], sums[w, 2], sums[w, 3], sums[w, 4], sums[w, 5]
            last, oldest = float(windows[w]), at - windows[w]
            gone = oldest >= began and not np.isnan(values[oldest])
            come = not np.isnan(values[at])
            out_value, value = values[oldest] if gone else 0.0, values[at] if come else 0.0
            is_come, is_gone = 1.0 if come else 0.0, 1.0 if gone else 0.0
            xy -= y
            xx += n - 2 * x
            x -= n
            n += is_come - is_gone
            y -= out_value
            y += value
            yy -= out_value * out_value
            yy += value * value
            x += is_come * last
            xx += is_come * (last * last)
            xy += last * value
            sums[w, 0], sums[w, 1], sums[w, 2], sums[w, 3], sums[w, 4], sums[w, 5] = n, x, xx, y, yy, xy
            correlation = (n * xy - x * y) / math.sqrt((n * xx - x * x) * (n * yy - y * y))
            out[w, at] = correlation * correlation
