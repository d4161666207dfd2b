"""Asking again: what may pass is waited for, longer each time, and never by all callers at one moment."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import copy
from threading import Event, Lock
from typing import Final, Self, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from tosho.ingest.errors import PayloadError, ServiceUnavailableError
from tosho.ingest.pace import WORTH_TELLING_S, until
from tosho.observability.log import logger

AFTER_429_S: Final = 61.0
"""J-Quants sends no Retry-After and asks to be left alone for a minute; the next time twice as long."""
BLOCK_S: Final = 360.0
"""After gross excess J-Quants answers nothing for about five minutes: who has waited longer need not go on."""
LONGEST_WAIT_S: Final = 300.0

T = TypeVar("T")
_log = logger(__name__)


class TryAgainError(Exception):
    """A request failed in a way that may pass. It never leaves the client."""

    def __init__(self, said: str, after: float = 0.0) -> None:
        """Say what failed, and after how many seconds to ask again where the server said so."""
        super().__init__(said)
        self.after = after


class TooOftenError(TryAgainError):
    """A request was refused because there were too many."""


class Patience:
    """How often and how long a client tries. Several threads share one: what one is told, all heed."""

    def __init__(self, attempts: int, sleep: Callable[[float], None]) -> None:
        """Take the number of attempts that may fail, and how to wait in seconds."""
        self._attempts, self._sleep, self._told_off = attempts, sleep, Lock()

    def until_welcome(self) -> None:
        """Return when no thread is waiting because there were too many requests."""
        with self._told_off:
            return

    def until(self, stop: Event) -> Self:
        """Return this patience, told off with the others, for those whose waits end when an event is set."""
        same = copy(self)
        same._sleep = until(stop, self._sleep)  # noqa: SLF001 - its own kind
        return same

    def through(self, attempt: Callable[[], T], asked: str) -> T:
        """Return what an attempt returns that does not fail.

        Raises:
            PayloadError: What came cannot be read, however often it is asked for.
            ServiceUnavailableError: The service stays away, or refuses longer than it blocks anybody.
        """
        record = _Record()
        again = Retrying(
            stop=lambda _: record.faults >= self._attempts or record.refused_s > BLOCK_S,
            retry=retry_if_exception_type((TryAgainError, PayloadError)),
            wait=lambda _: record.wait,
            before_sleep=_tell,
            sleep=lambda seconds: self._nap(seconds, record),
            reraise=True,
        )
        try:
            return again(lambda: record.of(attempt))
        except TryAgainError as error:
            raise ServiceUnavailableError(
                f"J-Quants gave no answer to {asked} in {record.attempts} attempts; the last: {error}. "
                "Nothing was changed; run the task again later."
            ) from error

    def _nap(self, seconds: float, record: _Record) -> None:
        if not record.too_often:
            self._sleep(seconds)
        elif self._told_off.acquire(blocking=False):
            try:
                self._sleep(seconds)
            finally:
                self._told_off.release()
        else:
            self.until_welcome()  # another thread has been told already


class _Record:
    """How the attempts of one request went."""

    def __init__(self) -> None:
        self.attempts = self.faults = self.refusals = 0
        self.refused_s = self.wait = 0.0
        self.too_often = False

    def of(self, attempt: Callable[[], T]) -> T:
        self.attempts += 1
        try:
            return attempt()
        except TooOftenError as error:
            self.refusals += 1
            self.too_often = True
            told = min(error.after or AFTER_429_S * 2.0 ** (self.refusals - 1), LONGEST_WAIT_S)
            self.refused_s += self.wait  # what was waited before and has not helped
            self.wait = _scattered(told)
            raise
        except (TryAgainError, PayloadError) as error:
            self.faults += 1
            self.too_often = False
            told = error.after if isinstance(error, TryAgainError) else 0.0
            self.wait = _scattered(min(told or 2.0 ** (self.faults - 1), LONGEST_WAIT_S))
            raise


def _scattered(seconds: float) -> float:
    return seconds + random.uniform(0, min(seconds, 5.0))  # noqa: S311 - no secret


def _tell(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    seconds = state.next_action.sleep if state.next_action else 0.0
    tell = _log.warning if seconds > WORTH_TELLING_S else _log.info
    tell("waiting %.0f s before attempt %d: %s", seconds, state.attempt_number + 1, error)
