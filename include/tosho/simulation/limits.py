"""A plan's limits, as the server holds them: how many requests a minute, and which days."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import date, timedelta
from threading import Lock
from typing import NamedTuple

from tosho.ingest.plans import Terms
from tosho.simulation.answers import BLOCKED, PLANS_PAGE, TOO_MANY, ApiError

MINUTE, BLOCK = 60.0, 300.0
GROSS = 2
"""Requests refused within a minute, against the limit, from which all are refused for five minutes."""


class RateLimit:
    """At most so many requests in any minute; None lets all of them through."""

    def __init__(self, per_minute: int | None, now: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._now, self._lock = per_minute, now, Lock()
        self._seen: deque[float] = deque()

    def admit(self) -> None:
        """Count a request.

        Raises:
            ApiError: It is one too many.
        """
        if self._limit is None:
            return
        with self._lock:
            moment = self._now()
            while self._seen and self._seen[0] <= moment - MINUTE:
                self._seen.popleft()
            if len(self._seen) >= self._limit:
                raise ApiError(429, TOO_MANY)
            self._seen.append(moment)


class Block:
    """Five minutes without any answer, once so many requests in a minute were refused that nobody seems to listen."""

    def __init__(self, per_minute: int | None, now: Callable[[], float] = time.monotonic) -> None:
        self._bound, self._now, self._lock = (per_minute or 0) * GROSS, now, Lock()
        self._refused: deque[float] = deque()
        self._until = float("-inf")

    def check(self) -> None:
        """Refuse a request while the block lasts.

        Raises:
            ApiError: It does.
        """
        if self._now() < self._until:
            raise ApiError(429, BLOCKED)

    def count(self) -> None:
        """Count a request that was refused for coming too soon; begin the block when they are too many."""
        with self._lock:
            moment = self._now()
            while self._refused and self._refused[0] <= moment - MINUTE:
                self._refused.popleft()
            self._refused.append(moment)
            if len(self._refused) > self._bound:
                self._until = moment + BLOCK
                self._refused.clear()


class Window(NamedTuple):
    """The days that a plan covers, both included."""

    first: date
    last: date

    def require(self, *days: date | None) -> None:
        """Refuse days before the window, and those that a delayed plan must wait for."""
        if any(day is not None and not self.first <= day for day in days):
            raise ApiError(
                400, f"Your subscription covers the following dates: {self.first} ~ {self.last}. {PLANS_PAGE}"
            )

    def require_one(self, day: date | None, today: date) -> None:
        """Refuse a day that the plan covers neither by its history nor by its delay. The future is merely empty."""
        self.require(day, date.min if day is not None and self.last < day <= today else None)


def window(terms: Terms, today: date) -> Window:
    """Return the days that a plan covers on a day."""
    years_ago = today.replace(year=today.year - terms.years, day=min(today.day, 28))
    return Window(years_ago, today - timedelta(weeks=terms.delay_weeks))
