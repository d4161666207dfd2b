"""Alpha158, prices over windows of 5, 10, 20, 30 and 60 sessions: level, spread, trend, order and place of extremes.

Source: FEATURES.md, "Alpha158"; Qlib's `rolling`, ROC to IMXD. Columns are named as Qlib names them. C, H, L are the
window's closes, highs and lows; lengths in yen are given over the close, all else are fractions.
"""

from __future__ import annotations

import polars as pl

from tosho.features.columns import CLOSE, HIGH, LOW
from tosho.features.families.alpha158_bars import TINY
from tosho.features.spec import Scope, feature
from tosho.features.windows_at_once import TRAILING, WINDOWS, Windows


@feature(Scope.SERIES, windows=WINDOWS, called="ROC{window}")
def roc(window: int) -> pl.Expr:
    """Close {window} sessions before, over the close: C_{t-{window}} / C."""
    return CLOSE.shift(window) / CLOSE


@feature(Scope.SERIES, windows=WINDOWS, called="MA{window}")
def ma(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Mean close of {window} sessions, over the close: mean(C) / C."""
    return over.mean(CLOSE, window) / CLOSE


@feature(Scope.SERIES, windows=WINDOWS, called="STD{window}")
def std(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Sample deviation of the close of {window} sessions, over the close: sd(C) / C."""
    return over.deviation(CLOSE, window) / CLOSE


@feature(Scope.SERIES, windows=WINDOWS, called="BETA{window}")
def beta(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Slope by session of the regression of {window} closes on 1 .. {window}, over the close."""
    return over.slope(CLOSE, window) / CLOSE


@feature(Scope.SERIES, windows=WINDOWS, called="RSQR{window}")
def rsqr(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Share of the variance of {window} closes that their regression on 1 .. {window} explains."""
    return over.explained(CLOSE, window)


@feature(Scope.SERIES, windows=WINDOWS, called="RESI{window}")
def resi(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Last residual of the regression of {window} closes on 1 .. {window}, over the close."""
    return over.residual(CLOSE, window) / CLOSE


@feature(Scope.SERIES, windows=WINDOWS, called="MAX{window}")
def highest(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Highest high of {window} sessions, over the close: max(H) / C."""
    return over.highest(HIGH, window) / CLOSE


@feature(Scope.SERIES, windows=WINDOWS, called="MIN{window}")
def lowest(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Lowest low of {window} sessions, over the close: min(L) / C."""
    return over.lowest(LOW, window) / CLOSE


@feature(Scope.SERIES, windows=WINDOWS, called="QTLU{window}")
def qtlu(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Quantile 0.8, linear, of {window} closes, over the close."""
    return over.upper_quantile(CLOSE, window) / CLOSE


@feature(Scope.SERIES, windows=WINDOWS, called="QTLD{window}")
def qtld(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Quantile 0.2, linear, of {window} closes, over the close."""
    return over.lower_quantile(CLOSE, window) / CLOSE


@feature(Scope.SERIES, windows=WINDOWS, called="RANK{window}")
def rank(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Percentile rank of the close among {window} closes, in (0, 1]; the average rank among equals."""
    return over.rank(CLOSE, window)


@feature(Scope.SERIES, windows=WINDOWS, called="RSV{window}")
def rsv(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Place of the close between the extremes: (C - min L) / (max H - min L + 1e-12), {window} sessions."""
    lowest = over.lowest(LOW, window)
    return (CLOSE - lowest) / (over.highest(HIGH, window) - lowest + TINY)


@feature(Scope.SERIES, windows=WINDOWS, called="IMAX{window}")
def imax(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Place of the highest high among {window} sessions, from 1, the oldest; the first of equals: / {window}."""
    return over.place_of_highest(HIGH, window) / window


@feature(Scope.SERIES, windows=WINDOWS, called="IMIN{window}")
def imin(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Place of the lowest low among {window} sessions, from 1, the oldest; the first of equals: / {window}."""
    return over.place_of_lowest(LOW, window) / window


@feature(Scope.SERIES, windows=WINDOWS, called="IMXD{window}")
def imxd(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Sessions from the lowest low to the highest high of {window}: (place of high - place of low) / {window}."""
    return (over.place_of_highest(HIGH, window) - over.place_of_lowest(LOW, window)) / window
