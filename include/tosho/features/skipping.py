"""Windows as Qlib has them: a value of the rows that have one, however few, over several windows at once.

NaN is null and is passed over; where a window has no value the result is NaN. Rows before a series' first are given
as NaN too, so a window that has only begun is one with nulls in it. What pandas does below Qlib is kept: infinite is
null, a deviation needs two values, a rank is among the values there are. The kernels are folds of the same blocks as
in `several`, whose states count their values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tosho.features import several
from tosho.features.kernels import Array, State, clipped
from tosho.features.order_statistics import beaten, interpolated
from tosho.features.order_statistics import quantiles as of_full_windows
from tosho.features.several import Several, folds


def sums(x: Array, windows: Sequence[int]) -> Several:
    """Sum."""
    count, value = _counted(x)
    found = folds((count, value), windows, lambda a, _m, b, _k: (a[0] + b[0], a[1] + b[1]))
    return {n: (np.where(some > 0, total, np.nan),) for n, (some, total) in found.items()}


def moments(x: Array, windows: Sequence[int]) -> Several:
    """Arithmetic mean and sample standard deviation, NaN of fewer than two values."""
    count, value = _counted(x)
    found = folds((count, value, np.zeros_like(value)), windows, _merge_moments)
    return {
        n: (np.where(some > 0, mu, np.nan), np.sqrt(m2 / np.where(some > 1, some - 1, np.nan)))
        for n, (some, mu, m2) in found.items()
    }


def regressions(x: Array, windows: Sequence[int]) -> Several:
    """Of the regression on the row number: slope by row, share of the variance explained, last row's residual."""
    results: Several = {}
    rows = np.arange(x.size, dtype=np.float64)
    for n, (_, row, mu, spread, m2, along) in _paired(rows, x, windows).items():
        slope = along / spread
        last = slice(n - 1, None)
        results[n] = slope, along * along / (m2 * spread), x[last] - (mu + slope * (rows[last] - row))
    return results


def correlations(x: Array, y: Array, windows: Sequence[int]) -> Several:
    """Pearson's correlation over the rows in which both have a value."""
    found = _paired(x, y, windows)
    return {n: (clipped(xy / (np.sqrt(xx) * np.sqrt(yy))),) for n, (*_, xx, yy, xy) in found.items()}


def shares(flags: Array, row: Array, windows: Sequence[int]) -> Several:
    """Share of the rows whose flag is 1; one that is null is 0.

    Args:
        flags: 1, 0 or NaN.
        row: The rows' numbers from 0, NaN before the first. A window counts from its series' first row.
        windows: The windows.
    """
    found = moments(np.where(np.isnan(row), np.nan, np.where(np.isnan(flags), 0, flags)), windows)
    return {n: (mean,) for n, (mean, _) in found.items()}


def peaks(x: Array, row: Array, windows: Sequence[int]) -> Several:
    """Maximum, and the place in the window, counted from 1, of the oldest maximum; there a null is above all values.

    Args:
        x: The series.
        row: As for `shares`.
        windows: The windows.
    """
    values = _finite(x)
    highest = folds((values,), windows, lambda a, _m, b, _k: (np.fmax(a[0], b[0]),))
    with_nulls = np.where(np.isnan(row), -np.inf, np.where(np.isnan(values), np.inf, values))
    places = several.peaks(with_nulls, windows)
    results: Several = {}
    for n in windows:
        (top,), (_, place) = highest[n], places[n]
        before = np.maximum(n - 1 - row[n - 1 :], 0)
        results[n] = top, np.where(np.isnan(top), np.nan, place - before)
    return results


def troughs(x: Array, row: Array, windows: Sequence[int]) -> Several:
    """Minimum, and the place in the window of the oldest minimum; as `peaks`."""
    return {n: (-lowest, place) for n, (lowest, place) in peaks(-x, row, windows).items()}


def ranks(x: Array, windows: Sequence[int]) -> Several:
    """Rank of the newest value among the window's values in (0, 1], the average rank among equals."""
    values = _finite(x)
    there = sums(values - values + 1, windows)
    found = beaten(values, windows)
    return {n: ((found[n] + 2) / (2 * there[n][0]) + (values - values)[n - 1 :],) for n in windows}


def quantiles(x: Array, windows: Sequence[int], shares: Sequence[float]) -> Several:
    """Quantiles at these shares, interpolated linearly; windows with nulls are sorted one by one."""
    values = _finite(x)
    there = sums(values - values + 1, windows)
    results = of_full_windows(values, windows, shares)
    for n, found in results.items():
        count = there[n][0]
        rows = np.flatnonzero(count < n)
        if rows.size:
            ordered = np.sort(np.lib.stride_tricks.sliding_window_view(values, n)[rows], axis=1)
            for share, result in zip(shares, found, strict=True):
                result[rows] = _quantile(ordered, count[rows], share)
    return results


def _quantile(ordered: Array, count: Array, share: float) -> Array:
    place = (count - 1) * share
    below = np.floor(place)
    each = np.arange(count.size)
    low = ordered[each, below.astype(np.intp)]
    high = ordered[each, np.minimum(below + 1, count - 1).astype(np.intp)]
    return interpolated(low, high, place - below)


def _finite(x: Array) -> Array:
    return np.where(np.isfinite(x), x, np.nan)


def _counted(x: Array) -> State:
    """How many values each row has, 1 or 0, and the value, 0 where there is none."""
    there = np.isfinite(x)
    return there.astype(np.float64), np.where(there, x, 0.0)


def _paired(x: Array, y: Array, windows: Sequence[int]) -> Several:
    """Of the rows with both values: count, means of x and y, sums of (x - mean)^2, (y - mean)^2 and their product."""
    there = np.isfinite(x) & np.isfinite(y)
    zero = np.zeros_like(x)
    values = np.where(there, x, 0.0), np.where(there, y, 0.0)
    return folds((there.astype(np.float64), *values, zero, zero, zero), windows, _merge_paired)


def _merge_moments(a: State, _m: int, b: State, _k: int) -> State:
    n = a[0] + b[0]
    older = b[0] / np.maximum(n, 1)
    d = b[1] - a[1]
    return n, a[1] + d * older, a[2] + b[2] + d * d * (a[0] * older)


def _merge_paired(a: State, _m: int, b: State, _k: int) -> State:
    n = a[0] + b[0]
    older = b[0] / np.maximum(n, 1)
    dx, dy, share = b[1] - a[1], b[2] - a[2], a[0] * older
    return (
        n,
        a[1] + dx * older,
        a[2] + dy * older,
        a[3] + b[3] + dx * dx * share,
        a[4] + b[4] + dy * dy * share,
        a[5] + b[5] + dx * dy * share,
    )
