"""P. Calendar and listing: what everybody knows of a session beforehand, and what kind of issue a code is.

Source: FEATURES.md, 233-246; the exchange's calendar, and the listing of the session. Business days are the sessions
that were planned. Without a listing, segment and scale are null.
"""

from __future__ import annotations

import polars as pl

from tosho.features import columns
from tosho.features.spec import Scope, feature, intermediate
from tosho.features.windows import flag

PRIME, GROWTH = "0111", "0113"
EDGE_DAYS = 5
LONG_BREAK = 3
MARCH = 3
SCALES = ("-", "TOPIX Small 2", "TOPIX Small 1", "TOPIX Mid400", "TOPIX Large70", "TOPIX Core30")
"""From smallest to largest; "-" is an issue outside the index."""


@intermediate(Scope.MARKET)
def place() -> pl.Expr:
    """The session's number in the exchange's calendar."""
    return pl.col("number")


@feature(Scope.MARKET)
def dow() -> pl.Expr:
    """Day of the week: 1 Monday to 5 Friday."""
    return pl.col("day_of_week")


@feature(Scope.MARKET)
def month_start_5() -> pl.Expr:
    """1 on the first 5 business days of a month, else 0."""
    return flag(pl.col("place_in_month") <= EDGE_DAYS)


@feature(Scope.MARKET)
def month_end_5() -> pl.Expr:
    """1 on the last 5 business days of a month, else 0."""
    return flag(pl.col("left_in_month") <= EDGE_DAYS)


@feature(Scope.MARKET)
def fy_end_flag() -> pl.Expr:
    """1 in March, in which most fiscal years end, else 0."""
    return flag(pl.col("month") == MARCH)


@feature(Scope.MARKET)
def qtr_end_flag() -> pl.Expr:
    """1 in March, June, September and December, else 0."""
    return flag(pl.col("month") % 3 == 0)


@feature(Scope.MARKET)
def days_to_sq() -> pl.Expr:
    """Business days to the next SQ (second Friday, or the business day before if that is a holiday); 0 on the day."""
    return pl.col("to_sq")


@feature(Scope.MARKET)
def sq_week() -> pl.Expr:
    """1 in the week, Monday to Friday, of the month's SQ, else 0."""
    return pl.col("in_sq_week")


@feature(Scope.MARKET)
def days_to_hol() -> pl.Expr:
    """Business days still to come before the next weekday on which the exchange is closed; 0 on the eve."""
    return pl.col("to_holiday")


@feature(Scope.MARKET)
def days_since_hol() -> pl.Expr:
    """Business days since the last weekday on which the exchange was closed; 0 on the first after it."""
    return pl.col("since_holiday")


@feature(Scope.MARKET)
def after_long_break() -> pl.Expr:
    """1 where at least 3 days in a row were closed before the session, weekends counted, else 0."""
    return flag(pl.col("closed_before") >= LONG_BREAK)


@feature(Scope.SERIES)
def days_listed() -> pl.Expr:
    """Sessions in which the code was listed, of the newest 750."""
    return columns.SESSIONS_LISTED


@feature(Scope.SERIES)
def mkt_prime() -> pl.Expr:
    """1 where the code is listed on Prime (market code 0111), else 0."""
    return flag(columns.SEGMENT == PRIME)


@feature(Scope.SERIES)
def mkt_growth() -> pl.Expr:
    """1 where the code is listed on Growth (market code 0113), else 0."""
    return flag(columns.SEGMENT == GROWTH)


@feature(Scope.SERIES)
def scale_bucket() -> pl.Expr:
    """Size by TOPIX category: 5 Core30, 4 Large70, 3 Mid400, 2 Small 1, 1 Small 2, 0 none of these."""
    buckets = (place * flag(columns.SCALE.eq(name)) for place, name in enumerate(SCALES))
    return sum(buckets, start=pl.lit(0.0))
