"""G. Market: what TOPIX and the universe as a whole did. One value a session, the same for every code.

Source: FEATURES.md, 123-142. Formulas are those of the families of single codes, on the index; 139-142 are counted over
the universe of the session. In sessions before the first one with TOPIX (plan free) the universe stands in for it: the
mean return of all codes weighted by turnover, see `universe`. It has no high and low, so that mkt_natr14 is null.
"""

from __future__ import annotations

import polars as pl

from tosho.features import indicators
from tosho.features.columns import HIGH, LOW, MARKET_CLOSE, MARKET_HIGH, MARKET_LOW
from tosho.features.families.returns import ret
from tosho.features.families.trend import px_sma
from tosho.features.spec import Scope, feature, intermediate
from tosho.features.windows import (
    ANNUAL,
    both,
    deviation,
    exponential,
    flag,
    highest,
    log_change,
    lowest,
    rises,
    rows_since_highest,
    wilder,
    zscore,
)


@intermediate(Scope.MARKET)
def mkt_logret_1() -> pl.Expr:
    """Logarithmic return of TOPIX over a session, l_m."""
    return log_change(MARKET_CLOSE, 1)


@intermediate(Scope.MARKET, windows=(5, 20, 60, 200))
def mkt_ema(window: int) -> pl.Expr:
    """Exponential average of TOPIX with span {window}, in points."""
    return exponential(MARKET_CLOSE, window)


@feature(Scope.MARKET, windows=(1, 5, 20, 60))
def mkt_ret(window: int) -> pl.Expr:
    """Return of TOPIX over {window} sessions."""
    return MARKET_CLOSE / MARKET_CLOSE.shift(window) - 1


@feature(Scope.MARKET)
def mkt_px_ema_200() -> pl.Expr:
    """TOPIX over its exponential average of 200 sessions, - 1."""
    return MARKET_CLOSE / mkt_ema(200) - 1


@feature(Scope.MARKET, windows=((5, 20), (20, 60)))
def mkt_gap(short: int, long: int) -> pl.Expr:
    """Distance of two averages of TOPIX: (EMA_{short} - EMA_{long}) / EMA_{long}."""
    return indicators.gap(mkt_ema(short), mkt_ema(long))


@feature(Scope.MARKET)
def mkt_vol_20() -> pl.Expr:
    """Volatility of TOPIX by year: sd_20(l_m) sqrt(252)."""
    return deviation(mkt_logret_1(), 20) * ANNUAL


@feature(Scope.MARKET)
def mkt_vol_z252() -> pl.Expr:
    """mkt_vol_20 in deviations from its year."""
    return zscore(mkt_vol_20(), 252)


@feature(Scope.MARKET)
def mkt_rsi14() -> pl.Expr:
    """Relative strength index of TOPIX in [0, 100], Wilder's averages over 14."""
    return indicators.rsi(MARKET_CLOSE, 14)


@feature(Scope.MARKET)
def mkt_dd_252() -> pl.Expr:
    """Loss of TOPIX since its highest close of 252 sessions, at most 0."""
    return MARKET_CLOSE / highest(MARKET_CLOSE, 252) - 1


@feature(Scope.MARKET)
def mkt_days_since_peak() -> pl.Expr:
    """Sessions since TOPIX's highest close of 252 sessions, 0 to 251; of equal ones the newest."""
    return rows_since_highest(MARKET_CLOSE, 252)


@feature(Scope.MARKET)
def mkt_bb_pctb() -> pl.Expr:
    """Bollinger's %b of TOPIX (20, 2)."""
    return indicators.bollinger_position(MARKET_CLOSE, 20, 2)


@feature(Scope.MARKET)
def mkt_natr14() -> pl.Expr:
    """Average true range of TOPIX over 14, as a fraction of its close."""
    return wilder(indicators.true_range(MARKET_HIGH, MARKET_LOW, MARKET_CLOSE), 14) / MARKET_CLOSE


@feature(Scope.MARKET)
def mkt_trend_up() -> pl.Expr:
    """1 where EMA5 > EMA20 > EMA60 of TOPIX, else 0."""
    return flag(both(mkt_ema(5) > mkt_ema(20), mkt_ema(20) > mkt_ema(60)))


@feature(Scope.MARKET)
def mkt_high_vol() -> pl.Expr:
    """1 where mkt_vol_z252 > 1, else 0."""
    return flag(mkt_vol_z252() > 1)


@intermediate(Scope.SERIES)
def new_high_252() -> pl.Expr:
    """1 where the session's high is the highest of 252 sessions, else 0."""
    return flag(highest(HIGH, 252) == HIGH)


@intermediate(Scope.SERIES)
def new_low_252() -> pl.Expr:
    """1 where the session's low is the lowest of 252 sessions, else 0."""
    return flag(lowest(LOW, 252) == LOW)


@feature(Scope.CROSS_SECTION)
def breadth_up() -> pl.Expr:
    """Share of the universe with a positive return."""
    return flag(rises(ret(1))).mean()


@feature(Scope.CROSS_SECTION)
def breadth_above_ma20() -> pl.Expr:
    """Share of the universe that closed above SMA20."""
    return flag(px_sma(20) > 0).mean()


@feature(Scope.CROSS_SECTION)
def xs_disp() -> pl.Expr:
    """Dispersion: sample standard deviation of ret_1 over the universe."""
    return ret(1).cast(pl.Float64).std()


@feature(Scope.CROSS_SECTION)
def new_high_minus_low_252() -> pl.Expr:
    """Share of the universe at a new high of 252 sessions, less the share at a new low."""
    return new_high_252().cast(pl.Float64).mean() - new_low_252().cast(pl.Float64).mean()
