"""What has been published by now: the clock of a simulated day, and what each source has let out until then."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tosho.calendar import JST, is_session, newest, next_session, published_at, published_on
from tosho.calendar.cutoffs import WEEKLY
from tosho.calendar.xtks import SYSTEM_FAILURE
from tosho.ingest.plans import Terms
from tosho.simulation.limits import Window, window

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Published:
    """Which days of a market can be asked for.

    With a clock, a record is there from its publication on. Without one the whole folder is published, and today is
    its last day.
    """

    days: Sequence[date]
    terms: Terms
    clock: Clock | None = None

    def now(self) -> datetime | None:
        """Return the moment of the question in Japan; None without a clock."""
        return None if self.clock is None else self.clock().astimezone(JST)

    def today(self) -> date:
        """Return the day on which the questions are asked."""
        return self.days[-1] if self.clock is None else self.clock().astimezone(JST).date()

    def window(self) -> Window:
        """Return the days that the plan covers today."""
        return window(self.terms, self.today())

    def last(self, source: str) -> date:
        """Return the newest day of the market of which a source was published; `date.min` before the first."""
        if self.clock is None:
            return self.days[-1]
        if source in WEEKLY:  # the week that a session lies in
            moment = self.clock()
            sessions = [day for day in self.days if is_session(day)]
            count = bisect_right(sessions, moment, key=lambda session: published_at(source, session))
            return sessions[count - 1] if count else date.min
        count = bisect_right(self.days, self.newest(source))
        return self.days[count - 1] if count else date.min

    def newest(self, source: str) -> date:
        """Return the newest day, of the market or not, whose publication has passed; for rows that bear its date."""
        if self.clock is None:
            return date.max
        moment = self.clock()
        if source in WEEKLY:
            return newest(moment, WEEKLY[source].times)
        day = moment.astimezone(JST).date()
        while published_on(source, day) > moment:
            day -= timedelta(days=1)
        return day


def is_business_day(day: date) -> bool:
    """Tell what J-Quants counts as a business day: sessions, and the day on which the exchange's systems failed."""
    return is_session(day) or day == SYSTEM_FAILURE


def business_day_from(day: date) -> date:
    """Return the day itself or the next business day."""
    return day if is_business_day(day) else next_session(day)
