"""Since when a row was known, and so to which session's partition it belongs.

A day that cannot be placed, because it is missing, beyond the calendar or no session where one is due, gives nulls:
the contract then sends the row to quarantine.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime

import polars as pl

from tosho.calendar import CalendarBoundError, NotASessionError, first_session_knowing

AT = pl.Datetime("us", "UTC")


def known_from(rows: pl.DataFrame, day: str, published: Callable[[date], datetime]) -> pl.DataFrame:
    """Add `known_at`, and `session`: the first one whose cutoff is at or after it.

    Args:
        rows: With a date column `day`.
        day: The column with the day that publication depends on.
        published: When what is of a day appears, in UTC.
    """
    table = pl.DataFrame(
        {
            day: (days := rows[day].drop_nulls().unique().sort().to_list()),
            "known_at": [instant_of(on, published) for on in days],
        },
        schema={day: pl.Date, "known_at": AT},
    )
    return with_session(rows.join(table, on=day, how="left", maintain_order="left"))


def with_session(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the first session whose cutoff is at or after `known_at`."""
    table = pl.DataFrame(
        {
            "known_at": (moments := rows["known_at"].drop_nulls().unique().sort().to_list()),
            "session": [_session_of(moment) for moment in moments],
        },
        schema={"known_at": AT, "session": pl.Date},
    )
    return rows.join(table, on="known_at", how="left", maintain_order="left")


def instant_of(day: date, published: Callable[[date], datetime]) -> datetime | None:
    """Return when what is of a day appears; None where the calendar cannot tell."""
    with suppress(CalendarBoundError, NotASessionError):
        return published(day)
    return None


def _session_of(moment: datetime) -> date | None:
    with suppress(CalendarBoundError, NotASessionError):
        return first_session_knowing(moment)
    return None
