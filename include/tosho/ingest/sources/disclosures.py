"""When what a company disclosed could be had from J-Quants.

A statement is known when J-Quants publishes it, not when the company disclosed it: one of 18:05 is in the edition of
half past midnight, so that no run of that evening can have seen it. It belongs to the next session, in history too.
"""

from __future__ import annotations

from datetime import date, time
from functools import partial
from typing import Final

import polars as pl

from tosho.calendar import previous_session, published_on
from tosho.contracts import ContractError
from tosho.ingest.sources.columns import require_some
from tosho.ingest.sources.knowledge import AT, instant_of, with_session
from tosho.ingest.sources.source import Days


def disclosure_days(session: date) -> Days | None:
    """Return the days on which a statement of a session's partition may have been disclosed."""
    return Days(previous_session(session), session)


def disclosed_on() -> pl.Expr:
    """Return the day of disclosure of a row: its editions appear between its noon and the next one."""
    return pl.col("known_at").dt.convert_time_zone("Asia/Tokyo").dt.offset_by("-12h").dt.date()


def in_editions(rows: pl.DataFrame, source: str) -> pl.DataFrame:
    """Add `known_at` and `session` to rows with `disclosed_on` and `disclosed_at`.

    What was disclosed until 18:00 is in the edition of that hour, what came later, or at no stated time, in the one
    of half past midnight.

    Raises:
        ContractError: A row does not say its day, or so many not one time of day, which would be late ones all.
    """
    require_some(source, rows, ["disclosed_at"], "DiscTime")
    if rows["disclosed_on"].null_count():
        raise ContractError(f"Source {source} sent a statement without DiscDate, so nobody can tell when it was known.")
    editions = _editions(rows["disclosed_on"].unique().sort().to_list())
    early = pl.col("disclosed_at").fill_null(time.max) <= pl.col("_closes")
    known = rows.join(editions, on="disclosed_on", how="left", maintain_order="left").with_columns(
        pl.when(early).then("_first").otherwise("_final").alias("known_at")
    )
    return with_session(known.drop("_first", "_final", "_closes"))


def last_edition() -> pl.Expr:
    """Return the instant of the last edition of a row's day: half past midnight after it."""
    end = disclosed_on().cast(pl.Datetime("us")).dt.offset_by("24h30m")
    return end.dt.replace_time_zone("Asia/Tokyo").dt.convert_time_zone("UTC")


_EDITION: Final = {"disclosed_on": pl.Date(), "_first": AT, "_final": AT}


def _editions(days: list[date]) -> pl.DataFrame:
    """Return for each day of disclosure when its two editions appear, and until when the first one takes any in."""
    first, final = partial(published_on, "fins_summary"), partial(published_on, "fins_summary_final")
    rows = [(on, instant_of(on, first), instant_of(on, final)) for on in days]
    frame = pl.DataFrame(rows, schema=_EDITION, orient="row")
    return frame.with_columns(pl.col("_first").dt.convert_time_zone("Asia/Tokyo").dt.time().alias("_closes"))
