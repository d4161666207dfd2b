"""The fold of `kernels`, compiled: a tile of rows after the other, of which all states stay in the processor's cache.

`fold` merges blocks of powers of two once for all windows, as `several.folds` does, and so gives its bits. Before the
first row of a series lie rows of NaN, which any window that is not full has in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tosho.features import fold_kinds as kinds
from tosho.features import fold_merges as merges
from tosho.features import fold_results as results
from tosho.features import some_merges, some_results
from tosho.features.compiled import compiled
from tosho.features.fold_merges import SERIES, TABLE, Step, Table
from tosho.features.fold_results import Columns, State
from tosho.features.kernels import Array

TILE: Final = 512
"""Rows whose states are merged together, at least."""


@compiled(f"void(int64, {TABLE}, UniTuple(int64, 7))")
def _merge_some(kind: int, t: Table, step: Step) -> None:
    if kind == kinds.SOME_TOTAL:
        some_merges.totals(t, step)
    elif kind in (kinds.SOME_MOMENTS, kinds.SOME_SHARE):
        some_merges.moments(t, step)
    elif kind == kinds.SOME_CORRELATION:
        some_merges.comoments(t, step)
    elif kind == kinds.SOME_TREND:
        some_merges.trend(t, step)
    else:
        some_merges.peak(t, step)


@compiled(f"void(int64, {TABLE}, UniTuple(int64, 7), float64[::1])")
def _merge(kind: int, t: Table, step: Step, power: Array) -> None:  # noqa: C901, PLR0912 - a list of names
    if kind == kinds.TOTAL:
        merges.total(t, step)
    elif kind == kinds.MEAN:
        merges.mean(t, step)
    elif kind == kinds.HIGHEST:
        merges.highest(t, step)
    elif kind == kinds.LOWEST:
        merges.lowest(t, step)
    elif kind == kinds.DECAYED:
        merges.decayed(t, step, power)
    elif kind == kinds.RUN:
        merges.run(t, step)
    elif kind in (kinds.MOMENTS, kinds.VARIANCE, kinds.ZSCORE):
        merges.moments(t, step)
    elif kind == kinds.REGRESSION:
        merges.trend(t, step)
    elif kind in (kinds.CORRELATION, kinds.BETA, kinds.RESIDUAL_DEVIATION):
        merges.comoments(t, step)
    elif kind in (kinds.PEAK, kinds.TROUGH):
        merges.oldest_peak(t, step)
    elif kind == kinds.AGE:
        merges.newest_peak(t, step)
    elif kind == kinds.ADAPTIVE:
        merges.adaptive(t, step)
    elif kind in (kinds.SKEWNESS, kinds.KURTOSIS):
        merges.moments4(t, step)
    elif kind == kinds.FALLING:
        merges.falling(t, step)
    elif kind == kinds.CUMULATIVE:
        merges.cumulative(t, step)
    else:
        _merge_some(kind, t, step)


@compiled(f"void(int64, {TABLE}, UniTuple(int64, 6), float64[:, ::1])")
def _finish_some(kind: int, t: Table, state: State, out: Columns) -> None:
    if kind == kinds.SOME_MOMENTS:
        some_results.moments(t, state, out)
    elif kind == kinds.SOME_CORRELATION:
        some_results.correlation(t, state, out)
    elif kind == kinds.SOME_TREND:
        some_results.trend(t, state, out)
    elif kind == kinds.SOME_PEAK:
        some_results.peak(t, state, out)
    elif kind == kinds.SOME_TROUGH:
        some_results.trough(t, state, out)
    else:
        some_results.first(t, state, out)


@compiled(f"void(int64, {TABLE}, UniTuple(int64, 6), float64[:, ::1])")
def _finish(kind: int, t: Table, state: State, out: Columns) -> None:  # noqa: C901, PLR0912
    if kind == kinds.MOMENTS:
        results.moments(t, state, out)
    elif kind == kinds.VARIANCE:
        results.variance(t, state, out)
    elif kind == kinds.ZSCORE:
        results.zscore(t, state, out)
    elif kind == kinds.REGRESSION:
        results.regression(t, state, out)
    elif kind == kinds.CORRELATION:
        results.correlation(t, state, out)
    elif kind == kinds.BETA:
        results.beta(t, state, out)
    elif kind == kinds.RESIDUAL_DEVIATION:
        results.residual_deviation(t, state, out)
    elif kind == kinds.PEAK:
        results.peak(t, state, out)
    elif kind == kinds.TROUGH:
        results.trough(t, state, out)
    elif kind == kinds.AGE:
        results.age(t, state, out)
    elif kind == kinds.SKEWNESS:
        results.skewness(t, state, out)
    elif kind == kinds.KURTOSIS:
        results.kurtosis(t, state, out)
    elif kind == kinds.FALLING:
        results.falling(t, state, out)
    elif kind == kinds.CUMULATIVE:
        results.cumulative_zscore(t, state, out)
    elif kind < kinds.SOME_TOTAL:
        results.first(t, state, out)
    else:
        _finish_some(kind, t, state, out)


@compiled(f"void(int64, {SERIES}, {SERIES}, int64, {TABLE}, int64, int64)")
def _begin_some(kind: int, x: Array, y: Array, row: int, t: Table, lo: int, hi: int) -> None:  # noqa: PLR0913
    """Put the states of single rows into the table: how many values they have, 1 or 0, and the value or 0."""
    paired, extreme = kind == kinds.SOME_CORRELATION, kind in (kinds.SOME_PEAK, kinds.SOME_TROUGH)
    t[0, :, lo:hi] = 0
    for i in range(hi - lo):
        value, other = x[row + i], y[row + i]
        if kind == kinds.SOME_TROUGH:
            value = -value
        elif kind == kinds.SOME_SHARE:  # a flag that cannot be judged is none
            value = np.nan if np.isnan(other) else 0.0 if np.isnan(value) else value
        there = value - value == 0 and (not paired or other - other == 0)
        if extreme:
            t[0, 0, lo + i] = value if there else np.nan
            t[0, 1, lo + i] = -np.inf if np.isnan(other) else value if there else np.inf
            t[0, 3, lo + i] = other
        elif there:
            t[0, 0, lo + i] = 1
            t[0, 2 if kind == kinds.SOME_TREND else 1, lo + i] = value
            if paired:
                t[0, 2, lo + i] = other


@compiled(f"void({SERIES}, {SERIES}, {TABLE}, int64)")
def _begin_falling(x: Array, y: Array, t: Table, lo: int) -> None:
    """Put the states of single rows into the table, of which only those count where x falls."""
    for i in range(x.size):
        zero = 0 * (x[i] + y[i])
        t[0, 0, lo + i] = np.nan if np.isnan(zero) else 1.0 if x[i] < 0 else 0.0
        t[0, 1, lo + i], t[0, 2, lo + i] = x[i], y[i]
        t[0, 3, lo + i], t[0, 4, lo + i] = zero, zero


@compiled(f"void(int64, {SERIES}, {SERIES}, int64, {TABLE}, int64, int64)")
def _begin(kind: int, x: Array, y: Array, row: int, t: Table, lo: int, hi: int) -> None:  # noqa: PLR0913
    """Put the states of single rows, from `row` on, into the table."""
    rows = hi - lo
    if kind == kinds.TROUGH:
        for i in range(rows):
            t[0, 0, lo + i] = -x[row + i]
    else:
        t[0, 0, lo:hi] = x[row : row + rows]
    for part in range(1, t.shape[1]):
        t[0, part, lo:hi] = 0
    if kind in (kinds.CORRELATION, kinds.BETA, kinds.RESIDUAL_DEVIATION):
        t[0, 1, lo:hi] = y[row : row + rows]
    elif kind == kinds.ADAPTIVE:
        for i in range(rows):
            t[0, 1, lo + i] = 1 - y[row + i]
    elif kind == kinds.CUMULATIVE:
        t[0, 1, lo:hi] = x[row : row + rows]


@compiled(f"void(int64, int64, {SERIES}, {SERIES}, int64[::1], float64[::1], float64[:, ::1])")
def _fold(  # noqa: C901, PLR0913
    kind: int, states: int, x: Array, y: Array, windows: npt.NDArray[np.int64], power: Array, out: Columns
) -> None:
    longest = windows.max()
    levels = 1
    while 1 << levels <= longest:
        levels += 1
    tile = max(TILE, 4 * longest)
    t = np.full((levels + 4, states, longest + tile), np.nan)
    lo = longest
    columns = out.shape[0] // windows.size
    for begin in range(0, x.size, tile):
        rows = min(tile, x.size - begin)
        hi = lo + rows
        if begin:  # what the newest rows of the tile before have been merged to is what this one's look back at
            t[:levels, :, :lo] = t[:levels, :, tile : tile + lo].copy()
        if kind >= kinds.SOME_TOTAL:
            _begin_some(kind, x, y, begin, t, lo, hi)
        elif kind == kinds.FALLING:
            _begin_falling(x[begin : begin + rows], y[begin : begin + rows], t, lo)
        else:
            _begin(kind, x, y, begin, t, lo, hi)
        for level in range(1, levels):
            size = 1 << (level - 1)
            _merge(kind, t, (level - 1, size, level - 1, size, level, lo, hi), power)
        for w in range(windows.size):
            window, done, covered, spare = windows[w], -1, 0, levels
            for level in range(levels):
                size = 1 << level
                if window & size == 0:
                    continue
                if done < 0:
                    done = level
                else:
                    _merge(kind, t, (done, covered, level, size, spare, lo, hi), power)
                    done, spare = spare, 2 * levels + 1 - spare
                covered += size
            _finish(kind, t, (done, lo, hi, window, w * columns, begin), out)


def fold(kind: int, x: Array, windows: Sequence[int], y: Array | None = None, decay: float = 1.0) -> Columns:
    """Return the columns of each window, one after the other, `[columns, rows]`; NaN where there is no number.

    Args:
        kind: Which of `fold_kinds`.
        x: The series, NaN for null.
        windows: In rows.
        y: The second series, where the kind has one.
        decay: Weight of a row over that of the next, of kind DECAYED.
    """
    out = np.empty((kinds.COLUMNS[kind] * len(windows), x.size))
    power = np.array([decay**back for back in range(max(windows) + 1)])
    x = np.ascontiguousarray(x)
    second = x if y is None else np.ascontiguousarray(y)
    _fold(kind, kinds.STATES[kind], x, second, np.array(windows, np.int64), power, out)
    return out
