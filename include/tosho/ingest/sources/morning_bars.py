"""equities/bars/daily/am to table `morning_bars`: today's morning, from noon until six the next day. Premium."""

from __future__ import annotations

from functools import partial
from typing import Final

import polars as pl

from tosho.calendar import published_on
from tosho.contracts import MORNING_BARS as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, read, require, text
from tosho.ingest.sources.knowledge import known_from
from tosho.ingest.sources.source import Query, Source

_NUMBERS: Final = {"MO": "open", "MH": "high", "ML": "low", "MC": "close", "MVo": "volume", "MVa": "turnover_yen"}
_SENT: Final = ("Date", "Code", *_NUMBERS)


def to_morning_bars(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the morning's bars, unadjusted; nulls where nothing was traded.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("bars_am", rows, _SENT, _SENT)
    found = read(
        "bars_am",
        rows,
        day("Date").alias("traded_on"),
        text("Code").alias("code"),
        *(number(sent).alias(name) for sent, name in _NUMBERS.items()),
    )
    return known_from(found, "traded_on", partial(published_on, "bars_am")).select(CONTRACT.schema.names())


def ask_today(_: object) -> list[Query]:
    """Ask without a date: there is only what there is now."""
    return [{}]


MORNING_BARS: Final = Source(
    "morning_bars", "bars_am", plans.BARS_AM, to_morning_bars, ask=ask_today, of_the_moment=True
)
