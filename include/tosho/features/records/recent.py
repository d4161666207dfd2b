"""Which documents and announcements an evening's records are made of: not those of ten years.

The state of a company is made of its newest period E, of sums up to days within fifteen months before E (a quarter a
year ago begins there), and of the newest twelve months with cash flows, if they end within a year before E: again with
fifteen months of sums. What was said of a fiscal year counts while that year is the one of E, or the one after it.
`test_recent.py` holds this against all documents, disturbed ones among them.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from tosho.features.records.record import Tables
from tosho.point_in_time.forecasts import is_statement
from tosho.point_in_time.months import months_before
from tosho.point_in_time.statements import states_something

MONTHS: Final = 28
"""Before the newest period, from which on statements are kept: 27, and one more for good measure."""

_YEARS: Final = ("year_end", "next_year_end")
_DAYS: Final = ("period_end", *_YEARS)


_DAYS_CLOSED: Final = 40
"""No exchange is closed for so many days on end: a day announced lies at most so far before its session."""


def recent_statements(tables: Tables, since: date) -> Tables:
    """Return tables without the statements that count for nothing known in sessions from `since` on.

    A company with a statement of odd dates (a period that ends after it, a year of more than eighteen months) keeps
    all its documents: what is said above may not hold for it.

    Args:
        tables: With `statements`.
        since: The first session whose state is asked for: of each company the last state up to it, and later ones.
    """
    statements = tables["statements"]
    if statements.is_empty():
        return tables
    own = pl.min_horizontal(_DAYS)
    newest = pl.col("period_end").filter(pl.col("session") <= since).max().over("code")
    stated = statements.filter(states_something()).with_columns(newest.alias("newest"))
    least = stated.group_by("code").agg(own.filter(pl.col("period_end") >= pl.col("newest")).min().alias("least"))
    odd = statements.filter(_is_odd())["code"].unique()
    is_summed = pl.col("period_end") >= months_before(pl.col("least"), MONTHS)
    is_told = pl.max_horizontal("session", *_YEARS) >= pl.col("least")
    is_kept = is_summed | is_told | pl.col("least").is_null() | pl.col("code").is_in(odd.implode())
    kept = statements.join(least, on="code", how="left", maintain_order="left").filter(is_kept).drop("least")
    return {**tables, "statements": kept}


def recent_announcements(tables: Tables, since: date) -> Tables:
    """Return tables without the announcements that count for nothing known in sessions from `since` on.

    Only days still to come are told. All announcements of a quarter are kept if one of them names a day that may be:
    of a quarter the last one holds.

    Args:
        tables: With `earnings_dates`.
        since: As for `recent_statements`.
    """
    said = tables["earnings_dates"]
    last = pl.col("session").filter(pl.col("session") <= since).max().over("code")
    to_come = pl.col("scheduled_on").max().over("code", "year_end", "quarter") >= last.dt.offset_by(f"-{_DAYS_CLOSED}d")
    is_last = pl.col("session") >= last
    return {**tables, "earnings_dates": said.filter(to_come | is_last | last.is_null())}


def _is_odd() -> pl.Expr:
    """Whether a statement's dates are not those of the past and of fiscal years of eighteen months at most."""
    period, year, following = (pl.col(name) for name in _DAYS)
    early = pl.col("session") < period
    long = (year < period) | (months_before(year, 18) > period)
    longer = (following <= year) | (months_before(following, 18) > year)
    return is_statement() & pl.any_horizontal(early, long, longer)
