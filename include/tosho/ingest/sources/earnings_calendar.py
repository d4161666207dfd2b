"""equities/earnings-calendar to table `earnings_calendar`: who speaks on the next business day, told at 19:00."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

import polars as pl

from tosho.calendar import previous_session, published_at
from tosho.contracts import EARNINGS_CALENDAR as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, read, require, require_some, text
from tosho.ingest.sources.knowledge import known_from
from tosho.ingest.sources.morning_bars import ask_today
from tosho.ingest.sources.source import Source

_TEXTS: Final = {
    "Code": "code", "CoName": "name", "FY": "year_end", "SectorNm": "sector", "FQ": "quarter", "Section": "section",
}  # fmt: skip
_SENT: Final = ("Date", *_TEXTS)


def to_earnings_calendar(rows: pl.DataFrame) -> pl.DataFrame:
    """Return a row an announcement; the evening before it is after the cutoff, so that it is known on its own day.

    Rows without a day are those of companies that have not decided: they say nothing that `earnings_dates` does not.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("earnings_calendar", rows, _SENT, _SENT)
    found = read(
        "earnings_calendar",
        rows,
        day("Date").alias("scheduled_on"),
        *(text(sent).alias(name) for sent, name in _TEXTS.items()),
    )
    require_some("earnings_calendar", found, ["scheduled_on"], "Date")
    return known_from(found.filter(pl.col("scheduled_on").is_not_null()), "scheduled_on", _told).select(
        CONTRACT.schema.names()
    )


def _told(on: date) -> datetime:
    return published_at("earnings_calendar", previous_session(on))


EARNINGS_CALENDAR: Final = Source(
    "earnings_calendar", "earnings_calendar", plans.EARNINGS_CALENDAR, to_earnings_calendar,
    ask=ask_today, of_the_moment=True, by_code=False,
)  # fmt: skip
