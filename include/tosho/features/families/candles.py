"""B. Gap and candle: how a session opened against the close before, and where it traded within its range.

Source: FEATURES.md, 25-36. A session whose high is its low has no range: what is measured in it is null.
"""

from __future__ import annotations

import polars as pl

from tosho.features.columns import CLOSE, HIGH, LOW, OPEN
from tosho.features.families.volatility import atr_14
from tosho.features.spec import Scope, feature
from tosho.features.windows import both, flag, ratio, zscore

_BEFORE = CLOSE.shift(1)
_RANGE = HIGH - LOW
_BODY_TOP, _BODY_BOTTOM = pl.max_horizontal(OPEN, CLOSE), pl.min_horizontal(OPEN, CLOSE)


@feature(Scope.SERIES)
def gap() -> pl.Expr:
    """Opening gap: O_t / C_{t-1} - 1."""
    return OPEN / _BEFORE - 1


@feature(Scope.SERIES)
def gap_z20() -> pl.Expr:
    """Opening gap in deviations from its month: z_20(gap)."""
    return zscore(gap(), 20)


@feature(Scope.SERIES)
def gap_atr() -> pl.Expr:
    """Opening gap in average true ranges: gap C_{t-1} / ATR14, the ATR of this session."""
    return gap() * _BEFORE / atr_14()


@feature(Scope.SERIES)
def gap_fill_ratio() -> pl.Expr:
    """Share of the gap that the session took back, in [0, 1]: (O - L) / (O - C_{t-1}) of a gap up, and of one down
    (H - O) / (C_{t-1} - O); null without a gap.
    """
    retraced = pl.when(OPEN > _BEFORE).then(OPEN - LOW).otherwise(HIGH - OPEN)
    return ratio(retraced, (OPEN - _BEFORE).abs()).clip(0, 1)


@feature(Scope.SERIES)
def gap_filled() -> pl.Expr:
    """1 where the session traded at the close before, L <= C_{t-1} <= H, else 0."""
    return flag(both(LOW <= _BEFORE, _BEFORE <= HIGH))


@feature(Scope.SERIES)
def body_ratio() -> pl.Expr:
    """Body as a share of the range: |C - O| / (H - L)."""
    return (CLOSE - OPEN).abs() / _RANGE


@feature(Scope.SERIES)
def upper_shadow() -> pl.Expr:
    """Range above the body as a share: (H - max(O, C)) / (H - L)."""
    return (HIGH - _BODY_TOP) / _RANGE


@feature(Scope.SERIES)
def lower_shadow() -> pl.Expr:
    """Range below the body as a share: (min(O, C) - L) / (H - L)."""
    return (_BODY_BOTTOM - LOW) / _RANGE


@feature(Scope.SERIES)
def clv() -> pl.Expr:
    """Close location value in [-1, 1]: ((C - L) - (H - C)) / (H - L)."""
    return ((CLOSE - LOW) - (HIGH - CLOSE)) / _RANGE


@feature(Scope.SERIES)
def hl_range() -> pl.Expr:
    """Range as a fraction of the close: (H - L) / C."""
    return _RANGE / CLOSE


@feature(Scope.SERIES)
def idr_atr() -> pl.Expr:
    """Range in average true ranges: (H - L) / ATR14, the ATR of this session."""
    return _RANGE / atr_14()


@feature(Scope.SERIES)
def close_to_high() -> pl.Expr:
    """Distance of the close from the high: C / H - 1, at most 0."""
    return CLOSE / HIGH - 1
