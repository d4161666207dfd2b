"""Values over sliding windows, as NumPy arithmetic without state.

Each value is a fixed tree of operations over exactly the rows of its own window: the window is cut into blocks of
powers of two, each twice the one before, and the blocks are merged from the newest to the oldest. So a value has the
same bits whatever lies before the window, after it, or in another partition, which running sums cannot promise.
Means and moments are merged pairwise (Chan, Golub, LeVeque 1983; Pébay 2008): nothing cancels, and a flat window has
a variance of exactly zero.

Arrays are float64 with NaN for null. A value is NaN until its window is full and where its window holds a NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
State: TypeAlias = tuple[Array, ...]
Merge: TypeAlias = Callable[[State, int, State, int], State]
"""`merge(newer, rows in newer, older, rows in older)`: the state of two neighbouring blocks taken together."""


def fold(rows: State, window: int, merge: Merge) -> State:
    """Return the state of each full window, `window - 1` rows shorter than the input (empty if that has no row)."""
    block, size = rows, 1
    done: State | None = None
    covered = 0
    while True:
        if window & size:
            done = block if done is None else joined(done, covered, block, size, merge)
            covered += size
        if covered == window:
            assert done is not None
            return done
        block, size = joined(block, size, block, size, merge), 2 * size


def joined(newer: State, m: int, older: State, k: int, merge: Merge) -> State:
    """Merge blocks of m and k rows. Row i of a state of m rows ends at row i + m - 1, hence the two cuts."""
    return merge(tuple(a[k:] for a in newer), m, tuple(a[: max(a.size - m, 0)] for a in older), k)


def padded(values: Array, size: int) -> Array:
    """Return the values behind as many NaN as are missing to `size` rows."""
    out = np.full(size, np.nan)
    if values.size:
        out[size - values.size :] = values
    return out


def clipped(correlation: Array) -> Array:
    """A correlation that rounding has not left outside [-1, 1]."""
    return np.minimum(np.maximum(correlation, -1.0), 1.0, dtype=np.float64)


def total(x: Array, window: int) -> Array:
    """Sum."""
    return fold((x,), window, lambda a, _m, b, _k: (a[0] + b[0],))[0]


def mean(x: Array, window: int) -> Array:
    """Arithmetic mean; of equal values exactly that value."""
    return fold((x,), window, _merge_mean)[0]


def highest(x: Array, window: int) -> Array:
    """Maximum."""
    return fold((x,), window, lambda a, _m, b, _k: (np.maximum(a[0], b[0]),))[0]


def lowest(x: Array, window: int) -> Array:
    """Minimum."""
    return fold((x,), window, lambda a, _m, b, _k: (np.minimum(a[0], b[0]),))[0]


def decayed_mean(x: Array, window: int, decay: float) -> Array:
    """Mean with weights 1, decay, decay^2 ... from the newest row back, normalised over the window."""

    def merge(a: State, m: int, b: State, k: int) -> State:
        newer, older = 1 - decay**m, decay**m * (1 - decay**k)
        return (a[0] + (b[0] - a[0]) * (older / (newer + older)),)

    return fold((x,), window, merge)[0]


def adaptive_mean(x: Array, speed: Array, window: int) -> Array:
    """Mean whose weights are speed, then (1 - speed) speed of the row before ... from the newest row back, normalised.

    The weights of a block sum to 1 less the product of its (1 - speed), which is all a merge must know.
    """

    def merge(a: State, _m: int, b: State, _k: int) -> State:
        newer, older = 1 - a[1], a[1] * (1 - b[1])
        return a[0] + (b[0] - a[0]) * (older / (newer + older)), a[1] * b[1]

    return fold((x, 1 - speed), window, merge)[0]


def convolution(x: Array, weights: Sequence[float]) -> Array:
    """Sum of weights[k] x[t - k], from the newest row back."""
    rows = max(x.size - len(weights) + 1, 0)
    result = np.zeros(rows)
    for back, weight in enumerate(weights):
        result += weight * _rows_back(x, back, len(weights), rows)
    return result


def mean_distance(x: Array, window: int) -> Array:
    """Mean absolute distance from the mean."""
    mu = mean(x, window)
    result = np.zeros_like(mu)
    for back in range(window):
        result += np.abs(_rows_back(x, back, window, mu.size) - mu)
    return result / window


def share_below(x: Array, window: int) -> Array:
    """Share of the `window` rows before the newest whose value is below its."""
    rows = max(x.size - window, 0)
    now = _rows_back(x, 0, window + 1, rows)
    below = 0 * now
    for back in range(1, window + 1):
        earlier = _rows_back(x, back, window + 1, rows)
        below += (earlier < now) + 0 * earlier
    return below / window


def _rows_back(x: Array, back: int, window: int, rows: int) -> Array:
    """The value `back` rows before the newest, of each of the `rows` full windows."""
    begin = window - 1 - back
    return x[begin : begin + rows]


def run_length(holds: Array, window: int) -> Array:
    """How many rows in a row, from the newest back, are 1 and not 0; at most `window`."""
    return fold((holds,), window, lambda a, m, b, _k: (a[0] + (a[0] == m) * b[0],))[0]


def rows_since_highest(x: Array, window: int) -> Array:
    """Age in rows of the window's maximum; of equal ones the newest."""

    def merge(a: State, m: int, b: State, _k: int) -> State:
        age = np.where(b[0] > a[0], b[1] + m, a[1])
        return np.maximum(a[0], b[0]), age

    top, age = fold((x, np.zeros_like(x)), window, merge)
    return np.where(np.isnan(top), np.nan, age)


def variance(x: Array, window: int) -> Array:
    """Sample variance."""
    return fold((x, np.zeros_like(x)), window, merge_moments2)[1] / (window - 1)


def zscore(x: Array, window: int) -> Array:
    """Newest value's distance from the mean, in sample standard deviations."""
    mu, m2 = fold((x, np.zeros_like(x)), window, merge_moments2)
    return (x[window - 1 :] - mu) / np.sqrt(m2 / (window - 1))


def skewness(x: Array, window: int) -> Array:
    """Sample skewness G1: adjusted Fisher-Pearson, as pandas, SAS and Excel give it."""
    zero = np.zeros_like(x)
    _, m2, m3, _ = fold((x, zero, zero, zero), window, _merge_moments4)
    n = window
    return (n * math.sqrt(n - 1) / (n - 2)) * m3 / (m2 * np.sqrt(m2))


def kurtosis(x: Array, window: int) -> Array:
    """Sample excess kurtosis G2, zero for a normal distribution, as pandas, SAS and Excel give it."""
    zero = np.zeros_like(x)
    _, m2, _, m4 = fold((x, zero, zero, zero), window, _merge_moments4)
    n = window
    scale = (n - 1.0) / ((n - 2) * (n - 3))
    return scale * ((n + 1) * n * m4 / (m2 * m2) - 3 * (n - 1))


def cumulative_zscore(flow: Array, levels: int) -> Array:
    """z-score of the newest of `levels` running sums of `flow`, the oldest of them being the start, 0."""
    zero = np.zeros_like(flow)

    def merge(a: State, m: int, b: State, k: int) -> State:
        mu, m2 = merge_moments2((a[1] + b[0], a[2]), m, b[1:], k)
        return a[0] + b[0], mu, m2

    run = fold((flow, flow, zero), levels - 1, merge)
    start = np.zeros_like(run[0])
    last, mu, m2 = merge(run, levels - 1, (start, start, start), 1)
    return (last - mu) / np.sqrt(m2 / (levels - 1))


def comoments(x: Array, y: Array, window: int) -> State:
    """Sums of (x - mean)^2, (y - mean)^2 and (x - mean)(y - mean)."""
    zero = np.zeros_like(x)
    return fold((x, y, zero, zero, zero), window, merge_comoments)[2:]


def falling_beta(y: Array, x: Array, window: int) -> Array:
    """Slope of y on x over the rows where x < 0."""
    zero = 0 * (x + y)
    count = np.where(np.isnan(zero), np.nan, x < 0)

    def merge(a: State, _m: int, b: State, _k: int) -> State:
        n = a[0] + b[0]
        some = np.maximum(n, 1)
        dx, dy, share = b[1] - a[1], b[2] - a[2], a[0] * b[0] / some
        older = b[0] / some
        return n, a[1] + dx * older, a[2] + dy * older, a[3] + b[3] + dx * dx * share, a[4] + b[4] + dx * dy * share

    *_, xx, xy = fold((count, x, y, zero, zero), window, merge)
    return xy / xx


def trend(x: Array, window: int) -> State:
    """Sums of (row - mean)(x - mean) and (x - mean)^2, for regressions on the row number."""
    zero = np.zeros_like(x)
    _, m2, along = fold((x, zero, zero), window, merge_trend)
    return along, m2


def _merge_mean(a: State, m: int, b: State, k: int) -> State:
    return (a[0] + (b[0] - a[0]) * (k / (m + k)),)


def merge_moments2(a: State, m: int, b: State, k: int) -> State:
    """Mean and sum of (x - mean)^2."""
    n = m + k
    d = b[0] - a[0]
    mu = a[0] + d * (k / n)
    d *= d
    d *= m * k / n
    d += a[1]
    d += b[1]
    return mu, d


def _merge_moments4(a: State, m: int, b: State, k: int) -> State:
    n = m + k
    d = b[0] - a[0]
    d2 = d * d
    m2 = a[1] + b[1] + d2 * (m * k / n)
    m3 = a[2] + b[2] + d * (d2 * (m * k * (m - k) / n**2) + 3 * (m * b[1] - k * a[1]) / n)
    fourth = d2 * (m * k * (m * m - m * k + k * k) / n**3) + 6 * (m * m * b[1] + k * k * a[1]) / n**2
    m4 = a[3] + b[3] + d2 * fourth + d * (4 * (m * b[2] - k * a[2]) / n)
    return a[0] + d * (k / n), m2, m3, m4


def merge_comoments(a: State, m: int, b: State, k: int) -> State:
    """Means of x and y, sums of (x - mean)^2, (y - mean)^2 and (x - mean)(y - mean)."""
    n = m + k
    dx, dy, share = b[0] - a[0], b[1] - a[1], m * k / n
    return (
        a[0] + dx * (k / n),
        a[1] + dy * (k / n),
        a[2] + b[2] + dx * dx * share,
        a[3] + b[3] + dy * dy * share,
        a[4] + b[4] + dx * dy * share,
    )


def merge_trend(a: State, m: int, b: State, k: int) -> State:
    """Mean, sum of (x - mean)^2 and of (row - mean)(x - mean)."""
    mu, m2 = merge_moments2(a[:2], m, b[:2], k)
    step = a[0] - b[0]
    return mu, m2, a[2] + b[2] + step * (m * k / 2)  # block means lie (m + k) / 2 rows apart, times m k / (m + k)
