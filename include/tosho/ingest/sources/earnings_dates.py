"""fins/earnings-date to table `earnings_dates`: when companies will speak, with every change of mind."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.contracts import EARNINGS_DATES as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, text
from tosho.ingest.sources.reading import Reading, published_with
from tosho.ingest.sources.source import Source, each_of, since_the_session_before

_TEXTS: Final = {"Code": "code", "FQName": "quarter", "FYE": "year_end", "CoName": "name", "CoNameEn": "name_en"}
_DAYS: Final = {"PubDate": "published_on", "SchDate": "scheduled_on"}
_SENT: Final = (*_TEXTS, *_DAYS)


to_earnings_dates: Final = Reading(
    CONTRACT,
    "earnings_date",
    _SENT,
    (
        *(text(sent).alias(name) for sent, name in _TEXTS.items()),
        *(day(sent).alias(name) for sent, name in _DAYS.items()),
    ),
    published_with("published_on", "earnings_date"),
)


EARNINGS_DATES: Final = Source(
    "earnings_dates", "earnings_date", plans.EARNINGS_DATE, to_earnings_dates,
    ask=each_of(since_the_session_before), days=since_the_session_before, day=pl.col("published_on"),
    by_code=False,  # takes a code or a day, not both
)  # fmt: skip
