"""When the rows of a table should have come, by the publication table."""

from __future__ import annotations

from datetime import date, timedelta

from tosho import calendar
from tosho.quality.expectations import Expected


def age_at_most(expected: Expected, session: date) -> int:
    """Return how many sessions old the newest rows of a table may be.

    Of a weekly table that is the age of the last publication that was due, so that it is 0 on the day of one.

    Raises:
        CalendarBoundError: The answer would lie outside the known calendar.
    """
    if not expected.weekly or _daily(expected, session):
        return expected.age
    return calendar.sessions_between(_last_due(expected, session), session)


def is_due(expected: Expected, session: date) -> bool:
    """Tell whether a session must have a partition of a table."""
    return not expected.only_when_due or _daily(expected, session) or session in _weeks(expected, session)


def _daily(expected: Expected, session: date) -> bool:
    """Tell whether what was weekly comes every day by now."""
    return expected.daily_since is not None and calendar.previous_session(session) >= expected.daily_since


def _last_due(expected: Expected, session: date) -> date:
    weeks = _weeks(expected, session)
    return max(due for due, traded in weeks.items() if due <= session and traded >= expected.shortest_week)


def _weeks(expected: Expected, session: date) -> dict[date, int]:
    """Return the sessions on which the last weeks are published, with how many sessions each week had."""
    weeks, end = {}, session + timedelta(days=1)
    for _ in range(5):  # two weeks between publication and end, two without, and one more
        end = calendar.week_end_before(end)
        due = calendar.first_session_knowing(calendar.published_at(expected.weekly, end))
        weeks[due] = len(calendar.sessions(end - timedelta(days=end.weekday()), end))
    return weeks
