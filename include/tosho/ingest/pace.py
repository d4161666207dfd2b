"""Asking no more often than a plan allows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

MINUTE = 60.0


class Pace:
    """At most so many requests in any minute. Without a number it never waits."""

    def __init__(
        self,
        per_minute: int | None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._sleep, self._now = per_minute, sleep, now
        self._sent: deque[float] = deque()
        self._lock = Lock()

    def wait(self) -> None:
        """Return when the next request may go out."""
        if self._limit is None:
            return
        with self._lock:  # held while sleeping: those behind must wait at least as long
            while True:
                moment = self._now()
                while self._sent and self._sent[0] <= moment - MINUTE:
                    self._sent.popleft()
                if len(self._sent) < self._limit:
                    self._sent.append(moment)
                    return
                self._sleep(self._sent[0] + MINUTE - moment)
