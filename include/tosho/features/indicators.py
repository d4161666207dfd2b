"""Indicators that are taken of a code and of the index alike, as functions of their prices."""

from __future__ import annotations

import polars as pl

from tosho.features.windows import deviation, mean, wilder


def true_range(high: pl.Expr, low: pl.Expr, close: pl.Expr) -> pl.Expr:
    """Largest of H - L, |H - C_{t-1}| and |L - C_{t-1}|; null where one of the four is (Wilder 1978)."""
    before = close.shift(1)
    spread = high - low + 0 * before  # max_horizontal would pass over a null
    return pl.max_horizontal(spread, (high - before).abs(), (low - before).abs())


def rsi(x: pl.Expr, window: int) -> pl.Expr:
    """Relative strength index in [0, 100]: 100 G / (G + L), Wilder's averages of gains and losses (Wilder 1978).

    Null where nothing changed within 4 x (2n - 1) rows.
    """
    change = x - x.shift(1)
    gain = wilder(change.clip(lower_bound=0), window)
    moved = wilder(change.abs(), window)
    return 100 * gain / moved


def bollinger_position(close: pl.Expr, window: int, width: float) -> pl.Expr:
    """%b: 0 at the lower band, 1 at the upper, mu_n -+ width sd_n (Bollinger 2001; sd of the sample)."""
    return (close - mean(close, window)) / (2 * width * deviation(close, window)) + 0.5


def gap(short: pl.Expr, long: pl.Expr) -> pl.Expr:
    """Distance of one average from another, as a fraction of that."""
    return (short - long) / long
