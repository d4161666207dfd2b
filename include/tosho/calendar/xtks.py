"""The one door to exchange_calendars: which days were, are and will be sessions of the Tokyo Stock Exchange (XTKS)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.metadata import version
from typing import NamedTuple

from tosho.config.caches import remembered

FIRST = date(2000, 1, 1)
LAST = date(2035, 12, 31)
"""The bounds within which a day is known. Beyond LAST the law may move holidays: equinoxes are announced a year ahead.

They are passed to the library explicitly: its own default ends a year after the process began, which would make a
schedule depend on when the scheduler was last restarted.
"""

WARN_AHEAD = timedelta(days=730)
REFUSE_AHEAD = timedelta(days=365)
"""How long before LAST a check warns, and how long before it a schedule is refused."""


class Disagreement(NamedTuple):
    """A day that J-Quants' calendar and this one call by different names, and which one holds here, with the reason."""

    day: date
    division: str
    is_session: bool
    reason: str


DISAGREEMENTS = (
    Disagreement(
        date(2020, 10, 1),
        division="1",
        is_session=False,
        reason="a system failure stopped all trading from open to close",
    ),
)
"""Days on which J-Quants' HolDiv (1 a business day, 2 a half day, else closed) says other than `sessions` here.

The rule: a session is a day on which prices were formed. On 2020-10-01 none was; J-Quants calls it a business day and
sends rows of nulls, and for indices the close of the day before. So windows, horizons and next-session arithmetic
step over it; its rows are never asked for, and those that files hold are set aside. Only what was planned counts it
as a day: the exchange's own calendar in advance, where nobody knew. Any other day on which the two differ is a fault
of one of them, and stops the run that meets it until it is added here.
Source: the exchange's notice of 2020-10-01, and exchange_calendars, which lists it as an ad-hoc closure.
"""

SYSTEM_FAILURE = DISAGREEMENTS[0].day
"""The day on which nothing traded although the exchange had meant to open."""


class CalendarBoundError(ValueError):
    """A question reaches past the days that the calendar knows."""


class NotASessionError(ValueError):
    """A day was given where a session is needed."""


@lru_cache(maxsize=1)
def all_sessions() -> tuple[date, ...]:
    """Return every session from FIRST to LAST, in order.

    Loading the library and laying out its years takes a second, in every task of every evening: what it said is kept.
    """
    depends = (version("exchange_calendars"), version("pandas"), FIRST.isoformat(), LAST.isoformat())
    return tuple(map(date.fromisoformat, remembered("sessions", depends, _listed)))


def _listed() -> list[str]:
    """Return the library's sessions as ISO dates."""
    import exchange_calendars  # here, as it loads pandas: a Dag file that names a session must not pay for it

    known = exchange_calendars.exchange_calendar_xtks.XTKSExchangeCalendar(
        start=FIRST.isoformat(), end=LAST.isoformat()
    )
    return [label.date().isoformat() for label in known.sessions]


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
