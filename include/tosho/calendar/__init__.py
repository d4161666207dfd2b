from tosho.calendar.cutoffs import UnknownSourceError, cutoff, first_after, latest_session, newest, published_at
from tosho.calendar.hours import CLOSE, JST, close_at, instant, is_half_day, open_at
from tosho.calendar.sessions import (
    is_session,
    next_session,
    offset,
    previous_session,
    sessions,
    sessions_between,
    week_end,
    week_end_before,
)
from tosho.calendar.xtks import (
    FIRST,
    CalendarBoundError,
    NotASessionError,
    bound_warning,
    refuse_near_bound,
    sessions_left,
)

__all__ = [
    "CLOSE",
    "FIRST",
    "JST",
    "CalendarBoundError",
    "NotASessionError",
    "UnknownSourceError",
    "bound_warning",
    "close_at",
    "cutoff",
    "first_after",
    "instant",
    "is_half_day",
    "is_session",
    "latest_session",
    "newest",
    "next_session",
    "offset",
    "open_at",
    "previous_session",
    "published_at",
    "refuse_near_bound",
    "sessions",
    "sessions_between",
    "sessions_left",
    "week_end",
    "week_end_before",
]
