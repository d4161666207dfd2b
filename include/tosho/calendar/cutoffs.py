"""When each source is published, and the instant at which a session's knowledge is frozen.

A record may be used from its publication on, not from the session it describes. The times are those that J-Quants
states; each holds from the day beside it.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from tosho.calendar.hours import JST, Dated, in_force, instant, open_at
from tosho.calendar.sessions import is_session, next_session, offset, place, previous_session, week_end
from tosho.calendar.xtks import FIRST


def _from_the_start(hours: int, minutes: int = 0) -> Dated:
    return ((FIRST, timedelta(hours=hours, minutes=minutes)),)


class Weekly(NamedTuple):
    """A source that describes a week and comes `after` sessions later than the week's last one."""

    after: int
    times: Dated


PUBLICATION: Final[dict[str, Dated]] = {
    "bars_daily": _from_the_start(16, 30),
    "topix": _from_the_start(16, 30),
    "indices": _from_the_start(16, 30),
    "short_ratio": _from_the_start(16, 30),
    "margin_alert": _from_the_start(16, 30),
    "margin_interest_daily": _from_the_start(16, 30),
    "master": _from_the_start(17, 30),
    "short_sale_report": _from_the_start(17, 30),
    "breakdown": _from_the_start(18),
    "bars_am": _from_the_start(12),
    "earnings_date": _from_the_start(10, 5),
    "calendar": _from_the_start(0),  # a day's kind is told long before; when exactly, nobody says
    "fins_summary": _from_the_start(18),  # preliminary
    "fins_summary_final": _from_the_start(24, 30),
    "earnings_calendar": _from_the_start(19),
    "derivatives": _from_the_start(27),
}
"""Source to publication time of the session's records, in hours since midnight in Japan."""

WEEKLY: Final[dict[str, Weekly]] = {
    "margin_interest": Weekly(2, _from_the_start(16, 30)),  # second business day of the next week, until daily
    "investor_types": Weekly(4, _from_the_start(16, 30)),  # fourth; some older pages say 18:00, before our cutoff too
}

MARGIN_DAILY_SINCE: Final = date(2026, 9, 25)
"""From this session on margin balances come every day, on the session after, and say when they were published.

Source: the vendor's client of 2026-09-28 (get_mkt_margin_interest).
"""

CUTOFF: Final[Dated] = _from_the_start(18, 30)
"""After the preliminary statements, with half an hour for them to arrive."""


class UnknownSourceError(KeyError):
    """A source has no publication time."""

    def __str__(self) -> str:
        """Return the sentence as it is: KeyError would show it quoted."""
        return str(self.args[0])


def published_at(source: str, session: date) -> datetime:
    """Return the instant, in UTC, at which a source's records of a session could first be had.

    For a weekly source that is the publication of the week in which the session lies.

    Raises:
        UnknownSourceError: The source is in neither table.
        NotASessionError: The day is no session.
        CalendarBoundError: The publication lies outside the known calendar.
    """
    place(session)
    if weekly := WEEKLY.get(source):
        on = offset(week_end(session), weekly.after)
        return instant(on, in_force(weekly.times, on))
    if source not in PUBLICATION:
        known = ", ".join(sorted([*PUBLICATION, *WEEKLY]))
        raise UnknownSourceError(f"No publication time is known for source {source!r}. Known: {known}.")
    return instant(session, in_force(PUBLICATION[source], session))


def published_on(source: str, day: date) -> datetime:
    """Return the instant, in UTC, at which a source's records of a day appear; the day need not be a session.

    Companies disclose, and derivatives are traded, on some days without a session. The hour that holds then is that
    of the session before. Of a weekly source it is the day on which it is published, not one that it describes.

    Raises:
        UnknownSourceError: The source has no publication time of each day.
        CalendarBoundError: The day lies outside the known calendar.
    """
    session = day if is_session(day) else previous_session(day)
    if weekly := WEEKLY.get(source):
        return instant(day, in_force(weekly.times, session))
    return published_at(source, session) + (day - session)


def first_session_knowing(moment: datetime) -> date:
    """Return the first session whose cutoff is at a moment or later: whose partition a record of then belongs to.

    Raises:
        CalendarBoundError: It would lie outside the known calendar.
        ValueError: The moment has no time zone.
    """
    return next_session(latest_session(moment - timedelta(microseconds=1)))


def cutoff(session: date) -> datetime:
    """Return the instant, in UTC, up to which a run for a session may know things.

    Raises:
        NotASessionError: The day is no session.
    """
    place(session)
    return instant(session, in_force(CUTOFF, session))


def latest_session(moment: datetime) -> date:
    """Return the newest session whose cutoff has passed at a moment, which must carry a time zone.

    Raises:
        CalendarBoundError: The moment lies outside the known calendar.
        ValueError: The moment has no time zone.
    """
    return newest(moment, CUTOFF)


def first_after(moment: datetime) -> date:
    """Return the first session that opens at a moment or later.

    Raises:
        CalendarBoundError: It would lie outside the known calendar.
        ValueError: The moment has no time zone.
    """
    day = _day(moment)
    session = day if is_session(day) else next_session(day)
    return session if open_at(session) >= moment else next_session(session)


def newest(moment: datetime, times: Dated) -> date:
    """Return the newest session on which one of the dated times has passed at a moment.

    Raises:
        CalendarBoundError: The moment lies outside the known calendar.
        ValueError: The moment has no time zone.
    """
    day = _day(moment)
    session = day if is_session(day) else previous_session(day)
    return session if instant(session, in_force(times, session)) <= moment else previous_session(session)


def _day(moment: datetime) -> date:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone, so that it names no instant. Give it one.")
    there = moment.astimezone(JST)
    return date(there.year, there.month, there.day)  # a plain date also where the moment is pendulum's
