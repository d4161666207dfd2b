"""N. Fundamentals and events: what a company earned and forecast, against what it costs, and when it speaks.

Source: FEATURES.md, 209-224; fins/summary (every plan) and, for days_to_earn, fins/earnings-date. Everything is as last
disclosed at the cutoff: see `records.statements` and `records.earnings`. Growth, and whatever is a share of a profit,
is null where its base is not above zero, as no sign of the ratio would then tell which way things went.

Market value is the unadjusted close times the shares outstanding as last stated, which follow splits (`panel`); so a
split moves none of the yields, whichever side of it the statement lies on.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.features.columns import CLOSE_RAW, PLACE, SHARES
from tosho.features.records.earnings import NEXT_EARNINGS
from tosho.features.records.statements import (
    CASH_ASSETS,
    CASH_FLOW,
    CASH_PROFIT,
    DIVIDEND,
    EQUITY,
    EQUITY_RATIO,
    FORECAST_OP,
    FORECAST_OP_BEFORE,
    FORECAST_PROFIT,
    FORECAST_PROFIT_BEFORE,
    FUND_AGE,
    OP,
    OP_TRAILING,
    OP_YEAR_AGO,
    PLAN_OP,
    PROFIT_TRAILING,
    SALES,
    SALES_TRAILING,
    SALES_YEAR_AGO,
    STATED,
    SURPRISE,
)
from tosho.features.spec import Scope, feature

AGE_CAP: Final = 120
"""Sessions beyond which it no longer matters how long a company has been silent."""
DRIFT: Final = 5
"""Sessions after which 1/e of a surprise is left."""

_MARKET_VALUE: Final = CLOSE_RAW * SHARES


def _share(of: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Quotient; null where the whole is not above zero."""
    return pl.when(whole > 0).then(of / whole)


@feature(Scope.SERIES)
def sales_yoy() -> pl.Expr:
    """Growth of sales since the start of the fiscal year, against the same months of the year before: S / S' - 1."""
    return _share(SALES, SALES_YEAR_AGO) - 1


@feature(Scope.SERIES)
def op_yoy() -> pl.Expr:
    """Growth of operating profit, as for sales: OP / OP' - 1; null where OP' was not positive."""
    return _share(OP, OP_YEAR_AGO) - 1


@feature(Scope.SERIES)
def op_margin() -> pl.Expr:
    """Operating margin of twelve months, OP_ttm / S_ttm: those of a part of the year would move with the season."""
    return _share(OP_TRAILING, SALES_TRAILING)


@feature(Scope.SERIES)
def roe() -> pl.Expr:
    """Return on equity: NP_ttm / Eq, equity of the newest period's last day; null where it is not positive."""
    return _share(PROFIT_TRAILING, EQUITY)


@feature(Scope.SERIES)
def eq_ratio() -> pl.Expr:
    """Equity ratio as the company states it (EqAR), a fraction: minority interests are not in it, as they are in Eq."""
    return EQUITY_RATIO


@feature(Scope.SERIES)
def earn_yield() -> pl.Expr:
    """Earnings yield: NP_ttm / market value."""
    return PROFIT_TRAILING / _MARKET_VALUE


@feature(Scope.SERIES)
def bp() -> pl.Expr:
    """Book to price: Eq / market value."""
    return EQUITY / _MARKET_VALUE


@feature(Scope.SERIES)
def div_yield_fwd() -> pl.Expr:
    """Forecast dividend yield: FDivAnn of the fiscal year in progress, times the shares it was said of / market value.

    Without a split since it is FDivAnn / C. The shares are those last stated when it was said: a revision between a
    split and the next statement is taken to be by share as of before the split.
    """
    return DIVIDEND / _MARKET_VALUE


@feature(Scope.SERIES)
def cfo_yield() -> pl.Expr:
    """Cash yield: CFO_ttm / market value, of the newest period with stated cash flows (most state them half-yearly)."""
    return CASH_FLOW / _MARKET_VALUE


@feature(Scope.SERIES)
def accruals() -> pl.Expr:
    """Profit that was not cash: (NP_ttm - CFO_ttm) / TA, all of the newest period with stated cash flows."""
    return (CASH_PROFIT - CASH_FLOW) / CASH_ASSETS


@feature(Scope.SERIES)
def progress() -> pl.Expr:
    """Progress: OP since the start of the fiscal year / FOP of that year, newest forecast; null where it is <= 0.

    After a full-year statement, whose year has no forecast any more, the last one known in a session before it.
    """
    return _share(OP, PLAN_OP)


@feature(Scope.SERIES)
def fcst_rev_op() -> pl.Expr:
    """Revision of the forecast operating profit: FOP / FOP_prev - 1; null where FOP_prev is not positive.

    FOP_prev is the forecast of the same fiscal year last said in an earlier session than the newest, be that a
    revision or a statement which repeats it (then 0). After a full-year statement it is null until the next one.
    """
    return _share(FORECAST_OP, FORECAST_OP_BEFORE) - 1


@feature(Scope.SERIES)
def fcst_rev_eps() -> pl.Expr:
    """Revision of forecast earnings, as for operating profit, of the net profit: FNP / FNP_prev - 1.

    That is FEPS / FEPS_prev - 1 for an unchanged number of shares; FEPS itself halves when a company splits its shares.
    """
    return _share(FORECAST_PROFIT, FORECAST_PROFIT_BEFORE) - 1


@feature(Scope.SERIES)
def days_since_disc() -> pl.Expr:
    """Sessions since the company last disclosed a statement or a revised forecast; 0 in that session, at most 120."""
    return FUND_AGE.clip(upper_bound=AGE_CAP)


@feature(Scope.SERIES)
def days_to_earn() -> pl.Expr:
    """Sessions until the next announced day of results; 0 on the day, null where none is announced or all are past.

    A day without a session counts as the next session.
    """
    to_come = (pl.when(at >= PLACE).then(at) for at in NEXT_EARNINGS)
    return pl.min_horizontal(*to_come) - PLACE


@feature(Scope.SERIES)
def pead() -> pl.Expr:
    """Drift after earnings: sign(surprise) exp(-d / 5), d sessions since the newest period was first stated.

    Surprise is of operating profit, against what was known before the session. Of a full year: OP - FOP. Of a part:
    OP / FOP less what the same months were of the year before, OP' / OP'_year, if FOP and OP'_year are positive. Else:
    the quarter less the quarter a year before. A correction or a revised forecast is no statement of a new period.
    """
    return SURPRISE * (-(PLACE - STATED) / DRIFT).exp()
