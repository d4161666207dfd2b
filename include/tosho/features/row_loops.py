"""Windows that look at each of their rows, as compiled loops: the sums of `kernels`, in the same order.

Each returns as many rows as it was given: NaN until the window is full, and where there is no number.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tosho.features.compiled import compiled
from tosho.features.fold_merges import SERIES
from tosho.features.kernels import Array

TILE: Final = 512
"""Rows summed together: they stay in the processor's cache."""


@compiled(f"float64[::1]({SERIES}, float64[::1])")
def convolution(x: Array, weights: Array) -> Array:
    """Return the sum of weights[k] x[t - k], from the newest row back."""
    out, before = np.full(x.size, np.nan), weights.size - 1
    for begin in range(before, x.size, TILE):
        rows = min(TILE, x.size - begin)
        result = out[begin : begin + rows]
        result[:] = 0
        for back in range(weights.size):
            weight, then = weights[back], x[begin - back : begin - back + rows]
            for i in range(rows):
                result[i] += weight * then[i]
        for i in range(rows):
            result[i] = result[i] if result[i] - result[i] == 0 else np.nan
    return out


@compiled(f"float64[::1]({SERIES}, float64[::1], int64)")
def mean_distance(x: Array, mean: Array, window: int) -> Array:
    """Return the mean absolute distance of a window's values from their mean, which is given."""
    out = np.full(x.size, np.nan)
    for begin in range(window - 1, x.size, TILE):
        rows = min(TILE, x.size - begin)
        result, mu = out[begin : begin + rows], mean[begin : begin + rows]
        result[:] = 0
        for back in range(window):
            then = x[begin - back : begin - back + rows]
            for i in range(rows):
                result[i] += abs(then[i] - mu[i])
        for i in range(rows):
            value = result[i] / window
            result[i] = value if value - value == 0 else np.nan
    return out


@compiled(f"float64[::1]({SERIES}, int64)")
def share_below(x: Array, window: int) -> Array:
    """Return the share of the `window` rows before the newest whose value is below its."""
    out = np.full(x.size, np.nan)
    for begin in range(window, x.size, TILE):
        rows = min(TILE, x.size - begin)
        result, now = out[begin : begin + rows], x[begin : begin + rows]
        for i in range(rows):
            result[i] = 0 * now[i]
        for back in range(1, window + 1):
            then = x[begin - back : begin - back + rows]
            for i in range(rows):
                result[i] += (1.0 if then[i] < now[i] else 0.0) + 0 * then[i]
        for i in range(rows):
            result[i] /= window
    return out
