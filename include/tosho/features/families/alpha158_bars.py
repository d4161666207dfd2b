"""Alpha158, the session's own bar: nine of its candle and four of its prices. All are fractions.

Source: FEATURES.md, "Alpha158"; Qlib's `kbar` and `price` with window 0. Columns are named as Qlib names them.
"""

from __future__ import annotations

import polars as pl

from tosho.features import columns
from tosho.features.columns import CLOSE, HIGH, LOW, OPEN
from tosho.features.spec import Scope, feature, intermediate

TINY = 1e-12
"""What Qlib adds to divisors that may be zero."""

_NEITHER_IS_NULL = 0 * (OPEN + CLOSE)  # the horizontal maximum and minimum would pass over a null
_TOP = pl.max_horizontal(OPEN, CLOSE) + _NEITHER_IS_NULL
_BOTTOM = pl.min_horizontal(OPEN, CLOSE) + _NEITHER_IS_NULL
_RANGE = HIGH - LOW + TINY


@intermediate(Scope.SERIES)
def vwap() -> pl.Expr:
    """Mean price of the session's trades: turnover over adjusted volume, in adjusted yen."""
    return columns.VWAP


@feature(Scope.SERIES, called="KMID")
def kmid() -> pl.Expr:
    """Body of the candle over the open: (C - O) / O."""
    return (CLOSE - OPEN) / OPEN


@feature(Scope.SERIES, called="KLEN")
def klen() -> pl.Expr:
    """Length of the candle over the open: (H - L) / O."""
    return (HIGH - LOW) / OPEN


@feature(Scope.SERIES, called="KMID2")
def kmid2() -> pl.Expr:
    """Body over length: (C - O) / (H - L + 1e-12)."""
    return (CLOSE - OPEN) / _RANGE


@feature(Scope.SERIES, called="KUP")
def kup() -> pl.Expr:
    """Upper shadow over the open: (H - max(O, C)) / O."""
    return (HIGH - _TOP) / OPEN


@feature(Scope.SERIES, called="KUP2")
def kup2() -> pl.Expr:
    """Upper shadow over length: (H - max(O, C)) / (H - L + 1e-12)."""
    return (HIGH - _TOP) / _RANGE


@feature(Scope.SERIES, called="KLOW")
def klow() -> pl.Expr:
    """Lower shadow over the open: (min(O, C) - L) / O."""
    return (_BOTTOM - LOW) / OPEN


@feature(Scope.SERIES, called="KLOW2")
def klow2() -> pl.Expr:
    """Lower shadow over length: (min(O, C) - L) / (H - L + 1e-12)."""
    return (_BOTTOM - LOW) / _RANGE


@feature(Scope.SERIES, called="KSFT")
def ksft() -> pl.Expr:
    """Shift of the close from the middle, over the open: (2 C - H - L) / O."""
    return (2 * CLOSE - HIGH - LOW) / OPEN


@feature(Scope.SERIES, called="KSFT2")
def ksft2() -> pl.Expr:
    """Shift of the close from the middle, over length: (2 C - H - L) / (H - L + 1e-12)."""
    return (2 * CLOSE - HIGH - LOW) / _RANGE


@feature(Scope.SERIES, called="OPEN0")
def open0() -> pl.Expr:
    """Open over close: O / C."""
    return OPEN / CLOSE


@feature(Scope.SERIES, called="HIGH0")
def high0() -> pl.Expr:
    """High over close: H / C."""
    return HIGH / CLOSE


@feature(Scope.SERIES, called="LOW0")
def low0() -> pl.Expr:
    """Low over close: L / C."""
    return LOW / CLOSE


@feature(Scope.SERIES, called="VWAP0")
def vwap0() -> pl.Expr:
    """Mean price of the session's trades over close: w / C, w = Va / V."""
    return vwap() / CLOSE
