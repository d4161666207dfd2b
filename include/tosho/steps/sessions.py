"""Which session, or range of sessions, a run is for."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from tosho.calendar import NotASessionError, is_session, latest_session, next_session, previous_session, sessions
from tosho.config import Settings
from tosho.storage import Lake


def resolve(
    asked: str | None, logical_date: datetime | None, interval_start: datetime | None, run_after: datetime
) -> date:
    """Return the session of a run.

    Args:
        asked: The run's parameter, an ISO date; it comes first.
        logical_date: Exactly 00:00 UTC of a day means that day, and that it must be a session.
        interval_start: Where the data interval begins: the open of the session, as the timetable makes it.
        run_after: When the run was due; without a parameter or an interval, the newest session published by then.

    Raises:
        NotASessionError: The day is no session of the exchange.
    """
    if asked:
        return demand_session(date.fromisoformat(asked))
    if logical_date is not None and logical_date.astimezone(UTC).time() == time(0):
        return demand_session(logical_date.astimezone(UTC).date())
    if interval_start is not None:
        return demand_session(interval_start.astimezone(UTC).date())  # 09:00 in Tokyo is 00:00 UTC of the same day
    return latest_session(run_after)


def resolve_range(first: str, last: str | None, run_after: datetime) -> tuple[date, date]:
    """Return the first and last session between two days; an empty `last` is the newest published session.

    Raises:
        NotASessionError: No session lies between the two.
    """
    end = date.fromisoformat(last) if last else latest_session(run_after)
    found = sessions(date.fromisoformat(first), end)
    if not found:
        raise NotASessionError(f"There is no session of the exchange from {first} to {end}; widen the range.")
    return found[0], found[-1]


def training_range(settings: Settings, asked: str | None, last: date) -> dict[str, str]:
    """Return `first` and `last` of a training: from the session asked for, or the first that has features.

    Raises:
        NotASessionError: No session up to `last` has features.
    """
    known = Lake.of(settings).sessions("features", last=last)
    if not known:
        raise NotASessionError(f"No session up to {last} has features in {settings.lake}. Run the Dag `history` first.")
    first = max(known[0], date.fromisoformat(asked)) if asked else known[0]
    return {"first": first.isoformat(), "last": last.isoformat()}


def demand_session(day: date) -> date:
    """Return the day if it is a session.

    Raises:
        NotASessionError: It is not; the sentence names the sessions around it.
    """
    if not is_session(day):
        raise NotASessionError(
            f"{day} ({day:%A}) is no session of the Tokyo Stock Exchange; the sessions around it are "
            f"{previous_session(day)} and {next_session(day)}."
        )
    return day
