"""Asking no more often than a plan allows: exact in any minute, over all threads and processes that ask with a key."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from copy import copy
from threading import Event, Lock
from typing import Final, Self

from pyrate_limiter import InMemoryBucket, Rate, RateItem, SQLiteBucket

from tosho.ingest.plans import per_minute
from tosho.ingest.sent import RequestsSent
from tosho.observability.log import logger

WINDOW_MS: Final = 60_500
"""A minute, and what two requests may differ by in the time that they take to arrive."""
WORTH_TELLING_S: Final = 10.0
LOOK_UP_S: Final = 0.5
"""How long a wait that can be ended goes on after its end."""

_log = logger(__name__)


class StoppedError(Exception):
    """Nobody wants any more what was waited for. It never leaves those who ask ahead."""


def until(stop: Event, sleep: Callable[[float], None]) -> Callable[[float], None]:
    """Return a way to wait that ends with StoppedError when an event is set."""

    def wait(seconds: float) -> None:
        while seconds > 0 and not stop.is_set():
            sleep(min(seconds, LOOK_UP_S))
            seconds -= LOOK_UP_S
        if stop.is_set():
            raise StoppedError("Whoever asked has gone.")

    return wait


class Pace:
    """At most so many requests in any minute, of `fins/*` at most as many as there is room for among all.

    J-Quants does not say whether requests to `fins/*` count among all others too. Here they do, which is never too
    often.
    """

    def __init__(
        self,
        general: int | None,
        allowed_by: str,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        sent: RequestsSent | None = None,
    ) -> None:
        """Begin with what was sent within the last minute.

        Args:
            general: Requests a minute; without a number nothing ever waits.
            allowed_by: Whose limit it is, for the log.
            sleep: How to wait, in seconds.
            now: A clock that never goes back, in seconds; with `sent`, one that all its processes share.
            sent: Where all processes count; without one, requests are counted here, and none was sent before.
        """
        self._general, self._allowed_by, self._sleep = general, allowed_by, sleep
        self._now, self._lock, self._sent = now, Lock(), sent
        self._buckets: dict[int, InMemoryBucket | SQLiteBucket] = {}

    def limits(self, endpoint: str) -> tuple[int, ...]:
        """Return the numbers of requests a minute that an endpoint's requests are held to."""
        if self._general is None:
            return ()
        return tuple({self._general: None, per_minute(endpoint, self._general): None})

    def wait(self, endpoint: str) -> None:
        """Return when the next request to an endpoint may go out, and count it."""
        told = False
        while seconds := self._try(endpoint):
            if seconds > WORTH_TELLING_S and not told:
                told = True
                least = min(self.limits(endpoint))
                _log.info("waiting %.0f s for %s: %s allows %d a minute", seconds, endpoint, self._allowed_by, least)
            self._sleep(seconds)

    def until(self, stop: Event) -> Self:
        """Return this pace, which counts the same requests, for those whose waits end when an event is set."""
        same = copy(self)
        same._sleep = until(stop, self._sleep)  # noqa: SLF001 - its own kind
        return same

    def _try(self, endpoint: str) -> float:
        """Return 0 when the request is counted, else the seconds to wait before it can be."""
        if not self.limits(endpoint):
            return 0.0
        alone = self._sent.alone() if self._sent else nullcontext()
        with self._lock, alone:  # all the limits let it through, or none of them counts it
            buckets = [self._bucket(limit) for limit in self.limits(endpoint)]
            moment = RateItem(endpoint, int(self._now() * 1000))
            waits = [_room_in(bucket, moment) for bucket in buckets]
            if any(waits):
                return max(waits) / 1000
            for bucket in buckets:
                bucket.put(moment)
            return 0.0

    def _bucket(self, limit: int) -> InMemoryBucket | SQLiteBucket:
        """Return the requests of the last minute that a limit counts."""
        if limit not in self._buckets:
            rate = Rate(limit, WINDOW_MS)
            self._buckets[limit] = self._sent.bucket(rate) if self._sent else InMemoryBucket([rate])
        return self._buckets[limit]


def _room_in(bucket: InMemoryBucket | SQLiteBucket, item: RateItem) -> int:
    """Return the milliseconds until there is room for one more; nothing is counted."""
    bucket.leak(item.timestamp)
    limit = bucket.rates[0].limit
    if bucket.count() < limit:
        return 0
    oldest = bucket.peek(limit - 1)
    assert oldest is not None, "there are as many as the limit"
    return max(oldest.timestamp + WINDOW_MS - item.timestamp + 1, 1)
