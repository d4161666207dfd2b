"""Counting in sessions: next, previous, n further, how many between, the last of a week."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from tosho.calendar import xtks
from tosho.calendar.xtks import CalendarBoundError, NotASessionError


def sessions(first: date, last: date) -> list[date]:
    """Return the sessions from `first` to `last`, both included; none when `last` comes before `first`.

    >>> [s.day for s in sessions(date(2018, 11, 15), date(2018, 11, 19))]
    [15, 16, 19]

    Raises:
        CalendarBoundError: A bound is outside the known calendar.
    """
    known = xtks.all_sessions()
    return list(known[bisect_left(known, xtks.within_bounds(first)) : bisect_right(known, xtks.within_bounds(last))])


def is_session(day: date) -> bool:
    """Tell whether the exchange traded, or is to trade, on a day.

    Raises:
        CalendarBoundError: The day is outside the known calendar, so the answer is unknown rather than no.
    """
    return xtks.within_bounds(day) in _places()


def next_session(day: date) -> date:
    """Return the first session after a day, which need not be one itself.

    Raises:
        CalendarBoundError: It would lie outside the known calendar.
    """
    return _at(bisect_right(xtks.all_sessions(), xtks.within_bounds(day)), f"the session after {day}")


def previous_session(day: date) -> date:
    """Return the last session before a day, which need not be one itself.

    Raises:
        CalendarBoundError: It would lie outside the known calendar.
    """
    return _at(bisect_left(xtks.all_sessions(), xtks.within_bounds(day)) - 1, f"the session before {day}")


def offset(session: date, n: int) -> date:
    """Return the session `n` sessions after one (before, when negative).

    >>> offset(date(2019, 4, 26), 1)  # the ten-day closure
    datetime.date(2019, 5, 7)

    Raises:
        NotASessionError: The day to count from is no session.
        CalendarBoundError: The answer would lie outside the known calendar.
    """
    return _at(place(session) + n, f"the session {n:+d} from {session}")


def sessions_between(a: date, b: date) -> int:
    """Return how many sessions `b` comes after `a`, negative when before, so that `offset(a, result) == b`.

    Raises:
        NotASessionError: One of the days is no session.
    """
    return place(b) - place(a)


def place(session: date) -> int:
    """Return a session's number, counted from the first known one.

    Raises:
        NotASessionError: The day is no session. The sentence names its neighbours.
    """
    found = _places().get(session)
    if found is None:
        raise NotASessionError(f"{session} is no session of the TSE{_why(session)}. {_neighbours(session)}")
    return found


def week_end(day: date) -> date:
    """Return the first last-of-its-week session on or after a day. A week without a session is stepped over.

    >>> week_end(date(2019, 4, 27))  # nothing traded from 29 April to 3 May
    datetime.date(2019, 5, 10)

    Raises:
        CalendarBoundError: It would lie outside the known calendar.
    """
    ends = week_ends()
    found = bisect_left(ends, xtks.within_bounds(day))
    if found == len(ends):
        raise CalendarBoundError(f"The last session of the week of {day} lies past the calendar's end, {xtks.LAST}.")
    return ends[found]


def week_end_before(day: date) -> date:
    """Return the last session of the newest week that ended before a day.

    Raises:
        CalendarBoundError: It would lie outside the known calendar.
    """
    found = bisect_left(week_ends(), xtks.within_bounds(day))
    if found == 0:
        raise CalendarBoundError(f"No week ended before {day}: the TSE calendar begins on {xtks.FIRST}.")
    return week_ends()[found - 1]


@lru_cache(maxsize=1)
def week_ends() -> tuple[date, ...]:
    """Return the last session of every week (Monday to Sunday) that has one and is known whole."""
    known = xtks.all_sessions()
    return tuple(session for session, after in pairwise(known) if _monday(session) != _monday(after))


@lru_cache(maxsize=1)
def _places() -> dict[date, int]:
    return {session: number for number, session in enumerate(xtks.all_sessions())}


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _at(number: int, asked: str) -> date:
    known = xtks.all_sessions()
    if not 0 <= number < len(known):
        raise CalendarBoundError(
            f"{asked.capitalize()} was asked for; the TSE calendar is known from {known[0]} to {known[-1]}. "
            "Ask within these bounds, or move them in tosho/calendar/xtks.py with a newer exchange_calendars."
        )
    return known[number]


def _why(day: date) -> str:
    for known in xtks.DISAGREEMENTS:
        if day == known.day:
            return f": {known.reason}"
    return {5: " but a Saturday", 6: " but a Sunday"}.get(xtks.within_bounds(day).weekday(), " but a holiday")


def _neighbours(day: date) -> str:
    known = xtks.all_sessions()
    found = bisect_left(known, day)
    before, after = known[max(found - 1, 0)], known[min(found, len(known) - 1)]
    return f"The nearest sessions are {before} and {after}; name one of them."
