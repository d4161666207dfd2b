"""Q. Derivatives: what options on the Nikkei 225 say of the market.

Source: FEATURES.md, 247-254; J-Quants derivatives/bars/daily/options/225 (standard plan). A trading day's options are
known in the night after it, so that a session reads those of the session before. Where they did not come for a session
all is null: yesterday's are not taken for today's. Volatility is null before 2016-07-19, when the vendor began it.
"""

from __future__ import annotations

import polars as pl

from tosho.features.records import options
from tosho.features.spec import Scope, feature, intermediate
from tosho.features.windows import ANNUAL, deviation, log_change, ratio, zscore


@feature(Scope.MARKET)
def n225_iv_atm30() -> pl.Expr:
    """Implied volatility of Nikkei 225 options at the money 30 calendar days ahead, by year, as a fraction.

    Mean of put and call at the strike nearest to the index, interpolated in IV^2 x days between the months around.
    """
    return options.IV_30


@feature(Scope.MARKET)
def iv_term_slope() -> pl.Expr:
    """Slope of implied volatility at the money: IV of 60 calendar days less IV of 30, by year, as a fraction."""
    return options.IV_60 - n225_iv_atm30()


@feature(Scope.MARKET)
def pc_oi_ratio() -> pl.Expr:
    """Open interest of puts over that of calls, in contracts, over all strikes and months."""
    return ratio(options.PUT_INTEREST, options.CALL_INTEREST)


@feature(Scope.MARKET)
def pc_vo_ratio() -> pl.Expr:
    """Traded volume of puts over that of calls, in contracts, over all strikes and months."""
    return ratio(options.PUT_VOLUME, options.CALL_VOLUME)


@feature(Scope.MARKET)
def skew_25() -> pl.Expr:
    """Implied volatility of the put of delta -0.25 less that of the call of delta 0.25, 30 calendar days ahead."""
    return options.PUT_IV_30 - options.CALL_IV_30


@intermediate(Scope.MARKET)
def n225_rv_20() -> pl.Expr:
    """Realised volatility of the Nikkei 225 by year, as a fraction: sd_20 of ln(U_t / U_{t-1}), times sqrt(252)."""
    return deviation(log_change(options.UNDERLYING, 1), 20) * ANNUAL


@feature(Scope.MARKET)
def vrp() -> pl.Expr:
    """Variance risk premium by year: n225_iv_atm30^2 - RV_20^2, where RV_20 is that of the options' own underlying."""
    return n225_iv_atm30() * n225_iv_atm30() - n225_rv_20() * n225_rv_20()


@feature(Scope.MARKET)
def iv_z60() -> pl.Expr:
    """n225_iv_atm30 in deviations from its mean of 60 sessions: (x - mu_60) / sd_60."""
    return zscore(n225_iv_atm30(), 60)


@feature(Scope.MARKET)
def days_to_sq_opt() -> pl.Expr:
    """Business days from the session to the special quotation of the front month listed; 0 on the day."""
    return options.TO_SQ
