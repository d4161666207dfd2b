"""fins/earnings-date to table `earnings_dates`: when companies will speak, with every change of mind."""

from __future__ import annotations

from functools import partial
from typing import Final

import polars as pl

from tosho.calendar import published_on
from tosho.contracts import EARNINGS_DATES as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, read, require, text
from tosho.ingest.sources.knowledge import known_from
from tosho.ingest.sources.source import Source, each_of, since_the_session_before

_TEXTS: Final = {"Code": "code", "FQName": "quarter", "FYE": "year_end", "CoName": "name", "CoNameEn": "name_en"}
_DAYS: Final = {"PubDate": "published_on", "SchDate": "scheduled_on"}
_SENT: Final = (*_TEXTS, *_DAYS)


def to_earnings_dates(rows: pl.DataFrame) -> pl.DataFrame:
    """Return a row an announcement; `scheduled_on` is null while the company has not decided.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("earnings_date", rows, _SENT, _SENT)
    found = read(
        "earnings_date",
        rows,
        *(text(sent).alias(name) for sent, name in _TEXTS.items()),
        *(day(sent).alias(name) for sent, name in _DAYS.items()),
    )
    published = partial(published_on, "earnings_date")
    return known_from(found, "published_on", published).select(CONTRACT.schema.names())


EARNINGS_DATES: Final = Source(
    "earnings_dates", "earnings_date", plans.EARNINGS_DATE, to_earnings_dates,
    ask=each_of(since_the_session_before), days=since_the_session_before, day=pl.col("published_on"),
    by_code=False,  # takes a code or a day, not both
)  # fmt: skip
