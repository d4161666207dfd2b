"""What the states of `some_merges` become, as in `fold_results`."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from tosho.features.compiled import compiled
from tosho.features.fold_merges import TABLE, Table
from tosho.features.fold_results import Columns, State, number

_SIGNATURE: Final = f"void({TABLE}, UniTuple(int64, 6), float64[:, ::1])"


@compiled(_SIGNATURE)
def first(t: Table, state: State, out: Columns) -> None:
    """Sum or mean of what there is."""
    at, lo, hi, _, column, begin = state
    count, value, result = t[at, 0, lo:hi], t[at, 1, lo:hi], out[column, begin : begin + hi - lo]
    for i in range(hi - lo):
        result[i] = number(value[i]) if count[i] > 0 else np.nan


@compiled(_SIGNATURE)
def moments(t: Table, state: State, out: Columns) -> None:
    """Mean; sample deviation of two values at least."""
    first(t, state, out)
    at, lo, hi, _, column, begin = state
    count, m2, result = t[at, 0, lo:hi], t[at, 2, lo:hi], out[column + 1, begin : begin + hi - lo]
    for i in range(hi - lo):
        result[i] = number(math.sqrt(m2[i] / (count[i] - 1))) if count[i] > 1 else np.nan


@compiled(_SIGNATURE)
def correlation(t: Table, state: State, out: Columns) -> None:
    """Pearson's correlation, within [-1, 1]."""
    at, lo, hi, _, column, begin = state
    xx, yy, xy, result = t[at, 3, lo:hi], t[at, 4, lo:hi], t[at, 5, lo:hi], out[column, begin : begin + hi - lo]
    for i in range(hi - lo):
        value = number(xy[i] / (math.sqrt(xx[i]) * math.sqrt(yy[i])))
        result[i] = -1.0 if value < -1 else 1.0 if value > 1 else value


@compiled(_SIGNATURE)
def trend(t: Table, state: State, out: Columns) -> None:
    """Slope by row; the newest row's residual, if it has a value."""
    at, lo, hi, _, column, begin = state
    there, x, age, mu = t[0, 0, lo:hi], t[0, 2, lo:hi], t[at, 1, lo:hi], t[at, 2, lo:hi]
    xx, xy = t[at, 3, lo:hi], t[at, 4, lo:hi]
    slope, residual = out[column, begin : begin + hi - lo], out[column + 1, begin : begin + hi - lo]
    for i in range(hi - lo):
        slope[i] = number(xy[i] / xx[i])
    for i in range(hi - lo):
        value = number(x[i] - (mu[i] + xy[i] / xx[i] * age[i]))
        residual[i] = value if there[i] > 0 else np.nan


@compiled(_SIGNATURE)
def peak(t: Table, state: State, out: Columns) -> None:
    """Maximum; its place counted from 1, the oldest of the window's rows that the series has."""
    at, lo, hi, n, column, begin = state
    top, with_nulls, age, row = t[at, 0, lo:hi], t[at, 1, lo:hi], t[at, 2, lo:hi], t[0, 3, lo:hi]
    value, place = out[column, begin : begin + hi - lo], out[column + 1, begin : begin + hi - lo]
    for i in range(hi - lo):
        full = not np.isnan(with_nulls[i])
        value[i] = number(top[i]) if full else np.nan
        before = n - 1 - row[i]
        before = 0.0 if before < 0 else before
        place[i] = n - age[i] - before if full and not np.isnan(top[i]) else np.nan


@compiled(_SIGNATURE)
def trough(t: Table, state: State, out: Columns) -> None:
    """Minimum, of a table of -x, and its place."""
    peak(t, state, out)
    _, lo, hi, _, column, begin = state
    for i in range(begin, begin + hi - lo):
        out[column, i] = -out[column, i]
