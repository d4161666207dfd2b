"""What options on the Nikkei 225 say of a trading day: table `options_225`, known from the next session on.

A day's chain holds thousands of contracts; `summary` makes one row of it. Sessions are read by themselves, so that
years can be handed over in pieces and the rows put together. Implied volatilities are the vendor's, of contracts for
which it is above zero. Time runs in calendar days from the trading day to the special quotation (SQ). A session that
knows two trading days, as after a holiday on which options were traded, takes the newer.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Final

import polars as pl

from tosho import calendar
from tosho.calendar.xtks import LAST, SYSTEM_FAILURE
from tosho.features.records.record import Grain, Records, Tables

READS: Final = (
    *("session", "traded_on", "emergency_margin", "special_quotation_day", "put_or_call", "strike"),
    *("volume", "open_interest", "underlying_price", "implied_volatility", "interest_rate"),
)
"""The columns of `options_225` that `summary` needs."""

AT_SETTLEMENT, PUT, CALL = "002", "1", "2"
NEAR, FAR = 30, 60
"""Calendar days to SQ for which volatility is told."""
A_MONTH: Final = 42
"""No two months in succession expire further apart: 35 days, and a week for holidays."""
NEAREST_WITHIN: Final = 0.05
"""How far from the underlying, as a fraction of it, the strike at the money may lie."""
QUARTER_DELTA: Final = NormalDist().inv_cdf(0.75)
"""|d1| of an option out of the money whose delta is a quarter, up or down."""
DAYS_A_YEAR: Final = 365

IV_30, IV_60 = pl.col("options_iv_30"), pl.col("options_iv_60")
"""Implied volatility at the money by year, as a fraction."""
PUT_IV_30, CALL_IV_30 = pl.col("options_put_iv_30"), pl.col("options_call_iv_30")
"""That of a put and of a call out of the money, of 25 delta."""
PUT_INTEREST, CALL_INTEREST = pl.col("options_put_interest"), pl.col("options_call_interest")
"""Open contracts over all strikes and months."""
PUT_VOLUME, CALL_VOLUME = pl.col("options_put_volume"), pl.col("options_call_volume")
"""Contracts traded."""
UNDERLYING = pl.col("options_underlying")
"""The Nikkei 225, in points."""
TO_SQ = pl.col("options_to_sq")
"""Business days from the session to the SQ of the front month."""

_MONTH: Final = ("session", "special_quotation_day")
_IV, _DAYS, _D1 = pl.col("implied_volatility"), pl.col("days"), pl.col("d1")


def summary(options: pl.DataFrame) -> pl.DataFrame:
    """Return session and the columns of `OPTIONS`, a row for each session that has contracts, in order.

    Volatility of 30 and 60 days is interpolated in total variance (IV^2 x days) between the months around them, and
    that of the nearest month where none expires earlier. It is null where no month expires within the six weeks after.

    Args:
        options: Whole sessions, in any order of rows, with the columns `READS`.
    """
    chain = _newest_day(options)
    months = _months(chain)
    volatilities = months.group_by("session", maintain_order=True).agg(
        _at("at_the_money", NEAR).alias("options_iv_30"),
        _at("at_the_money", FAR).alias("options_iv_60"),
        _at("put", NEAR).alias("options_put_iv_30"),
        _at("call", NEAR).alias("options_call_iv_30"),
    )
    front = pl.col("special_quotation_day").filter(pl.col("special_quotation_day") >= pl.col("session")).min()
    told = chain.group_by("session").agg(
        _sum("open_interest", PUT).alias("options_put_interest"),
        _sum("open_interest", CALL).alias("options_call_interest"),
        _sum("volume", PUT).alias("options_put_volume"),
        _sum("volume", CALL).alias("options_call_volume"),
        pl.col("underlying").first().alias("options_underlying"),
        front.alias("front"),
    )
    told = told.sort("session").join(volatilities, on="session", how="left", maintain_order="left")
    return told.with_columns(_business_days(told["session"], told["front"]).alias("options_to_sq")).select(
        "session", *OPTIONS.columns
    )


def known_options(tables: Tables) -> pl.DataFrame:
    """Return what `summary` says of the table."""
    return summary(tables["options_225"])


def _newest_day(options: pl.DataFrame) -> pl.DataFrame:
    """Return the contracts of each session's newest trading day as they were at settlement.

    With `underlying`, the same for all of them, `days` to SQ and `implied_volatility` and `interest_rate` as fractions.
    """
    settled = options.select(READS).filter(pl.col("emergency_margin") == AT_SETTLEMENT)
    newest = settled.filter(pl.col("traded_on") == pl.col("traded_on").max().over("session"))
    return newest.with_columns(
        _above_zero("underlying_price").median().over("session").alias("underlying"),
        (pl.col("special_quotation_day") - pl.col("traded_on")).dt.total_days().alias("days"),
        _above_zero("implied_volatility") / 100,
        pl.col("interest_rate") / 100,
    )


def _months(chain: pl.DataFrame) -> pl.DataFrame:
    """Return implied volatility by session and month, ordered by days to SQ: `at_the_money`, `put`, `call`."""
    quoted = chain.filter(_IV.is_not_null() & pl.col("underlying").is_not_null() & (_DAYS > 0) & (pl.col("strike") > 0))
    quoted = quoted.filter(_DAYS <= FAR + A_MONTH)
    days = quoted.select(*_MONTH, "days").unique()
    found = days.join(_at_the_money(quoted), on=_MONTH, how="left").join(
        _out_of_the_money(quoted), on=_MONTH, how="left"
    )
    return found.sort("session", "days")


def _at_the_money(quoted: pl.DataFrame) -> pl.DataFrame:
    """Return each month's mean of put and call at the strike nearest to the underlying, of two the lower.

    Only strikes with both count, and those within a twentieth of the underlying.
    """
    distance = (pl.col("strike") - pl.col("underlying")).abs()
    close = quoted.filter(distance <= NEAREST_WITHIN * pl.col("underlying"))
    strikes = close.group_by(*_MONTH, "strike").agg(distance.first().alias("distance"), _side(PUT), _side(CALL))
    both = strikes.drop_nulls(["put", "call"]).sort(*_MONTH, "distance", "strike")
    nearest = both.unique(_MONTH, keep="first", maintain_order=True)
    return nearest.select(*_MONTH, ((pl.col("put") + pl.col("call")) / 2).alias("at_the_money"))


def _side(side: str) -> pl.Expr:
    return _IV.filter(pl.col("put_or_call") == side).max().alias("put" if side == PUT else "call")


def _out_of_the_money(quoted: pl.DataFrame) -> pl.DataFrame:
    """Return each month's volatility of 25 delta, of puts and calls.

    The delta is that of Black and Scholes on the underlying without dividends. Between the two strikes around it
    volatility is interpolated linearly in d1; null where it lies beyond the listed strikes.
    """
    years = _DAYS / DAYS_A_YEAR
    above = (pl.col("underlying") / pl.col("strike")).log() + (pl.col("interest_rate") + _IV * _IV / 2) * years
    sign = pl.when(pl.col("put_or_call") == PUT).then(1.0).when(pl.col("put_or_call") == CALL).then(-1.0)
    placed = quoted.with_columns((sign * above / (_IV * years.sqrt())).alias("d1")).drop_nulls("d1")
    inner, outer = _D1 < QUARTER_DELTA, _D1 >= QUARTER_DELTA
    sides = placed.sort("d1", "implied_volatility").group_by(*_MONTH, "put_or_call", maintain_order=True).agg(
        _D1.filter(inner).last().alias("inner"), _IV.filter(inner).last().alias("inner_iv"),
        _D1.filter(outer).first().alias("outer"), _IV.filter(outer).first().alias("outer_iv"),
    )  # fmt: skip
    share = (QUARTER_DELTA - pl.col("inner")) / (pl.col("outer") - pl.col("inner"))
    iv = (pl.col("inner_iv") + (pl.col("outer_iv") - pl.col("inner_iv")) * share).alias("implied_volatility")
    return sides.with_columns(iv).group_by(_MONTH).agg(_side(PUT), _side(CALL))


def _at(column: str, days: int) -> pl.Expr:
    """Return a column of `_months` for a number of days to SQ, from the months of one session in order."""
    known, variance = pl.col(column).is_not_null(), pl.col(column) * pl.col(column) * _DAYS
    before, after = known & (days > _DAYS), known & _DAYS.is_between(days, days + A_MONTH)
    # without a month before, the way begins at nothing after no days: the volatility stays that of the month after
    began, begun = _DAYS.filter(before).last().fill_null(0), variance.filter(before).last().fill_null(0.0)
    share = (days - began) / (_DAYS.filter(after).first() - began)
    total = begun + (variance.filter(after).first() - begun) * share
    return (total / days).sqrt()


def _sum(column: str, side: str) -> pl.Expr:
    """Return the sum over one side's contracts that have the number; null where none has."""
    numbers = pl.col(column).filter(pl.col("put_or_call") == side)
    return pl.when(numbers.count() > 0).then(numbers.sum())


def _above_zero(column: str) -> pl.Expr:
    return pl.when(pl.col(column) > 0).then(pl.col(column))


def _business_days(sessions: pl.Series, until: pl.Series) -> pl.Series:
    """Return how many business days the second comes after the first; null where it is beyond the calendar.

    As in `dates`, 2020-10-01 is one: that nothing traded on it nobody knew.
    """
    days = pl.Series(sorted({*calendar.sessions(calendar.FIRST, LAST), SYSTEM_FAILURE}), dtype=pl.Date)
    count = days.search_sorted(until).cast(pl.Float64) - days.search_sorted(sessions)
    return pl.select(pl.when(until <= LAST).then(count)).to_series()


OPTIONS: Final = Records(
    name="options",
    grain=Grain.MARKET,
    tables=("options_225",),
    columns=tuple(
        column.meta.output_name()
        for column in (
            *(IV_30, IV_60, PUT_IV_30, CALL_IV_30, PUT_INTEREST, CALL_INTEREST, PUT_VOLUME, CALL_VOLUME),
            *(UNDERLYING, TO_SQ),
        )
    ),
    make=known_options,
    lasts=0,  # yesterday's chain is not taken for today's
)
