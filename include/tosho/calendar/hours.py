"""When a session opens and closes: facts that change with time, each with the session it holds from."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

from tosho.calendar.sessions import place
from tosho.calendar.xtks import FIRST, all_sessions

JST = timezone(timedelta(hours=9), "JST")
"""Japan has kept one offset since 1951, so that no time-zone database is needed."""

Dated = tuple[tuple[date, timedelta], ...]
"""Times of the day since midnight in Japan, each with the day from which it holds; the earliest first."""

OPEN: Final[Dated] = ((FIRST, timedelta(hours=9)),)
CLOSE: Final[Dated] = ((FIRST, timedelta(hours=15)), (date(2024, 11, 5), timedelta(hours=15, minutes=30)))
"""The closing auction and the later close came with arrowhead 4.0 on 2024-11-05 (JPX, notice of 2023-09-20)."""

HALF_DAY_CLOSE = timedelta(hours=11)
LAST_HALF_DAY = date(2009, 1, 5)
"""The first and the last session of a year ended with the morning until here; 2009-12-30 was the first full last one.

exchange_calendars does not know this; J-Quants marks such days HolDiv 2. Only planned hours are kept: an
interruption, such as that of 2006-01-18, does not move a close.
"""


def in_force(dated: Dated, session: date) -> timedelta:
    """Return the time that holds for a session: the last one that began on or before it."""
    return [at for since, at in dated if since <= session][-1]


def instant(session: date, since_midnight: timedelta) -> datetime:
    """Return a time of a session's day in Japan as UTC; 24 hours and more lie on the next day."""
    return (datetime.combine(session, time(), JST) + since_midnight).astimezone(UTC)


def is_half_day(session: date) -> bool:
    """Tell whether a session had a morning only.

    Raises:
        NotASessionError: The day is no session.
    """
    here, known = place(session), all_sessions()
    if session > LAST_HALF_DAY:
        return False
    return here == 0 or {known[here - 1].year, known[here + 1].year} != {session.year}


def open_at(session: date) -> datetime:
    """Return when a session opens, in UTC: midnight UTC, as the exchange opens at 09:00 in Japan.

    Raises:
        NotASessionError: The day is no session.
    """
    place(session)
    return instant(session, in_force(OPEN, session))


def close_at(session: date) -> datetime:
    """Return when a session closes, in UTC.

    >>> close_at(date(2024, 11, 1)).hour, close_at(date(2024, 11, 5)).minute
    (6, 30)

    Raises:
        NotASessionError: The day is no session.
    """
    return instant(session, HALF_DAY_CLOSE if is_half_day(session) else in_force(CLOSE, session))
