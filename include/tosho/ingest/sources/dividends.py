"""fins/dividend to table `dividends`: notices of dividends, their corrections and withdrawals. Premium."""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from tosho.calendar import previous_session
from tosho.contracts import DIVIDENDS as CONTRACT
from tosho.contracts import ContractError
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, require_some, text, time_of_day
from tosho.ingest.sources.knowledge import AT, with_session
from tosho.ingest.sources.reading import Reading
from tosho.ingest.sources.source import Days, Source, each_of

_TEXTS: Final = {
    "Code": "code", "RefNo": "reference", "StatCode": "status", "IFCode": "interim_or_final",
    "FRCode": "forecast_or_result", "IFTerm": "term", "CARefNo": "corporate_action",
    "CommSpecCode": "commemorative_or_special",
}  # fmt: skip
_DAYS: Final = {
    "PubDate": "published_on", "BoardDate": "resolved_on", "RecDate": "record_on", "ExDate": "ex_on",
    "ActRecDate": "actual_record_on", "PayDate": "payable_on",
}  # fmt: skip
_NUMBERS: Final = {
    "DivRate": "rate", "DistAmt": "distribution", "RetEarn": "retained_earnings", "DeemDiv": "deemed_dividend",
    "DeemCapGains": "deemed_capital_gains", "NetAssetDecRatio": "net_asset_decrease",
    "CommDivRate": "commemorative_rate", "SpecDivRate": "special_rate",
}  # fmt: skip
_SENT: Final = (*_TEXTS, *_DAYS, "PubTime", *_NUMBERS)
_BLANK: Final = "-"
"""What J-Quants writes for an amount or a day that is not decided."""


def _dated(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `known_at`: the full hour after the notice's own time, as J-Quants updates."""
    require_some("dividend", rows, ["published_at"], "PubTime")
    if rows["published_on"].null_count():
        raise ContractError("Source dividend sent a notice without PubDate, so nobody can tell when it was known.")
    return with_session(rows.with_columns(_hour_after().alias("known_at")))


def _hour_after() -> pl.Expr:
    """Return the instant of the next full hour; of a notice without a time, the end of its day."""
    at = pl.col("published_on").dt.combine(pl.col("published_at")).dt.offset_by("59m59s").dt.truncate("1h")
    in_utc = at.dt.replace_time_zone("Asia/Tokyo").dt.convert_time_zone("UTC").cast(AT)
    return pl.coalesce(in_utc, _end_of_day())


def _end_of_day() -> pl.Expr:
    end = pl.col("published_on").cast(pl.Datetime("us")).dt.offset_by("1d")
    return end.dt.replace_time_zone("Asia/Tokyo").dt.convert_time_zone("UTC").cast(AT)


to_dividends: Final = Reading(
    CONTRACT,
    "dividend",
    _SENT,
    (
        *(text(sent).alias(name) for sent, name in _TEXTS.items()),
        *(day(sent, _BLANK).alias(name) for sent, name in _DAYS.items()),
        time_of_day("PubTime").alias("published_at"),
        *(number(sent, _BLANK).alias(name) for sent, name in _NUMBERS.items()),
    ),
    _dated,
)


def days_of_notices(session: date) -> Days | None:
    """Return the days whose notices may belong to a session: those of the evening before are after its cutoff."""
    return Days(previous_session(session), session)


DIVIDENDS: Final = Source(
    "dividends", "dividend", plans.DIVIDENDS, to_dividends,
    ask=each_of(days_of_notices), days=days_of_notices, day=pl.col("published_on"), late=_end_of_day(),
)  # fmt: skip
