"""H. Stock against market: what is left of a code's move when the index's is taken out. l_m is TOPIX' log return.

Source: FEATURES.md, 143-152; beta after Sharpe (1964), residual momentum after Blitz, Huij and Martens (2011), downside
beta after Ang, Chen and Xing (2006). Without TOPIX the universe stands in for it, as in family G.
"""

from __future__ import annotations

import polars as pl

from tosho.features import windows
from tosho.features.families.market import mkt_logret_1, mkt_ret
from tosho.features.families.returns import logret, ret
from tosho.features.spec import Scope, feature
from tosho.features.windows import ANNUAL, correlation, deviation, falling_beta, residual_deviation, total


@feature(Scope.SERIES, windows=(20, 60))
def beta(window: int) -> pl.Expr:
    """Market beta: cov_{window}(l, l_m) / var_{window}(l_m)."""
    return windows.beta(logret(1), mkt_logret_1(), window)


@feature(Scope.SERIES, windows=(1, 5))
def alpha(window: int) -> pl.Expr:
    """Return beyond the market's: ret_{window} - beta_60 mkt_ret_{window}."""
    return ret(window) - beta(60) * mkt_ret(window)


@feature(Scope.SERIES)
def resid_mom_20() -> pl.Expr:
    """Residual momentum: sum_20(l - beta_60 l_m), each session's residual with that session's beta."""
    return total(logret(1) - beta(60) * mkt_logret_1(), 20)


@feature(Scope.SERIES)
def idio_vol_60() -> pl.Expr:
    """Idiosyncratic volatility by year: sqrt(252) x sample deviation of the residuals of l on l_m over 60 sessions."""
    return residual_deviation(logret(1), mkt_logret_1(), 60) * ANNUAL


@feature(Scope.SERIES)
def r2_mkt_60() -> pl.Expr:
    """Share of the variance of l over 60 sessions that l_m explains: corr_60(l, l_m)^2."""
    shared = correlation(logret(1), mkt_logret_1(), 60)
    return shared * shared


@feature(Scope.SERIES)
def rel_strength_20() -> pl.Expr:
    """Relative strength: ret_20 - mkt_ret_20."""
    return ret(20) - mkt_ret(20)


@feature(Scope.SERIES)
def beta_stab() -> pl.Expr:
    """Steadiness of the beta: 1 / sd_20(beta_60); null where it did not move."""
    return 1 / deviation(beta(60), 20)


@feature(Scope.SERIES)
def down_beta_60() -> pl.Expr:
    """Downside beta: cov(l, l_m) / var(l_m) over those of 60 sessions with l_m < 0; null below two of them."""
    return falling_beta(logret(1), mkt_logret_1(), 60)
