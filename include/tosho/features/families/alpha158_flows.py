"""Alpha158, moves and volume over windows of 5, 10, 20, 30 and 60 sessions: whether they go together, how many go up.

Source: FEATURES.md, "Alpha158"; Qlib's `rolling`, CORR to VSUMD. Columns are named as Qlib names them. A price that
differs from the one before by no more than the rounding of its split factor counts as unchanged.
"""

from __future__ import annotations

import polars as pl

from tosho.features.columns import CLOSE, VOLUME
from tosho.features.families.alpha158_bars import TINY
from tosho.features.spec import Scope, feature, intermediate
from tosho.features.windows import falls, flag, rises
from tosho.features.windows_at_once import TRAILING, WINDOWS, Windows


@intermediate(Scope.SERIES)
def close_ratio() -> pl.Expr:
    """Close over the close before: C / C_{t-1}."""
    return CLOSE / CLOSE.shift(1)


@intermediate(Scope.SERIES)
def close_rises() -> pl.Expr:
    """1 where the close rose, C > C_{t-1}, else 0."""
    return flag(rises(close_ratio() - 1))


@intermediate(Scope.SERIES)
def close_falls() -> pl.Expr:
    """1 where the close fell, C < C_{t-1}, else 0."""
    return flag(falls(close_ratio() - 1))


@intermediate(Scope.SERIES)
def close_gain() -> pl.Expr:
    """Rise of the close, max(C - C_{t-1}, 0), in adjusted yen."""
    return (CLOSE - CLOSE.shift(1)).clip(lower_bound=0)


@intermediate(Scope.SERIES)
def close_loss() -> pl.Expr:
    """Fall of the close, max(C_{t-1} - C, 0), in adjusted yen."""
    return (CLOSE.shift(1) - CLOSE).clip(lower_bound=0)


@intermediate(Scope.SERIES)
def close_move() -> pl.Expr:
    """Move of the close either way, |C - C_{t-1}|, in adjusted yen."""
    return (CLOSE - CLOSE.shift(1)).abs()


@intermediate(Scope.SERIES)
def volume_gain() -> pl.Expr:
    """Rise of the volume, max(V - V_{t-1}, 0), in adjusted shares."""
    return (VOLUME - VOLUME.shift(1)).clip(lower_bound=0)


@intermediate(Scope.SERIES)
def volume_loss() -> pl.Expr:
    """Fall of the volume, max(V_{t-1} - V, 0), in adjusted shares."""
    return (VOLUME.shift(1) - VOLUME).clip(lower_bound=0)


@intermediate(Scope.SERIES)
def volume_move() -> pl.Expr:
    """Move of the volume either way, |V - V_{t-1}|, in adjusted shares."""
    return (VOLUME - VOLUME.shift(1)).abs()


@intermediate(Scope.SERIES)
def volume_log() -> pl.Expr:
    """Logarithm of volume: ln(V + 1)."""
    return (VOLUME + 1).log()


@intermediate(Scope.SERIES)
def volume_ratio_log() -> pl.Expr:
    """Logarithm of volume over the volume before: ln(V / V_{t-1} + 1)."""
    return (VOLUME / VOLUME.shift(1) + 1).log()


@intermediate(Scope.SERIES)
def move_volume() -> pl.Expr:
    """Volume weighted by the move it came with: |C / C_{t-1} - 1| V."""
    return (close_ratio() - 1).abs() * VOLUME


@feature(Scope.SERIES, windows=WINDOWS, called="CORR{window}")
def corr(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Correlation of the close and ln(V + 1) over {window} sessions."""
    return over.correlation(CLOSE, volume_log(), window)


@feature(Scope.SERIES, windows=WINDOWS, called="CORD{window}")
def cord(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Correlation of C / C_{t-1} and ln(V / V_{t-1} + 1) over {window} sessions."""
    return over.correlation(close_ratio(), volume_ratio_log(), window)


@feature(Scope.SERIES, windows=WINDOWS, called="CNTP{window}")
def cntp(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Share of {window} sessions in which the close rose: mean(C > C_{t-1})."""
    return over.share(close_rises(), window)


@feature(Scope.SERIES, windows=WINDOWS, called="CNTN{window}")
def cntn(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Share of {window} sessions in which the close fell: mean(C < C_{t-1})."""
    return over.share(close_falls(), window)


@feature(Scope.SERIES, windows=WINDOWS, called="CNTD{window}")
def cntd(window: int) -> pl.Expr:
    """Rises less falls: CNTP{window} - CNTN{window}."""
    return cntp(window) - cntn(window)


@feature(Scope.SERIES, windows=WINDOWS, called="SUMP{window}")
def sump(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Gains of the close over its moves, {window} sessions: sum max(d, 0) / (sum |d| + 1e-12)."""
    return over.total(close_gain(), window) / (over.total(close_move(), window) + TINY)


@feature(Scope.SERIES, windows=WINDOWS, called="SUMN{window}")
def sumn(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Losses of the close over its moves, {window} sessions: sum max(-d, 0) / (sum |d| + 1e-12)."""
    return over.total(close_loss(), window) / (over.total(close_move(), window) + TINY)


@feature(Scope.SERIES, windows=WINDOWS, called="SUMD{window}")
def sumd(window: int) -> pl.Expr:
    """Gains less losses of the close over its moves: SUMP{window} - SUMN{window}."""
    return sump(window) - sumn(window)


@feature(Scope.SERIES, windows=WINDOWS, called="VMA{window}")
def vma(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Mean volume of {window} sessions over the volume: mean(V) / (V + 1e-12)."""
    return over.mean(VOLUME, window) / (VOLUME + TINY)


@feature(Scope.SERIES, windows=WINDOWS, called="VSTD{window}")
def vstd(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Sample deviation of volume over {window} sessions, over the volume: sd(V) / (V + 1e-12)."""
    return over.deviation(VOLUME, window) / (VOLUME + TINY)


@feature(Scope.SERIES, windows=WINDOWS, called="WVMA{window}")
def wvma(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Volatility of moves weighted by volume, {window} sessions: sd(m) / (mean(m) + 1e-12), m = |C / C_{t-1} - 1| V."""
    return over.deviation(move_volume(), window) / (over.mean(move_volume(), window) + TINY)


@feature(Scope.SERIES, windows=WINDOWS, called="VSUMP{window}")
def vsump(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Gains of the volume over its moves, {window} sessions: sum max(d, 0) / (sum |d| + 1e-12)."""
    return over.total(volume_gain(), window) / (over.total(volume_move(), window) + TINY)


@feature(Scope.SERIES, windows=WINDOWS, called="VSUMN{window}")
def vsumn(window: int, *, over: Windows = TRAILING) -> pl.Expr:
    """Losses of the volume over its moves, {window} sessions: sum max(-d, 0) / (sum |d| + 1e-12)."""
    return over.total(volume_loss(), window) / (over.total(volume_move(), window) + TINY)


@feature(Scope.SERIES, windows=WINDOWS, called="VSUMD{window}")
def vsumd(window: int) -> pl.Expr:
    """Gains less losses of the volume over its moves: VSUMP{window} - VSUMN{window}."""
    return vsump(window) - vsumn(window)
