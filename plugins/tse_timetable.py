"""Timetables of the Tokyo Stock Exchange: one run a session, or one a week.

- logical date = the session's open, 09:00 in Japan = 00:00 UTC, so that `ds` is the session and dates on command
  lines need no shifting;
- data interval = open to close of the session;
- run after = publication, `at` in Japan, on the session.

Which run comes next depends on its arguments alone; only `catchup=False` looks at the clock, as it must. The class
names and this file's name are stored with every Dag: renaming either orphans schedules.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from logging import getLogger
from typing import Any, ClassVar

import pendulum
from airflow.exceptions import AirflowTimetableInvalid
from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from airflow.utils.types import DagRunType

from tosho import calendar

log = getLogger(__name__)

_AT = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class TseSessionTimetable(Timetable):
    """One run for each session, after its data is published.

    Args:
        at: When a run may begin, `HH:MM` in Japan, on the session and not before its close.
    """

    which: ClassVar[str] = "Every TSE session"

    def __init__(self, at: str = "18:30") -> None:
        self.at = at

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.serialize() == self.serialize()

    def __hash__(self) -> int:
        return hash((type(self), self.at))

    def serialize(self) -> dict[str, Any]:
        """Return what `deserialize` needs."""
        return {"at": self.at}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> TseSessionTimetable:
        """Return the timetable that `serialize` described."""
        return cls(**data)

    @property
    def summary(self) -> str:
        """What the list of Dags shows."""
        return f"{self.which}, {self.at} JST"

    @property
    def description(self) -> str:  # type: ignore[override]  # the protocol has it as an attribute
        """What the tooltip beside it shows."""
        return f"{self.which} of the Tokyo Stock Exchange's calendar, holidays left out; runs from {self.at} in Japan"

    def validate(self) -> None:
        """Refuse a time that cannot be, and a calendar that is about to end.

        Raises:
            AirflowTimetableInvalid: `at` is no time after the close, or the known calendar ends within a year.
        """
        latest_close = max(close for _, close in calendar.CLOSE)
        if not _AT.fullmatch(str(self.at)) or self._since_midnight < latest_close:
            raise AirflowTimetableInvalid(
                f"{type(self).__name__}(at={self.at!r}): `at` must be a time HH:MM in Japan from "
                f"{str(latest_close)[:-3]}, the close, to 23:59. Give it as text, such as at='18:30'."
            )
        try:
            calendar.refuse_near_bound(_now())
        except calendar.CalendarBoundError as error:
            raise AirflowTimetableInvalid(str(error)) from error
        if warning := calendar.bound_warning(_now()):
            log.warning(warning)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the first run after the last one that the restriction allows; none when there is no such run.

        It does not raise where the calendar ends: Airflow would take that for the end of a backfill and say nothing.
        """
        try:
            session = self._next(last_automated_data_interval, restriction)
        except calendar.CalendarBoundError as error:
            log.error("%s has no further run: %s", self.summary, error)  # noqa: TRY400 - the sentence is all there is
            return None
        if session is None or (restriction.latest is not None and calendar.open_at(session) > restriction.latest):
            return None
        return DagRunInfo(
            run_after=pendulum.instance(calendar.instant(session, self._since_midnight)),
            data_interval=_interval(session),
        )

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Return the session that a run by hand means: one whose open is given exactly, else the newest published.

        Raises:
            CalendarBoundError: The moment lies outside the known calendar.
        """
        session = run_after.astimezone(calendar.JST).date()
        session = date(session.year, session.month, session.day)
        if calendar.is_session(session) and calendar.open_at(session) == run_after:
            return _interval(session)
        return _interval(self._newest(run_after))

    def generate_run_id(
        self, *, run_type: DagRunType, run_after: datetime, data_interval: DataInterval | None, **extra: object
    ) -> str:
        """Return `scheduled__<session>`; runs by hand keep the moment, as there may be several for one session."""
        if run_type == DagRunType.SCHEDULED and data_interval is not None:
            return run_type.generate_run_id(suffix=data_interval.start.date().isoformat())
        return super().generate_run_id(run_type=run_type, run_after=run_after, data_interval=data_interval, **extra)

    @property
    def _since_midnight(self) -> timedelta:
        hours, minutes = str(self.at).split(":")
        return timedelta(hours=int(hours), minutes=int(minutes))

    def _next(self, last: DataInterval | None, restriction: TimeRestriction) -> date | None:
        not_before = []
        if last is not None:
            not_before.append(self._first(last.start + timedelta.resolution))
        if restriction.earliest is not None:
            not_before.append(self._first(restriction.earliest))
        if not restriction.catchup:
            not_before.append(self._newest(_now()))
        return max(not_before, default=None)

    def _first(self, moment: datetime) -> date:
        """Return the first session of this timetable that opens at a moment or later."""
        return calendar.first_after(max(moment, calendar.instant(calendar.FIRST, timedelta())))

    def _newest(self, moment: datetime) -> date:
        """Return the newest session of this timetable that was published by a moment."""
        return calendar.newest(moment, ((calendar.FIRST, self._since_midnight),))


class TseWeeklyTimetable(TseSessionTimetable):
    """One run for the last session of each week, Friday or the one before a holiday; none for a week without a session.

    The run is that session's: its logical date and interval are those that `TseSessionTimetable` gives it.
    """

    which: ClassVar[str] = "Last TSE session of each week"

    def _first(self, moment: datetime) -> date:
        return calendar.week_end(super()._first(moment))

    def _newest(self, moment: datetime) -> date:
        session = super()._newest(moment)
        return session if calendar.week_end(session) == session else calendar.week_end_before(session)


def _interval(session: date) -> DataInterval:
    return DataInterval(pendulum.instance(calendar.open_at(session)), pendulum.instance(calendar.close_at(session)))


def _now() -> datetime:
    return pendulum.now("UTC")


class TseTimetablePlugin(AirflowPlugin):
    """Registers the timetables: Airflow stores a schedule only by a registered class."""

    name = "tse_timetable"
    timetables: ClassVar[list[type[Timetable]]] = [TseSessionTimetable, TseWeeklyTimetable]
