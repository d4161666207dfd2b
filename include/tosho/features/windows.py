"""What definitions use to look back: trailing windows of rows that include the row itself, as Polars expressions.

Polars' own `rolling_mean`, `rolling_sum`, `rolling_std` and `ewm_mean` carry state from row to row, so their last
bits depend on where the frame begins. These do not (see `kernels`): a value is made of its own window's rows alone.
All give null until the window is full, where it holds a null, and where a division by zero would be needed.
Recursive averages run over a finite window of four times their span, with normalised weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import polars as pl

from tosho.features import kernels
from tosho.features.kernels import Array

SPANS = 4
"""Spans after which a recursive average is cut off: e^-8, a three-thousandth, of its weight lies beyond."""

ROUNDING = 1e-12
"""Relative changes of at most this are none: adjusted prices carry the rounding of their factor."""

SESSIONS_A_YEAR = 252
ANNUAL = math.sqrt(SESSIONS_A_YEAR)
"""Factor from a deviation by session to one by year."""


def ratio(over: pl.Expr, under: pl.Expr) -> pl.Expr:
    """Quotient; null where the divisor is zero.

    The engine turns what is not finite into null at the end of each definition, and so does each window. This is for
    quotients that are compared, clipped or divided by before that.
    """
    return pl.when(under != 0).then(over / under)


def flag(condition: pl.Expr) -> pl.Expr:
    """1 where the condition holds, 0 where not, null where it cannot be judged."""
    return condition.cast(pl.Float64)


def both(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    """True where both hold, null where one of them cannot be judged; Polars' `&` makes false of false and null."""
    return flag(a) * flag(b) > 0


def rises(change: pl.Expr) -> pl.Expr:
    """True where a relative change is up. On the day of a split an unchanged price may differ by its rounding."""
    return change > ROUNDING


def falls(change: pl.Expr) -> pl.Expr:
    """True where a relative change is down, by more than rounding."""
    return change < -ROUNDING


def direction(change: pl.Expr) -> pl.Expr:
    """1 up, -1 down, 0 unchanged but for rounding."""
    return flag(rises(change)) - flag(falls(change))


def log_change(x: pl.Expr, rows: int) -> pl.Expr:
    """Natural logarithm of x over its value `rows` earlier."""
    return (x / x.shift(rows)).log()


def _over_rows(kernel: Callable[..., Array], *inputs: pl.Expr, **rows: int) -> pl.Expr:
    if min(rows.values(), default=1) < 1:
        raise ValueError(f"A window of {rows} was asked for; it must hold at least 1 row.")
    function = partial(_evaluate, kernel=partial(kernel, **rows))
    return pl.map_batches([x.cast(pl.Float64) for x in inputs], function, return_dtype=pl.Float64)


def _evaluate(inputs: Sequence[pl.Series], kernel: Callable[..., Array]) -> pl.Series:
    with np.errstate(all="ignore"):
        values = kernels.padded(kernel(*(x.to_numpy() for x in inputs)), inputs[0].len())
    values[~np.isfinite(values)] = np.nan
    return pl.Series(inputs[0].name, values, nan_to_null=True)


def _correlation(x: Array, y: Array, window: int) -> Array:
    xx, yy, xy = kernels.comoments(x, y, window)
    return kernels.clipped(xy / (np.sqrt(xx) * np.sqrt(yy)))


def _beta(y: Array, x: Array, window: int) -> Array:
    xx, _, xy = kernels.comoments(x, y, window)
    return xy / xx


def _residual_deviation(y: Array, x: Array, window: int) -> Array:
    xx, yy, xy = kernels.comoments(x, y, window)
    return np.sqrt(np.maximum(yy - xy * xy / xx, 0) / (window - 1))


def _slope(x: Array, window: int) -> Array:
    return kernels.trend(x, window)[0] / (window * (window**2 - 1) / 12)


def _trend_r2(x: Array, window: int) -> Array:
    along, xx = kernels.trend(x, window)
    return along * along / (xx * (window * (window**2 - 1) / 12))


def _of_one(kernel: Callable[..., Array]) -> Callable[[pl.Expr, int], pl.Expr]:
    def trailing(x: pl.Expr, window: int) -> pl.Expr:
        return _over_rows(kernel, x, window=window)

    return trailing


def _of_two(kernel: Callable[..., Array]) -> Callable[[pl.Expr, pl.Expr, int], pl.Expr]:
    def trailing(first: pl.Expr, second: pl.Expr, window: int) -> pl.Expr:
        return _over_rows(kernel, first, second, window=window)

    return trailing


total = _of_one(kernels.total)
"""Sum."""
mean = _of_one(kernels.mean)
"""Arithmetic mean (SMA)."""
highest = _of_one(kernels.highest)
"""Maximum."""
lowest = _of_one(kernels.lowest)
"""Minimum."""
variance = _of_one(kernels.variance)
"""Sample variance; exactly zero for equal values."""
zscore = _of_one(kernels.zscore)
"""(x - mu_n) / sd_n."""
skewness = _of_one(kernels.skewness)
"""Sample skewness G1."""
kurtosis = _of_one(kernels.kurtosis)
"""Sample excess kurtosis G2."""
slope = _of_one(_slope)
"""Slope by row of the regression of x on the row number."""
trend_r2 = _of_one(_trend_r2)
"""Share of the variance of x that its regression on the row number explains."""
mean_distance = _of_one(kernels.mean_distance)
"""Mean absolute distance of the window's values from their mean."""
share_below = _of_one(kernels.share_below)
"""Share of the `window` earlier rows whose value is below this row's; the row itself is not among them."""
rows_since_highest = _of_one(kernels.rows_since_highest)
"""Rows since the window's maximum, the newest of equal ones; 0 where it is now."""
correlation = _of_two(_correlation)
"""Pearson's correlation, within [-1, 1]."""
beta = _of_two(_beta)
"""Slope of the regression of the first on the second: cov_n(y, x) / var_n(x)."""
residual_deviation = _of_two(_residual_deviation)
"""Sample standard deviation of what the regression of the first on the second leaves over."""
falling_beta = _of_two(kernels.falling_beta)
"""Slope of the regression of the first on the second where the second is negative; null below two such rows."""


def deviation(x: pl.Expr, window: int) -> pl.Expr:
    """Sample standard deviation, sd_n; exactly zero for equal values."""
    return variance(x, window).sqrt()


def cumulative_zscore(flow: pl.Expr, levels: int) -> pl.Expr:
    """z-score of the running sum of `flow` among its last `levels` values; where the sum began cancels."""
    return _over_rows(kernels.cumulative_zscore, flow, levels=levels)


def exponential(x: pl.Expr, span: int) -> pl.Expr:
    """EMA with alpha = 2 / (span + 1), over 4 x span rows."""
    return decayed(x, decay=1 - 2 / (span + 1), window=SPANS * span)


def wilder(x: pl.Expr, window: int) -> pl.Expr:
    """Wilder's average, alpha = 1 / n; its span is 2n - 1, so over 4 x (2n - 1) rows."""
    return decayed(x, decay=1 - 1 / window, window=SPANS * (2 * window - 1))


def decayed(x: pl.Expr, *, decay: float, window: int) -> pl.Expr:
    """Mean with weights decay^k, k rows back, normalised over the window."""
    return _over_rows(partial(kernels.decayed_mean, decay=decay), x, window=window)


def adaptive(x: pl.Expr, speed: pl.Expr, window: int) -> pl.Expr:
    """Average whose alpha is `speed`, row by row, as KAMA has it; normalised over the window."""
    return _over_rows(kernels.adaptive_mean, x, speed, window=window)


def convolution(x: pl.Expr, weights: Sequence[float]) -> pl.Expr:
    """Sum of weights[k] times x, k rows back."""
    return _over_rows(partial(kernels.convolution, weights=tuple(weights)), x)


def run_length(holds: pl.Expr, cap: int) -> pl.Expr:
    """How many rows in a row, up to this one, the condition holds; at most `cap`, which is the window."""
    return _over_rows(kernels.run_length, flag(holds), window=cap)


def rows_since(happens: pl.Expr, cap: int) -> pl.Expr:
    """Rows since the condition last held, 0 where it holds now; `cap`, the window, where it did not within it."""
    return run_length(~happens, cap)
