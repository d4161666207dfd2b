"""D. Trend and moving averages: where the price stands against its own past.

Source: FEATURES.md, 57-80; Kaufman (1995), Lopez de Prado (2018, chapter 5), Chande (1995). EMA_n runs
over 4 n sessions.
"""

from __future__ import annotations

import polars as pl

from tosho.features import indicators
from tosho.features.columns import CLOSE, CLOSE_RAW, HIGH, LOW
from tosho.features.spec import Scope, feature, intermediate
from tosho.features.windows import (
    SESSIONS_A_YEAR,
    SPANS,
    adaptive,
    both,
    convolution,
    exponential,
    flag,
    highest,
    lowest,
    mean,
    rows_since,
    rows_since_highest,
    slope,
    total,
    trend_r2,
)

CROSS_CAP = 60
FAST, SLOW = 2 / (2 + 1), 2 / (30 + 1)
"""Bounds of KAMA's alpha: those of EMAs with spans 2 and 30."""


def fractional_weights(order: float, rows: int) -> list[float]:
    """Return w_0 = 1, w_k = -w_{k-1} (order - k + 1) / k: the coefficients of (1 - B)^order.

    >>> fractional_weights(1.0, 3)
    [1.0, -1.0, 0.0]
    """
    weights = [1.0]
    for k in range(1, rows):
        weights.append(-weights[-1] * (order - k + 1) / k)
    return [w + 0.0 for w in weights]


@intermediate(Scope.SERIES, windows=(5, 20, 60, 120, 10))
def sma(window: int) -> pl.Expr:
    """Mean close of {window} sessions, in adjusted yen."""
    return mean(CLOSE, window)


@intermediate(Scope.SERIES, windows=(5, 20, 60, 200))
def ema(window: int) -> pl.Expr:
    """Exponential average of the close with span {window}, over 4 x {window} sessions, in adjusted yen."""
    return exponential(CLOSE, window)


@intermediate(Scope.SERIES, windows=(20,))
def channel_top(window: int) -> pl.Expr:
    """Highest high of {window} sessions."""
    return highest(HIGH, window)


@intermediate(Scope.SERIES, windows=(20,))
def channel_bottom(window: int) -> pl.Expr:
    """Lowest low of {window} sessions."""
    return lowest(LOW, window)


@feature(Scope.SERIES, windows=(5, 10, 20, 60, 120))
def px_sma(window: int) -> pl.Expr:
    """Distance from the moving average: C / SMA_{window} - 1."""
    return CLOSE / sma(window) - 1


@feature(Scope.SERIES, windows=(5, 20, 60, 200))
def px_ema(window: int) -> pl.Expr:
    """Distance from the exponential average: C / EMA_{window} - 1."""
    return CLOSE / ema(window) - 1


@feature(Scope.SERIES, windows=((5, 20), (20, 60), (60, 200)))
def ma_gap(short: int, long: int) -> pl.Expr:
    """Distance of two exponential averages: (EMA_{short} - EMA_{long}) / EMA_{long}."""
    return indicators.gap(ema(short), ema(long))


@feature(Scope.SERIES)
def ema20_slope_5() -> pl.Expr:
    """Change of the average over a week: EMA20_t / EMA20_{t-5} - 1."""
    return ema(20) / ema(20).shift(5) - 1


@feature(Scope.SERIES)
def ema60_slope_5() -> pl.Expr:
    """Change of the average over a week: EMA60_t / EMA60_{t-5} - 1."""
    return ema(60) / ema(60).shift(5) - 1


@intermediate(Scope.SERIES)
def fast_above_slow() -> pl.Expr:
    """SMA5 less SMA20, in adjusted yen: positive between a golden cross and a dead one."""
    return sma(5) - sma(20)


@feature(Scope.SERIES)
def golden_cross_age() -> pl.Expr:
    """Sessions since SMA5 last rose above SMA20 (from at most equal), 0 on the session itself; 60 if longer ago."""
    return rows_since(both(fast_above_slow() > 0, fast_above_slow().shift(1) <= 0), CROSS_CAP)


@feature(Scope.SERIES)
def dead_cross_age() -> pl.Expr:
    """Sessions since SMA5 last fell below SMA20 (from at least equal), 0 on the session itself; 60 if longer ago."""
    return rows_since(both(fast_above_slow() < 0, fast_above_slow().shift(1) >= 0), CROSS_CAP)


@intermediate(Scope.SERIES)
def efficiency_10() -> pl.Expr:
    """Kaufman's efficiency ratio: |C_t - C_{t-10}| / sum_10 |C_t - C_{t-1}|, in [0, 1]; null where nothing moved."""
    return (CLOSE - CLOSE.shift(10)).abs() / total((CLOSE - CLOSE.shift(1)).abs(), 10)


@feature(Scope.SERIES)
def kama_10_2_30() -> pl.Expr:
    """Kaufman's adaptive average against the close: KAMA / C - 1.

    Alpha is (ER (2/3 - 2/31) + 2/31)^2 with ER the efficiency of 10 sessions; the recursion runs over 4 x 30 sessions
    with normalised weights.
    """
    root = efficiency_10() * (FAST - SLOW) + SLOW
    return adaptive(CLOSE, root * root, SPANS * 30) / CLOSE - 1


@feature(Scope.SERIES)
def lin_slope_20() -> pl.Expr:
    """Trend by year: slope of the regression of ln C on the session number over 20 sessions, x 252."""
    return slope(CLOSE.log(), 20) * SESSIONS_A_YEAR


@feature(Scope.SERIES)
def lin_r2_20() -> pl.Expr:
    """Share of the variance of ln C over 20 sessions that its line explains, in [0, 1]; null where C stood still."""
    return trend_r2(CLOSE.log(), 20)


@feature(Scope.SERIES)
def don_pos_20() -> pl.Expr:
    """Place in the Donchian channel, 0 at its bottom: (C - min20(L)) / (max20(H) - min20(L))."""
    return (CLOSE - channel_bottom(20)) / (channel_top(20) - channel_bottom(20))


@feature(Scope.SERIES)
def don_break_up_20() -> pl.Expr:
    """1 where the close is above the highest high of the 20 sessions before, else 0."""
    return flag(channel_top(20).shift(1) < CLOSE)


@feature(Scope.SERIES)
def don_break_dn_20() -> pl.Expr:
    """1 where the close is below the lowest low of the 20 sessions before, else 0."""
    return flag(channel_bottom(20).shift(1) > CLOSE)


@feature(Scope.SERIES)
def fracdiff() -> pl.Expr:
    """Fractional difference of ln C of order 0.4 over 100 sessions: sum_k w_k ln C_{t-k}, w_k = -w_{k-1} (d-k+1)/k.

    The weights do not sum to zero, so the level matters: prices are those a chart of this session shows, adjusted to
    its own close as traded, ln C_{t-k} - ln C_t + ln C_raw_t.
    """
    weights = fractional_weights(0.4, 100)
    return convolution(CLOSE.log(), weights) + (CLOSE_RAW / CLOSE).log() * sum(weights)


@feature(Scope.SERIES)
def aroon_osc_25() -> pl.Expr:
    """Aroon oscillator in [-100, 100]: 100 (sessions since the lowest low - since the highest high) / 25.

    Over 26 rows, of equal extremes the newest.
    """
    return 100 * (rows_since_highest(-LOW, 26) - rows_since_highest(HIGH, 26)) / 25
