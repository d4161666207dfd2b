"""What definitions use to look back: trailing windows of rows that include the row itself, as Polars expressions.

Polars' own `rolling_mean`, `rolling_sum`, `rolling_std` and `ewm_mean` carry state from row to row, so their last
bits depend on where the frame begins. These do not: a value is made of its own window's rows alone, as `kernels` says.
What is evaluated is `many_rows`, the same operations compiled, or where rows are few `few_rows`, without a compiler.
All give null until the window is full, where it holds a null, and where a division by zero would be needed.
Recursive averages run over a finite window of four times their span, with normalised weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from types import ModuleType

import polars as pl

from tosho.features import few_rows
from tosho.features import fold_kinds as kinds
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
    return pl.Series(inputs[0].name, kernel(*(x.to_numpy() for x in inputs)), nan_to_null=True)


def _fold(  # noqa: PLR0913 - what a fold is told
    x: Array, y: Array | None = None, *, window: int, kind: int, part: int = 0, decay: float = 1.0
) -> Array:
    column: Array = _evaluated_by(x).fold(x, y, window=window, kind=kind, part=part, decay=decay)
    return column


def _fold_on(y: Array, x: Array, window: int, kind: int) -> Array:
    return _fold(x, y, window=window, kind=kind)


def _convolution(x: Array, weights: tuple[float, ...]) -> Array:
    column: Array = _evaluated_by(x).convolution(x, weights)
    return column


def _mean_distance(x: Array, window: int) -> Array:
    column: Array = _evaluated_by(x).mean_distance(x, window)
    return column


def _share_below(x: Array, window: int) -> Array:
    column: Array = _evaluated_by(x).share_below(x, window)
    return column


def _evaluated_by(x: Array) -> ModuleType:
    """Return who evaluates windows over so many rows. `many_rows` imports Numba, so only where it is called for."""
    return few_rows if few_rows.has_few(x) else import_module("tosho.features.many_rows")


def _of_one(kernel: Callable[..., Array]) -> Callable[[pl.Expr, int], pl.Expr]:
    def trailing(x: pl.Expr, window: int) -> pl.Expr:
        return _over_rows(kernel, x, window=window)

    return trailing


def _of_two(kernel: Callable[..., Array]) -> Callable[[pl.Expr, pl.Expr, int], pl.Expr]:
    def trailing(first: pl.Expr, second: pl.Expr, window: int) -> pl.Expr:
        return _over_rows(kernel, first, second, window=window)

    return trailing


total = _of_one(partial(_fold, kind=kinds.TOTAL))
"""Sum."""
mean = _of_one(partial(_fold, kind=kinds.MEAN))
"""Arithmetic mean (SMA)."""
highest = _of_one(partial(_fold, kind=kinds.HIGHEST))
"""Maximum."""
lowest = _of_one(partial(_fold, kind=kinds.LOWEST))
"""Minimum."""
variance = _of_one(partial(_fold, kind=kinds.VARIANCE))
"""Sample variance; exactly zero for equal values."""
zscore = _of_one(partial(_fold, kind=kinds.ZSCORE))
"""(x - mu_n) / sd_n."""
skewness = _of_one(partial(_fold, kind=kinds.SKEWNESS))
"""Sample skewness G1."""
kurtosis = _of_one(partial(_fold, kind=kinds.KURTOSIS))
"""Sample excess kurtosis G2."""
slope = _of_one(partial(_fold, kind=kinds.REGRESSION))
"""Slope by row of the regression of x on the row number."""
trend_r2 = _of_one(partial(_fold, kind=kinds.REGRESSION, part=1))
"""Share of the variance of x that its regression on the row number explains."""
mean_distance = _of_one(_mean_distance)
"""Mean absolute distance of the window's values from their mean."""
share_below = _of_one(_share_below)
"""Share of the `window` earlier rows whose value is below this row's; the row itself is not among them."""
rows_since_highest = _of_one(partial(_fold, kind=kinds.AGE))
"""Rows since the window's maximum, the newest of equal ones; 0 where it is now."""
correlation = _of_two(partial(_fold, kind=kinds.CORRELATION))
"""Pearson's correlation, within [-1, 1]."""
beta = _of_two(partial(_fold_on, kind=kinds.BETA))
"""Slope of the regression of the first on the second: cov_n(y, x) / var_n(x)."""
residual_deviation = _of_two(partial(_fold_on, kind=kinds.RESIDUAL_DEVIATION))
"""Sample standard deviation of what the regression of the first on the second leaves over."""
falling_beta = _of_two(partial(_fold_on, kind=kinds.FALLING))
"""Slope of the regression of the first on the second where the second is negative; null below two such rows."""


def deviation(x: pl.Expr, window: int) -> pl.Expr:
    """Sample standard deviation, sd_n; exactly zero for equal values."""
    return variance(x, window).sqrt()


def cumulative_zscore(flow: pl.Expr, levels: int) -> pl.Expr:
    """z-score of the running sum of `flow` among its last `levels` values; where the sum began cancels."""
    return _over_rows(partial(_fold, kind=kinds.CUMULATIVE), flow, window=levels - 1)


def exponential(x: pl.Expr, span: int) -> pl.Expr:
    """EMA with alpha = 2 / (span + 1), over 4 x span rows."""
    return decayed(x, decay=1 - 2 / (span + 1), window=SPANS * span)


def wilder(x: pl.Expr, window: int) -> pl.Expr:
    """Wilder's average, alpha = 1 / n; its span is 2n - 1, so over 4 x (2n - 1) rows."""
    return decayed(x, decay=1 - 1 / window, window=SPANS * (2 * window - 1))


def decayed(x: pl.Expr, *, decay: float, window: int) -> pl.Expr:
    """Mean with weights decay^k, k rows back, normalised over the window."""
    return _over_rows(partial(_fold, kind=kinds.DECAYED, decay=decay), x, window=window)


def adaptive(x: pl.Expr, speed: pl.Expr, window: int) -> pl.Expr:
    """Average whose alpha is `speed`, row by row, as KAMA has it; normalised over the window."""
    return _over_rows(partial(_fold, kind=kinds.ADAPTIVE), x, speed, window=window)


def convolution(x: pl.Expr, weights: Sequence[float]) -> pl.Expr:
    """Sum of weights[k] times x, k rows back."""
    return _over_rows(partial(_convolution, weights=tuple(weights)), x)


def run_length(holds: pl.Expr, cap: int) -> pl.Expr:
    """How many rows in a row, up to this one, the condition holds; at most `cap`, which is the window."""
    return _over_rows(partial(_fold, kind=kinds.RUN), flag(holds), window=cap)


def rows_since(happens: pl.Expr, cap: int) -> pl.Expr:
    """Rows since the condition last held, 0 where it holds now; `cap`, the window, where it did not within it."""
    return run_length(~happens, cap)
