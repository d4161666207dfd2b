from tosho.calendar.cutoffs import UnknownSourceError, cutoff, first_after, latest_session, published_at
from tosho.calendar.hours import JST, close_at, is_half_day, open_at
from tosho.calendar.sessions import (
    is_session,
    next_session,
    offset,
    previous_session,
    sessions,
    sessions_between,
    week_end,
)
from tosho.calendar.xtks import CalendarBoundError, NotASessionError, bound_warning, sessions_left

__all__ = [
    "JST",
    "CalendarBoundError",
    "NotASessionError",
    "UnknownSourceError",
    "bound_warning",
    "close_at",
    "cutoff",
    "first_after",
    "is_half_day",
    "is_session",
    "latest_session",
    "next_session",
    "offset",
    "open_at",
    "previous_session",
    "published_at",
    "sessions",
    "sessions_between",
    "sessions_left",
    "week_end",
]
