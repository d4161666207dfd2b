"""The one door to exchange_calendars: which days were, are and will be sessions of the Tokyo Stock Exchange (XTKS)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

FIRST = date(2000, 1, 1)
LAST = date(2035, 12, 31)
"""The bounds within which a day is known. Beyond LAST the law may move holidays: equinoxes are announced a year ahead.

They are passed to the library explicitly: its own default ends a year after the process began, which would make a
schedule depend on when the scheduler was last restarted.
"""

WARN_AHEAD = timedelta(days=730)
REFUSE_AHEAD = timedelta(days=365)
"""How long before LAST a check warns, and how long before it a schedule is refused."""

SYSTEM_FAILURE = date(2020, 10, 1)
"""A day on which nothing traded: the exchange stopped all issues from the open to the close.

The rule here: it is no session, because a session is a day on which prices were formed. Windows, horizons and
next-session arithmetic step over it. J-Quants sends rows of nulls for it; they are never asked for.
Source: the exchange's notice of 2020-10-01, and exchange_calendars, which lists it as an ad-hoc closure.
"""


class CalendarBoundError(ValueError):
    """A question reaches past the days that the calendar knows."""


class NotASessionError(ValueError):
    """A day was given where a session is needed."""


@lru_cache(maxsize=1)
def all_sessions() -> tuple[date, ...]:
    """Return every session from FIRST to LAST, in order. The first call in a process loads the library."""
    import exchange_calendars  # here, as it loads pandas: a Dag file that names a session must not pay for it

    known = exchange_calendars.exchange_calendar_xtks.XTKSExchangeCalendar(
        start=FIRST.isoformat(), end=LAST.isoformat()
    )
    return tuple(label.date() for label in known.sessions)


def within_bounds(day: date) -> date:
    """Return the day as it is.

    Raises:
        CalendarBoundError: It lies before FIRST or after LAST.
    """
    if not FIRST <= day <= LAST:
        raise CalendarBoundError(
            f"{day} was asked for; the TSE calendar is known from {FIRST} to {LAST}. "
            "Ask within these bounds, or move them in tosho/calendar/xtks.py with a newer exchange_calendars."
        )
    return day


def sessions_left(moment: datetime) -> int:
    """Return how many known sessions open after a moment."""
    return sum(session > moment.astimezone(UTC).date() for session in all_sessions())


def bound_warning(moment: datetime) -> str:
    """Return a sentence when the calendar's end is less than WARN_AHEAD away, else nothing."""
    left = LAST - moment.astimezone(UTC).date()
    if left >= WARN_AHEAD:
        return ""
    return (
        f"The TSE calendar is known to {LAST}, {left.days} days from now; schedules are refused when fewer than "
        f"{REFUSE_AHEAD.days} are left. Upgrade exchange_calendars and move LAST in tosho/calendar/xtks.py."
    )


def refuse_near_bound(moment: datetime) -> None:
    """Stop what is about to be scheduled when the calendar's end is less than REFUSE_AHEAD away.

    Raises:
        CalendarBoundError: It is; a schedule would end without a word otherwise.
    """
    if LAST - moment.astimezone(UTC).date() < REFUSE_AHEAD:
        raise CalendarBoundError(bound_warning(moment))
