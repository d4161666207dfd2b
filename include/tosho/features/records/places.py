"""The numbers of sessions, for records that say when something happened or will."""

from __future__ import annotations

import polars as pl

from tosho import calendar
from tosho.calendar.xtks import LAST


def places(days: pl.Series) -> pl.Series:
    """Return the number, in the exchange's calendar, of the first session on or after each day.

    Null where the day is null or the calendar does not know such a session.
    """
    known = pl.Series("session", calendar.sessions(calendar.FIRST, LAST))
    asked = pl.DataFrame({"day": days}).with_columns(known.search_sorted(days).cast(pl.Int32).alias("place"))
    within = pl.col("day").is_between(calendar.FIRST, known[-1])
    return asked.select(pl.when(within).then("place")).to_series()
