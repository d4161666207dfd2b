"""What the state of a window becomes, as compiled loops: the ends of `kernels` and `several`, with the same bits.

A loop takes states from a table as in `fold_merges` and writes columns of `out`, `[columns, rows]`. What is no number
is written as NaN, never as infinity.
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tosho.features.compiled import compiled
from tosho.features.fold_merges import TABLE, Table, cumulative

Columns: TypeAlias = npt.NDArray[np.float64]
State: TypeAlias = tuple[int, int, int, int, int, int]
"""Its place in the table, first row, row after the last; the window's rows; of `out` the first column and row."""

_SIGNATURE: Final = f"void({TABLE}, UniTuple(int64, 6), float64[:, ::1])"


@compiled("float64(float64)")
def number(value: float) -> float:
    """Return NaN for what is not finite."""
    return value if value - value == 0 else np.nan


@compiled(_SIGNATURE)
def first(t: Table, state: State, out: Columns) -> None:
    """A sum, mean, extreme or length, as it is."""
    at, lo, hi, _, column, begin = state
    value, result = t[at, 0, lo:hi], out[column, begin : begin + hi - lo]
    for i in range(hi - lo):
        result[i] = number(value[i])


@compiled(_SIGNATURE)
def moments(t: Table, state: State, out: Columns) -> None:
    """Mean, sample deviation."""
    first(t, state, out)
    at, lo, hi, n, column, begin = state
    m2, result = t[at, 1, lo:hi], out[column + 1, begin : begin + hi - lo]
    for i in range(hi - lo):
        result[i] = number(math.sqrt(m2[i] / (n - 1)))


@compiled(_SIGNATURE)
def variance(t: Table, state: State, out: Columns) -> None:
    """Sample variance."""
    at, lo, hi, n, column, begin = state
    m2, result = t[at, 1, lo:hi], out[column, begin : begin + hi - lo]
    for i in range(hi - lo):
        result[i] = number(m2[i] / (n - 1))


@compiled(_SIGNATURE)
def zscore(t: Table, state: State, out: Columns) -> None:
    """Distance of the newest value from the mean, in sample deviations."""
    at, lo, hi, n, column, begin = state
    x, mu, m2, result = t[0, 0, lo:hi], t[at, 0, lo:hi], t[at, 1, lo:hi], out[column, begin : begin + hi - lo]
    for i in range(hi - lo):
        result[i] = number((x[i] - mu[i]) / math.sqrt(m2[i] / (n - 1)))


@compiled(_SIGNATURE)
def regression(t: Table, state: State, out: Columns) -> None:
    """Slope by row, share of the variance explained, last residual."""
    at, lo, hi, n, column, begin = state
    rows, spread, half = hi - lo, n * (n * n - 1) / 12, (n - 1) / 2
    x, mu, m2, along = t[0, 0, lo:hi], t[at, 0, lo:hi], t[at, 1, lo:hi], t[at, 2, lo:hi]
    slope, explained, residual = (
        out[column, begin : begin + rows],
        out[column + 1, begin : begin + rows],
        out[column + 2, begin : begin + rows],
    )
    for i in range(rows):
        slope[i] = number(along[i] / spread)
    for i in range(rows):
        explained[i] = number(along[i] * along[i] / (m2[i] * spread))
    for i in range(rows):
        residual[i] = number(x[i] - (mu[i] + along[i] / spread * half))


@compiled(_SIGNATURE)
def correlation(t: Table, state: State, out: Columns) -> None:
    """Pearson's correlation, within [-1, 1]."""
    at, lo, hi, _, column, begin = state
    xx, yy, xy, result = t[at, 2, lo:hi], t[at, 3, lo:hi], t[at, 4, lo:hi], out[column, begin : begin + hi - lo]
    for i in range(hi - lo):
        value = number(xy[i] / (math.sqrt(xx[i]) * math.sqrt(yy[i])))
        result[i] = -1.0 if value < -1 else 1.0 if value > 1 else value


@compiled(_SIGNATURE)
def beta(t: Table, state: State, out: Columns) -> None:
    """Slope of y on x."""
    at, lo, hi, _, column, begin = state
    xx, xy, result = t[at, 2, lo:hi], t[at, 4, lo:hi], out[column, begin : begin + hi - lo]
    for i in range(hi - lo):
        result[i] = number(xy[i] / xx[i])


@compiled(_SIGNATURE)
def residual_deviation(t: Table, state: State, out: Columns) -> None:
    """Sample deviation of what the regression of y on x leaves over."""
    at, lo, hi, n, column, begin = state
    xx, yy, xy, result = t[at, 2, lo:hi], t[at, 3, lo:hi], t[at, 4, lo:hi], out[column, begin : begin + hi - lo]
    for i in range(hi - lo):
        left = yy[i] - xy[i] * xy[i] / xx[i]
        result[i] = number(math.sqrt((0.0 if left < 0 else left) / (n - 1)))


@compiled(_SIGNATURE)
def peak(t: Table, state: State, out: Columns) -> None:
    """Maximum, its place counted from 1, the oldest row."""
    first(t, state, out)
    at, lo, hi, n, column, begin = state
    top, age, result = t[at, 0, lo:hi], t[at, 1, lo:hi], out[column + 1, begin : begin + hi - lo]
    for i in range(hi - lo):
        result[i] = np.nan if np.isnan(top[i]) else n - age[i]


@compiled(_SIGNATURE)
def trough(t: Table, state: State, out: Columns) -> None:
    """Minimum, of a table of -x, and its place."""
    peak(t, state, out)
    at, lo, hi, _, column, begin = state
    top, result = t[at, 0, lo:hi], out[column, begin : begin + hi - lo]
    for i in range(hi - lo):
        result[i] = number(-top[i])


@compiled(_SIGNATURE)
def age(t: Table, state: State, out: Columns) -> None:
    """Rows since the maximum."""
    at, lo, hi, _, column, begin = state
    top, rows, result = t[at, 0, lo:hi], t[at, 1, lo:hi], out[column, begin : begin + hi - lo]
    for i in range(hi - lo):
        result[i] = np.nan if np.isnan(top[i]) else rows[i]


@compiled(_SIGNATURE)
def skewness(t: Table, state: State, out: Columns) -> None:
    """Sample skewness G1."""
    at, lo, hi, n, column, begin = state
    m2, m3, result = t[at, 1, lo:hi], t[at, 2, lo:hi], out[column, begin : begin + hi - lo]
    scale = n * math.sqrt(n - 1) / (n - 2)
    for i in range(hi - lo):
        result[i] = number(scale * m3[i] / (m2[i] * math.sqrt(m2[i])))


@compiled(_SIGNATURE)
def kurtosis(t: Table, state: State, out: Columns) -> None:
    """Sample excess kurtosis G2."""
    at, lo, hi, n, column, begin = state
    m2, m4, result = t[at, 1, lo:hi], t[at, 3, lo:hi], out[column, begin : begin + hi - lo]
    scale = (n - 1.0) / ((n - 2) * (n - 3))
    for i in range(hi - lo):
        result[i] = number(scale * ((n + 1) * n * m4[i] / (m2[i] * m2[i]) - 3 * (n - 1)))


@compiled(_SIGNATURE)
def falling(t: Table, state: State, out: Columns) -> None:
    """Slope of y on x over the rows where x falls."""
    at, lo, hi, _, column, begin = state
    xx, xy, result = t[at, 3, lo:hi], t[at, 4, lo:hi], out[column, begin : begin + hi - lo]
    for i in range(hi - lo):
        result[i] = number(xy[i] / xx[i])


@compiled(_SIGNATURE)
def cumulative_zscore(t: Table, state: State, out: Columns) -> None:
    """z-score of the newest level among those of the window and the 0 before it, which spare places make room for."""
    at, lo, hi, n, column, begin = state
    spare = t.shape[0] - 2
    t[spare, :, :] = 0.0
    cumulative(t, (at, n, spare, 1, spare + 1, lo, hi))
    last, mu, m2 = t[spare + 1, 0, lo:hi], t[spare + 1, 1, lo:hi], t[spare + 1, 2, lo:hi]
    result = out[column, begin : begin + hi - lo]
    for i in range(hi - lo):
        result[i] = number((last[i] - mu[i]) / math.sqrt(m2[i] / n))
