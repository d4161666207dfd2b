"""The one door to J-Quants over HTTP: key, pace, retries, pages, files. What the bytes mean is decided elsewhere."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit

import httpx
import polars as pl
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from tosho.config import JQuants
from tosho.ingest import payload, plans
from tosho.ingest.errors import PayloadError, ServiceUnavailableError, refusal
from tosho.ingest.pace import Pace
from tosho.ingest.plans import FINS_PER_MINUTE, PLANS, Terms

ATTEMPTS: Final = 6
TIMEOUT_S: Final = 60.0
AFTER_429_S: Final = 61.0
"""J-Quants sends no Retry-After and asks to be left alone for a minute."""
LONGEST_WAIT_S: Final = 300.0
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

PerMinute = int | Literal["plan"] | None
T = TypeVar("T")
_LISTED: Final = ("Key", "LastModified", "Size")


class Page(NamedTuple):
    """A page as it came, and its rows as text."""

    body: bytes
    rows: pl.DataFrame


class File(NamedTuple):
    """A bulk file that can be downloaded."""

    key: str
    modified: str
    size: str


class JQuantsClient:
    """J-Quants V2 as one subscription sees it. Close it, or use it in a `with`."""

    def __init__(
        self,
        settings: JQuants,
        *,
        per_minute: PerMinute = "plan",
        attempts: int = ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open connections when they are first needed.

        Args:
            settings: Address, key and plan.
            per_minute: The plan's own pace, another one, or None for none. A server on this machine is a simulated
                one and says itself what is too often, so the plan's pace is not kept towards it.
            attempts: How often a request is made before it counts as failed.
            sleep: How to wait.
        """
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses: those of files carry a signature
        self.plan, self._url = settings.plan, settings.url.rstrip("/")
        rate = self._rate(per_minute)
        self._general = Pace(rate, sleep)
        self._statements = Pace(None if rate is None else min(rate, FINS_PER_MINUTE), sleep)
        self._attempts, self._sleep = attempts, sleep
        self._api = httpx.Client(headers={"x-api-key": settings.api_key}, timeout=TIMEOUT_S)
        self._files = httpx.Client(timeout=TIMEOUT_S)  # another host's: the key is not for it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"JQuantsClient({self._url}, plan {self.plan})"

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        self._files.close()

    @property
    def terms(self) -> Terms:
        """What the plan allows."""
        return PLANS[self.plan]

    def probe(self) -> None:
        """Ask the cheapest question there is, to see whether address and key are good.

        Raises:
            KeyRefusedError: The key is not.
            ServiceUnavailableError: Nobody answers at the address.
        """
        self._ask(plans.CALENDAR, {"hol_div": "2"})

    def pages(self, endpoint: str, **query: str) -> Iterator[Page]:
        """Yield an answer page by page; the question stays the same but for the key to the next page.

        Raises:
            KeyRefusedError, PlanTooSmallError, AccessRefusedError: The subscription does not reach there.
            NotYetPublishedError: J-Quants says it has nothing yet (status 210).
            PayloadError: What came cannot be read, however often it is asked for.
            ServiceUnavailableError: The service stays away.
        """
        body, envelope = self._ask(endpoint, query)
        yield Page(body, payload.rows_frame(envelope.rows))
        seen = {""}
        while (key := envelope.next_key) not in seen:
            seen.add(key)
            body, envelope = self._ask(endpoint, query | {"pagination_key": key})
            yield Page(body, payload.rows_frame(envelope.rows))
        if key:
            raise PayloadError(f"{endpoint} {query} gave the same pagination_key twice, so its pages never end.")

    def files(self, endpoint: str, first: str, last: str) -> list[File]:
        """Return an endpoint's bulk files that hold days between two, the oldest first."""
        _, envelope = self._ask(plans.BULK_LIST, {"endpoint": endpoint, "from": first, "to": last})
        if nameless := [row for row in envelope.rows if not row.get("Key")]:
            raise PayloadError(f"{plans.BULK_LIST} for {endpoint} lists files without a Key: {nameless[0]}.")
        return sorted(File(*(str(row.get(name, "")) for name in _LISTED)) for row in envelope.rows)

    def download(self, key: str) -> bytes:
        """Return what a bulk file holds: CSV.

        Raises:
            PayloadError: The file does not arrive whole.
        """

        def attempt() -> bytes:
            asked = f"{plans.BULK_GET} {key}"
            url = payload.read_object(self._get(plans.BULK_GET, {"key": key}), asked, "url")
            return payload.unpack(self._checked(self._send(self._files, url, {}), asked), key)

        return self._patiently(attempt, key)

    def _ask(self, endpoint: str, query: dict[str, str]) -> tuple[bytes, payload.Envelope]:
        asked = f"{endpoint} {query}"

        def attempt() -> tuple[bytes, payload.Envelope]:
            body = self._get(endpoint, query)
            return body, payload.read_json(body, asked)

        return self._patiently(attempt, asked)

    def _get(self, endpoint: str, query: dict[str, str]) -> bytes:
        (self._statements if endpoint == plans.FINS else self._general).wait()
        return self._checked(self._send(self._api, f"{self._url}{endpoint}", query), f"{endpoint} {query}")

    @staticmethod
    def _send(through: httpx.Client, url: str, query: dict[str, str]) -> httpx.Response:
        try:
            return through.get(url, params=query) if query else through.get(url)
        except httpx.TransportError as error:
            where = urlsplit(url)
            raise _TryAgainError(f"{where.scheme}://{where.netloc} did not answer: {error!r}") from error

    def _checked(self, response: httpx.Response, asked: str) -> bytes:
        status = response.status_code
        if status == httpx.codes.OK:
            return response.content
        said = _message(response)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise _TryAgainError(f"{asked} was asked too often (429): {said}", _retry_after(response) or AFTER_429_S)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise _TryAgainError(f"{asked} failed there ({status}): {said}", _retry_after(response))
        raise refusal(status, said, asked, f"plan {self.plan!r} at {self._url}")

    def _patiently(self, attempt: Callable[[], T], asked: str) -> T:
        again = Retrying(
            stop=stop_after_attempt(self._attempts),
            retry=retry_if_exception_type((_TryAgainError, PayloadError)),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return again(attempt)
        except _TryAgainError as error:
            raise ServiceUnavailableError(
                f"J-Quants gave no answer to {asked} in {self._attempts} attempts; the last: {error}. "
                "Nothing was changed; run the task again later."
            ) from error

    def _rate(self, per_minute: PerMinute) -> int | None:
        if per_minute != "plan":
            return per_minute
        return None if urlsplit(self._url).hostname in LOOPBACK else self.terms.per_minute


class _TryAgainError(Exception):
    """A request failed in a way that may pass."""

    def __init__(self, said: str, after: float = 0.0) -> None:
        super().__init__(said)
        self.after = after


def _wait(state: RetryCallState) -> float:
    """Wait as long as was asked for, else twice as long each time; never all callers at one moment."""
    error = state.outcome.exception() if state.outcome else None
    told = error.after if isinstance(error, _TryAgainError) else 0.0
    backoff = min(told or 2.0 ** (state.attempt_number - 1), LONGEST_WAIT_S)
    return backoff + random.uniform(0, min(backoff, 5.0))  # noqa: S311 - no secret


def _retry_after(response: httpx.Response) -> float:
    """Return the seconds of a Retry-After header; 0 where there is none, or a date."""
    told = response.headers.get("retry-after", "")
    return float(told) if told.isdecimal() else 0.0


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return response.text[:200]
