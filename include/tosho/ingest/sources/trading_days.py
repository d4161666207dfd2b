"""markets/calendar to table `trading_days`: what J-Quants calls each day, to be held against our own calendar."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.contracts import TRADING_DAYS as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, text
from tosho.ingest.sources.reading import Reading, published_with
from tosho.ingest.sources.source import Source, range_of, since_the_session_before

_SENT: Final = ("Date", "HolDiv")


to_trading_days: Final = Reading(
    CONTRACT,
    "calendar",
    _SENT,
    (day("Date").alias("day"), text("HolDiv").alias("division")),
    published_with("day", "calendar"),
)
"""A day's kind is told months before, when exactly nobody says: it counts as known when the day begins."""

TRADING_DAYS: Final = Source(
    "trading_days", "calendar", plans.CALENDAR, to_trading_days,
    ask=range_of(since_the_session_before), days=since_the_session_before, day=pl.col("day"),
    by_code=False, by_range=True,
)  # fmt: skip
