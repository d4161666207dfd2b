"""When a company will speak next, as announced.

A company announces a day for each quarter and may move it, more than once. Of each quarter the last announcement
known holds. The record lists the announced days still to come, since by the next announcement the first may have
passed: those of a year are enough.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.features.records.places import places
from tosho.features.records.recent import recent_announcements
from tosho.features.records.record import Grain, Records, Tables

COUNT: Final = 4
NEXT_EARNINGS: Final = tuple(pl.col(f"earn_place_{number}") for number in range(1, COUNT + 1))
"""Numbers in the exchange's calendar of the sessions, each the first on or after an announced day, soonest first."""

_ANNOUNCED: Final = ("code", "year_end", "quarter")
_SPAN: Final = 32
"""Sessions that are looked through together, so that not every announcement of a code meets every other."""


def next_earnings(tables: Tables) -> pl.DataFrame:
    """Return for each code and session with an announcement the days then to come: session, code, NEXT_EARNINGS.

    A day without a session counts as the next session. Null beyond the number of days announced; a day that is
    withdrawn, undecided again, or beyond the calendar is none.
    """
    said = tables["earnings_dates"].sort("known_at", "published_on", "scheduled_on", nulls_last=False)
    said = said.unique([*_ANNOUNCED, "session"], keep="last", maintain_order=True)
    said = said.with_columns(places(said["session"]).alias("at"), places(said["scheduled_on"]).alias("announced"))
    replaced = pl.col("at").shift(-1).over(_ANNOUNCED, order_by="at")
    said = said.with_columns(pl.min_horizontal("announced", replaced - 1).alias("until"))
    moments = said.select("session", "code", "at").unique()
    coming = _in_force(moments, said).group_by("code", "at").agg(pl.col("announced").unique().sort())
    days = (pl.col("announced").list.get(n, null_on_oob=True).alias(f"earn_place_{n + 1}") for n in range(COUNT))
    return moments.join(coming, on=["code", "at"], how="left").select("session", "code", *days)


def _in_force(moments: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Return each moment (code, at) with every announcement of its code that holds then and is not past."""
    held = said.filter(pl.col("announced").is_not_null(), pl.col("until") >= pl.col("at"))
    spans = pl.int_ranges(pl.col("at") // _SPAN, pl.col("until") // _SPAN + 1).alias("span")
    held = held.select("code", "announced", "until", pl.col("at").alias("since"), spans).explode("span")
    asked = moments.select("code", "at", (pl.col("at") // _SPAN).cast(pl.Int64).alias("span"))
    return asked.join(held, on=["code", "span"]).filter(pl.col("at").is_between("since", "until"))


EARN: Final = Records(
    *("earn", Grain.CODE, ("earnings_dates",), tuple(day.meta.output_name() for day in NEXT_EARNINGS), next_earnings),
    recent=recent_announcements,
)
"""Known since the morning of its publication (10:05)."""
