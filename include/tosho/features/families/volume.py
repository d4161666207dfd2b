"""F. Volume and liquidity: how much of a code changes hands, and what a yen of it moves.

Source: FEATURES.md, 103-122; Amihud (2002), Granville's on-balance volume, Chaikin's money flow. Volume V is adjusted
for splits, turnover Va is in yen and never adjusted.
"""

from __future__ import annotations

import polars as pl

from tosho.features.columns import (
    CLOSE_RAW,
    LOWER_LIMIT,
    SHARES,
    TURNOVER,
    UPPER_LIMIT,
    VOLUME,
    VOLUME_RAW,
)
from tosho.features.families.candles import clv
from tosho.features.families.returns import logret, ret
from tosho.features.spec import Scope, feature, intermediate
from tosho.features.windows import (
    correlation,
    cumulative_zscore,
    direction,
    flag,
    log_change,
    mean,
    rises,
    total,
    zscore,
)


@intermediate(Scope.SERIES, windows=(20, 60))
def turnover_mean(window: int) -> pl.Expr:
    """Mean turnover of {window} sessions, SMA_{window}(Va), in yen."""
    return mean(TURNOVER, window)


@feature(Scope.SERIES, windows=(5, 20))
def vol_ratio(window: int) -> pl.Expr:
    """Volume over its mean of the {window} sessions before: V_t / mean(V_{t-1} .. V_{t-{window}})."""
    return VOLUME / mean(VOLUME.shift(1), window)


@feature(Scope.SERIES)
def vol_z20() -> pl.Expr:
    """Volume in deviations from its month: z_20(V)."""
    return zscore(VOLUME, 20)


@feature(Scope.SERIES)
def log_va() -> pl.Expr:
    """Turnover: ln(1 + Va), Va in yen."""
    return TURNOVER.log1p()


@feature(Scope.SERIES)
def adv20() -> pl.Expr:
    """Average daily turnover of a month: ln(1 + SMA_20(Va)), Va in yen."""
    return turnover_mean(20).log1p()


@feature(Scope.SERIES)
def adv60() -> pl.Expr:
    """Average daily turnover of a quarter: ln(1 + SMA_60(Va)), Va in yen."""
    return turnover_mean(60).log1p()


@feature(Scope.SERIES)
def adv_ratio() -> pl.Expr:
    """Turnover of the month over that of the quarter: SMA_20(Va) / SMA_60(Va)."""
    return turnover_mean(20) / turnover_mean(60)


@feature(Scope.SERIES)
def turnover() -> pl.Expr:
    """Share of the company traded: V_raw / (shares outstanding - treasury shares), as last stated at the cutoff."""
    return VOLUME_RAW / SHARES


@feature(Scope.SERIES)
def turnover_z60() -> pl.Expr:
    """Turnover in deviations from its quarter: z_60(turnover)."""
    return zscore(turnover(), 60)


@feature(Scope.SERIES)
def amihud_20() -> pl.Expr:
    """Amihud's illiquidity: mean_20(|l| / Va) 1e9, moves by billion yen; null where a session had no turnover."""
    return mean(logret(1).abs() / TURNOVER, 20) * 1e9


@feature(Scope.SERIES)
def amihud_z60() -> pl.Expr:
    """amihud_20 in deviations from its quarter: z_60(amihud_20)."""
    return zscore(amihud_20(), 60)


@feature(Scope.SERIES)
def obv_z20() -> pl.Expr:
    """On-balance volume in deviations from its month: z_20(sum of sign(l) V).

    The sum's start cancels, so it begins with the window: 19 signed volumes make 20 levels.
    """
    return cumulative_zscore(direction(logret(1)) * VOLUME, 20)


@feature(Scope.SERIES)
def cmf_20() -> pl.Expr:
    """Chaikin's money flow: sum_20(CLV V) / sum_20(V), CLV = ((C - L) - (H - C)) / (H - L); null if an H = L."""
    return total(clv() * VOLUME, 20) / total(VOLUME, 20)


@feature(Scope.SERIES)
def vwap_gap() -> pl.Expr:
    """Close over the session's average price: C_raw / (Va / V_raw) - 1."""
    return CLOSE_RAW * VOLUME_RAW / TURNOVER - 1


@feature(Scope.SERIES)
def pv_corr_20() -> pl.Expr:
    """Correlation of returns and changes of volume: corr_20(l, ln(V_t / V_{t-1}))."""
    return correlation(logret(1), log_change(VOLUME, 1), 20)


@feature(Scope.SERIES)
def up_vol_share_20() -> pl.Expr:
    """Share of volume on rising sessions: sum_20(V [l > 0]) / sum_20(V)."""
    return total(VOLUME * flag(rises(logret(1))), 20) / total(VOLUME, 20)


@feature(Scope.SERIES)
def zero_vol_days_20() -> pl.Expr:
    """Sessions of the last 20 without a trade: volume zero, or none given.

    A row without volume is what this counts, so it is the one feature that a null inside the window does not make null.
    """
    return total(pl.when(VOLUME > 0).then(0).otherwise(1), 20)


@feature(Scope.SERIES)
def vol_confirmed_mom() -> pl.Expr:
    """Direction of the week's return, weighted by volume: sign(ret_5) vol_ratio_5."""
    return direction(ret(5)) * vol_ratio(5)


@feature(Scope.SERIES)
def limit_up_cnt_20() -> pl.Expr:
    """Sessions of the last 20 that touched the upper price limit (flag UL of J-Quants)."""
    return total(flag(UPPER_LIMIT), 20)


@feature(Scope.SERIES)
def limit_dn_cnt_20() -> pl.Expr:
    """Sessions of the last 20 that touched the lower price limit (flag LL of J-Quants)."""
    return total(flag(LOWER_LIMIT), 20)
