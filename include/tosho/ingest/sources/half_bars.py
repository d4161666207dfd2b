"""The morning's and the afternoon's columns of equities/bars/daily to table `half_bars`. Premium."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Final

import polars as pl

from tosho.calendar import close_at, is_half_day, published_at
from tosho.contracts import HALF_BARS as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.bars import KNOWN
from tosho.ingest.sources.columns import day, flag, number, read, require, require_some, text
from tosho.ingest.sources.knowledge import instant_of, known_from
from tosho.ingest.sources.source import Source

_HALVES: Final = ("M", "A")
_NUMBERS: Final = {"O": "open", "H": "high", "L": "low", "C": "close", "Vo": "volume", "Va": "turnover_yen"}
_FLAGS: Final = {"UL": "upper_limit_hit", "LL": "lower_limit_hit"}
_NEEDED: Final = ("Date", "Code", *(half + name for half in _HALVES for name in (*_NUMBERS, *_FLAGS)))


def to_half_bars(rows: pl.DataFrame) -> pl.DataFrame:
    """Return two rows a bar, unadjusted; a half without a trade has nulls.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("bars_daily", rows, _NEEDED, KNOWN)
    halves = [_half(rows, half) for half in _HALVES]
    for half, found in zip(_HALVES, halves, strict=True):
        there = found if half == "M" else found.filter(~pl.col("traded_on").is_in(_half_days(found)))
        require_some("bars_daily", there, [*_NUMBERS.values(), *_FLAGS.values()], f"{half}O .. {half}LL")
    found = pl.concat(halves)
    published = partial(published_at, "bars_daily")
    return known_from(found, "traded_on", published).select(CONTRACT.schema.names())


def _half_days(rows: pl.DataFrame) -> list[date]:
    """Return the sessions that had no afternoon."""
    days = rows["traded_on"].drop_nulls().unique().to_list()
    return [day for day in days if instant_of(day, close_at) and is_half_day(day)]


def _half(rows: pl.DataFrame, half: str) -> pl.DataFrame:
    return read(
        "bars_daily",
        rows,
        day("Date").alias("traded_on"),
        text("Code").alias("code"),
        pl.lit(half).alias("half"),
        *(number(half + sent).alias(name) for sent, name in _NUMBERS.items()),
        *(flag(half + sent).alias(name) for sent, name in _FLAGS.items()),
    )


HALF_BARS: Final = Source("half_bars", "bars_daily", plans.BARS, to_half_bars, half_days=True)
