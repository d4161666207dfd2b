"""What the exchange's calendar says of a session in advance: its place in the month, the next SQ, the next holiday."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from tosho import calendar
from tosho.calendar.xtks import LAST, SYSTEM_FAILURE
from tosho.features import columns

_AROUND = timedelta(days=150)
"""No stretch without a holiday is longer; SQ and the month's end are nearer still."""

_FRIDAY, _SATURDAY = 4, 5


def calendar_columns(sessions: Iterable[date]) -> pl.DataFrame:
    """Return session and the columns of `columns.CALENDAR`, a row for each session given, in their order.

    Days are those the exchange meant to open: 2020-10-01, on which its system failed, counts as one, for nobody knew.

    Raises:
        CalendarBoundError: A session is outside the known calendar.
    """
    wanted = list(sessions)
    if not wanted:
        return pl.DataFrame(schema={"session": pl.Date(), **columns.CALENDAR})
    planned = _Planned.around(min(wanted), max(wanted))
    rows = [(session, *planned.facts(session)) for session in wanted]
    return pl.DataFrame(rows, schema={"session": pl.Date(), **columns.CALENDAR}, orient="row")


@dataclass(frozen=True)
class _Planned:
    """Business days, and weekdays that are none, in order."""

    days: list[date]
    holidays: list[date]

    @classmethod
    def around(cls, first: date, last: date) -> _Planned:
        begin, end = max(first - _AROUND, min(first, calendar.FIRST)), min(last + _AROUND, max(last, LAST))
        days = calendar.sessions(begin, end)
        if begin <= SYSTEM_FAILURE <= end:
            days = sorted({*days, SYSTEM_FAILURE})
        known = set(days)
        span = (begin + timedelta(days=n) for n in range((end - begin).days + 1))
        return cls(days, [day for day in span if day.weekday() < _SATURDAY and day not in known])

    def facts(self, session: date) -> tuple[int | None, ...]:
        """Values of `columns.CALENDAR`, in order."""
        month = session.replace(day=1)
        after = (month + timedelta(days=31)).replace(day=1)
        sq = self._sq(month) if session <= self._sq(month) else self._sq(after)
        before = self.days[bisect_left(self.days, session) - 1] if session > self.days[0] else None
        return (
            session.isoweekday(),
            session.month,
            self._count(month, session) + 1,
            self._count(session, after),
            self._count(session, sq),
            int(self._week(session) == self._week(self._sq(month))),
            self._sessions_to_holiday(session),
            self._sessions_since_holiday(session),
            None if before is None else (session - before).days - 1,
            len(calendar.sessions(calendar.FIRST, session)) - 1,
        )

    def _count(self, begin: date, end: date) -> int:
        """Business days from `begin` on, before `end`."""
        return bisect_left(self.days, end) - bisect_left(self.days, begin)

    def _sq(self, month: date) -> date:
        """The month's second Friday, or the last business day before it."""
        friday = month + timedelta(days=(_FRIDAY - month.weekday()) % 7 + 7)
        return self.days[bisect_right(self.days, friday) - 1]

    def _sessions_to_holiday(self, session: date) -> int | None:
        place = bisect_right(self.holidays, session)
        if place == len(self.holidays):
            return None
        return self._count(session + timedelta(days=1), self.holidays[place])

    def _sessions_since_holiday(self, session: date) -> int | None:
        place = bisect_left(self.holidays, session) - 1
        return self._count(self.holidays[place], session) if place >= 0 else None

    @staticmethod
    def _week(day: date) -> date:
        return day - timedelta(days=day.weekday())
