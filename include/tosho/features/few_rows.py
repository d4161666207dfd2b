"""Windows over few rows, by the NumPy expressions of `kernels`: the bits of `many_rows`, and no compiler.

A process that has the market's eight hundred rows to compute, or fifty codes to look at again, is done before Numba
would be imported. One that has it already, as workers do, takes the loops.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from tosho.features import fold_kinds as kinds
from tosho.features import kernels
from tosho.features.kernels import Array

FEW: Final = 1 << 15
"""Rows up to which NumPy is done sooner than the import."""

_LOOPS: Final = "tosho.features.folding"


def has_few(x: Array) -> bool:
    """Tell whether a series is short, in a process without compiled loops."""
    return x.size <= FEW and _LOOPS not in sys.modules


def fold(  # noqa: PLR0913 - what a fold is told
    x: Array, y: Array | None, *, window: int, kind: int, part: int, decay: float
) -> Array:
    """Return the column `part` of what `folding.fold` gives for one window: the same bits.

    Args:
        x: The series, NaN for null.
        y: The second series, where the kind has one.
        window: In rows.
        kind: Which of `fold_kinds`, below SOME_TOTAL.
        part: Which of the kind's results.
        decay: Weight of a row over that of the next, of kind DECAYED.
    """
    with np.errstate(all="ignore"):
        if kind == kinds.DECAYED:
            return _whole(kernels.decayed_mean(x, window, decay), x.size)
        return _whole(_KERNELS[kind, part](*([x] if y is None else [x, y]), window), x.size)


def convolution(x: Array, weights: tuple[float, ...]) -> Array:
    """Return the sum of weights[k] x[t - k], from the newest row back."""
    return _each_row(kernels.convolution, x, weights)


def mean_distance(x: Array, window: int) -> Array:
    """Return the mean distance of a window's values from their mean."""
    return _each_row(kernels.mean_distance, x, window)


def share_below(x: Array, window: int) -> Array:
    """Return the share of a window's values that lie below its newest, as `kernels.share_below` counts them."""
    return _each_row(kernels.share_below, x, window)


def _each_row(kernel: Callable[..., Array], x: Array, *more: object) -> Array:
    with np.errstate(all="ignore"):
        return _whole(kernel(x, *more), x.size)


def _whole(values: Array, rows: int) -> Array:
    """Return the values of full windows behind the rows without one, NaN where there is no number."""
    padded = kernels.padded(values, rows)
    return np.where(np.isfinite(padded), padded, np.nan)


def _correlation(x: Array, y: Array, window: int) -> Array:
    xx, yy, xy = kernels.comoments(x, y, window)
    return kernels.clipped(xy / (np.sqrt(xx) * np.sqrt(yy)))


def _beta(x: Array, y: Array, window: int) -> Array:
    xx, _, xy = kernels.comoments(x, y, window)
    return xy / xx


def _residual_deviation(x: Array, y: Array, window: int) -> Array:
    xx, yy, xy = kernels.comoments(x, y, window)
    left: Array = np.sqrt(np.maximum(yy - xy * xy / xx, 0) / (window - 1))
    return left


def _slope(x: Array, window: int) -> Array:
    along, _ = kernels.trend(x, window)
    return along / (window * (window**2 - 1) / 12)


def _explained(x: Array, window: int) -> Array:
    along, xx = kernels.trend(x, window)
    return along * along / (xx * (window * (window**2 - 1) / 12))


_KERNELS: Final[Mapping[tuple[int, int], Callable[..., Array]]] = MappingProxyType({
    (kinds.TOTAL, 0): kernels.total,
    (kinds.MEAN, 0): kernels.mean,
    (kinds.HIGHEST, 0): kernels.highest,
    (kinds.LOWEST, 0): kernels.lowest,
    (kinds.RUN, 0): kernels.run_length,
    (kinds.AGE, 0): kernels.rows_since_highest,
    (kinds.VARIANCE, 0): kernels.variance,
    (kinds.ZSCORE, 0): kernels.zscore,
    (kinds.SKEWNESS, 0): kernels.skewness,
    (kinds.KURTOSIS, 0): kernels.kurtosis,
    (kinds.REGRESSION, 0): _slope,
    (kinds.REGRESSION, 1): _explained,
    (kinds.CORRELATION, 0): _correlation,
    (kinds.BETA, 0): _beta,
    (kinds.RESIDUAL_DEVIATION, 0): _residual_deviation,
    (kinds.FALLING, 0): lambda x, y, window: kernels.falling_beta(y, x, window),
    (kinds.ADAPTIVE, 0): kernels.adaptive_mean,
    (kinds.CUMULATIVE, 0): lambda x, window: kernels.cumulative_zscore(x, window + 1),
})  # fmt: skip
