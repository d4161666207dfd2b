"""markets/calendar to table `trading_days`: what J-Quants calls each day, to be held against our own calendar."""

from __future__ import annotations

from functools import partial
from typing import Final

import polars as pl

from tosho.calendar import published_on
from tosho.contracts import TRADING_DAYS as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, read, require, text
from tosho.ingest.sources.knowledge import known_from
from tosho.ingest.sources.source import Source, range_of, since_the_session_before

_SENT: Final = ("Date", "HolDiv")


def to_trading_days(rows: pl.DataFrame) -> pl.DataFrame:
    """Return days and their kinds; each belongs to the first session on or after it.

    A day's kind is told months before, when exactly nobody says: it counts as known when the day begins.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("calendar", rows, _SENT, _SENT)
    found = read("calendar", rows, day("Date").alias("day"), text("HolDiv").alias("division"))
    return known_from(found, "day", partial(published_on, "calendar")).select(CONTRACT.schema.names())


TRADING_DAYS: Final = Source(
    "trading_days", "calendar", plans.CALENDAR, to_trading_days,
    ask=range_of(since_the_session_before), days=since_the_session_before, day=pl.col("day"),
    by_code=False, by_range=True,
)  # fmt: skip
