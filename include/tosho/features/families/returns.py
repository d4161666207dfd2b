"""A. Return and price: what one code's prices did, by its own history. All are fractions unless said otherwise.

Source: FEATURES.md, 1-24; momentum after Jegadeesh and Titman (1993), the 52-week high after George and Hwang (2004).
"""

from __future__ import annotations

import polars as pl

from tosho.features.columns import CLOSE, HIGH, LOW, OPEN
from tosho.features.spec import Scope, feature
from tosho.features.windows import falls, flag, highest, log_change, lowest, mean, rises, run_length

STREAK_CAP = 20
"""Longest run that a streak tells apart, and so the number of returns it needs."""


@feature(Scope.SERIES, windows=(1, 2, 5, 10, 20, 60, 120))
def ret(window: int) -> pl.Expr:
    """Return over {window} sessions: C_t / C_{t-{window}} - 1."""
    return CLOSE / CLOSE.shift(window) - 1


@feature(Scope.SERIES, windows=(1, 5, 10, 20))
def logret(window: int) -> pl.Expr:
    """Logarithmic return over {window} sessions: ln(C_t / C_{t-{window}})."""
    return log_change(CLOSE, window)


@feature(Scope.SERIES)
def ret_overnight() -> pl.Expr:
    """Return from the close before to the open: O_t / C_{t-1} - 1."""
    return OPEN / CLOSE.shift(1) - 1


@feature(Scope.SERIES)
def ret_intraday() -> pl.Expr:
    """Return from open to close: C / O - 1."""
    return CLOSE / OPEN - 1


@feature(Scope.SERIES)
def mom_12_1() -> pl.Expr:
    """Momentum of twelve months without the last: C_{t-21} / C_{t-252} - 1."""
    return CLOSE.shift(21) / CLOSE.shift(252) - 1


@feature(Scope.SERIES)
def mom_6_1() -> pl.Expr:
    """Momentum of six months without the last: C_{t-21} / C_{t-126} - 1."""
    return CLOSE.shift(21) / CLOSE.shift(126) - 1


@feature(Scope.SERIES)
def rev_5() -> pl.Expr:
    """Short-term reversal: -ret_5."""
    return -ret(5)


@feature(Scope.SERIES)
def mom_accel() -> pl.Expr:
    """Acceleration: ret_20 - ret_60 / 3."""
    return ret(20) - ret(60) / 3


@feature(Scope.SERIES)
def mom_persist_5() -> pl.Expr:
    """Share of the last 5 sessions with a positive return, in [0, 1]."""
    return mean(flag(rises(logret(1))), 5)


@feature(Scope.SERIES)
def up_streak() -> pl.Expr:
    """Sessions in a row with a positive return, up to this one; at most 20, so it needs 20 returns."""
    return run_length(rises(logret(1)), STREAK_CAP)


@feature(Scope.SERIES)
def down_streak() -> pl.Expr:
    """Sessions in a row with a negative return, up to this one; at most 20, so it needs 20 returns."""
    return run_length(falls(logret(1)), STREAK_CAP)


@feature(Scope.SERIES)
def dist_high_252() -> pl.Expr:
    """Distance from the highest high of 252 sessions: C / max252(H) - 1, at most 0."""
    return CLOSE / highest(HIGH, 252) - 1


@feature(Scope.SERIES)
def dist_low_252() -> pl.Expr:
    """Distance from the lowest low of 252 sessions: C / min252(L) - 1, at least 0."""
    return CLOSE / lowest(LOW, 252) - 1


@feature(Scope.SERIES)
def drawdown_60() -> pl.Expr:
    """Loss since the highest close of 60 sessions: C / max60(C) - 1, at most 0."""
    return CLOSE / highest(CLOSE, 60) - 1


@feature(Scope.SERIES)
def max_ret_20() -> pl.Expr:
    """Largest daily logarithmic return of 20 sessions (the MAX of Bali, Cakici and Whitelaw 2011)."""
    return highest(logret(1), 20)
