"""fins/summary to table `shares`: shares outstanding as companies state them, and since when that was known.

A statement is known when J-Quants publishes it, not when the company disclosed it: one of 18:05 is in the edition of
half past midnight, so that no run of that evening can have seen it. It belongs to the next session, in history too.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import polars as pl

from tosho.calendar import JST, is_session, latest_session, next_session, previous_session, published_at
from tosho.contracts import SHARES, ContractError
from tosho.ingest.columns import day, number, read, require, text

_NEEDED: Final = ("DiscDate", "DiscTime", "Code", "DiscNo", "ShOutFY", "TrShFY")
_AT: Final = pl.Datetime("us", "UTC")


def to_shares(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the shares outstanding net of treasury stock, in the columns of `shares`.

    Documents that state no number of shares (forecast revisions, for example) say nothing here. Of several by one
    code in one edition the last disclosed holds. Other columns are not looked at: fins/summary grows every year.

    Args:
        rows: Text columns of fins/summary. No treasury stock may be sent as "".

    Raises:
        ContractError: A column is missing, or a value cannot be read.
    """
    if not rows.height:
        return SHARES.empty()
    require("fins_summary", rows, _NEEDED)
    issued, treasury = number("ShOutFY"), number("TrShFY").fill_null(0.0)
    stated = read(
        "fins_summary",
        rows,
        day("DiscDate").alias("disclosed_on"),
        _time("DiscTime").fill_null(time.max).alias("at"),
        text("DiscNo").alias("number"),
        text("Code").alias("code"),
        (issued - treasury).alias("shares_outstanding"),
    ).filter(pl.col("shares_outstanding").is_not_null())
    if stated["disclosed_on"].null_count():
        raise ContractError(
            "Source fins_summary sent a statement without DiscDate, so nobody can tell when it was known."
        )
    editions = _editions(stated["disclosed_on"].unique().to_list())
    known = stated.join(editions, on="disclosed_on", how="left").with_columns(
        pl.when(pl.col("at") <= pl.col("closes")).then("first").otherwise("final").alias("known_at")
    )
    last = known.sort("at", "number").unique(["code", "known_at"], keep="last", maintain_order=True)
    return last.join(_sessions_knowing(last["known_at"]), on="known_at", how="left").select(SHARES.schema.names())


def disclosure_dates(session: date) -> list[date]:
    """Return the days on which a statement of a session's partition may have been disclosed, in order."""
    before = previous_session(session)
    return [before + timedelta(days=n) for n in range((session - before).days + 1)]


def disclosed_on() -> pl.Expr:
    """Return the day of disclosure of a row of `shares`: its editions appear between its noon and the next one."""
    return pl.col("known_at").dt.convert_time_zone("Asia/Tokyo").dt.offset_by("-12h").dt.date()


def first_session_knowing(moment: datetime) -> date:
    """Return the first session whose cutoff is at a moment or later."""
    return next_session(latest_session(moment - timedelta(microseconds=1)))


def _time(name: str) -> pl.Expr:
    """Return a time of day, written with or without seconds; "" is null."""
    return text(name).str.replace(r"^(\d{1,2}:\d{2})$", "${1}:00").str.to_time("%H:%M:%S")


def _editions(days: list[date]) -> pl.DataFrame:
    """Return for each day of disclosure when its two editions appear, and until when the first one takes any in."""
    rows = [(on, _published("fins_summary", on), _published("fins_summary_final", on)) for on in days]
    frame = pl.DataFrame(rows, schema={"disclosed_on": pl.Date, "first": _AT, "final": _AT}, orient="row")
    closes = pl.col("first").dt.convert_time_zone("Asia/Tokyo").dt.time()
    return frame.with_columns(closes.alias("closes"))


def _published(source: str, on: date) -> datetime:
    """Return when a source appears for a day; on days without a session, at the hour of the session before."""
    session = on if is_session(on) else previous_session(on)
    return (published_at(source, session).astimezone(JST) + (on - session)).astimezone(UTC)


def _sessions_knowing(moments: pl.Series) -> pl.DataFrame:
    rows = [(moment, first_session_knowing(moment)) for moment in moments.unique().to_list()]
    return pl.DataFrame(rows, schema={"known_at": _AT, "session": pl.Date}, orient="row")
