"""equities/bars/daily/am to table `morning_bars`: today's morning, from noon until six the next day. Premium."""

from __future__ import annotations

from typing import Final

from tosho.contracts import MORNING_BARS as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, text
from tosho.ingest.sources.reading import Reading, published_in
from tosho.ingest.sources.source import Query, Source

_NUMBERS: Final = {"MO": "open", "MH": "high", "ML": "low", "MC": "close", "MVo": "volume", "MVa": "turnover_yen"}
_SENT: Final = ("Date", "Code", *_NUMBERS)


to_morning_bars: Final = Reading(
    CONTRACT,
    "bars_am",
    _SENT,
    (
        day("Date").alias("traded_on"),
        text("Code").alias("code"),
        *(number(sent).alias(name) for sent, name in _NUMBERS.items()),
    ),
    published_in("traded_on", "bars_am"),
)


def ask_today(_: object) -> list[Query]:
    """Ask without a date: there is only what there is now."""
    return [{}]


MORNING_BARS: Final = Source(
    "morning_bars", "bars_am", plans.BARS_AM, to_morning_bars, ask=ask_today, of_the_moment=True
)
