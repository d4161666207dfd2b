"""The one door to J-Quants over HTTP: key, pace, retries, pages, files. What the bytes mean is decided elsewhere."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Event
from typing import Final, Literal, NamedTuple, Self
from urllib.parse import urlsplit

import httpx
import polars as pl

from tosho.config import JQuants
from tosho.ingest import payload, plans
from tosho.ingest.errors import NOTHING_YET, PayloadError, refusal
from tosho.ingest.line import Answer, Limits, Lines, NoAnswerError
from tosho.ingest.pace import Pace
from tosho.ingest.plans import PLANS, Terms
from tosho.ingest.retries import Patience, TooOftenError, TryAgainError
from tosho.ingest.sent import RequestsSent
from tosho.observability.log import logger

ATTEMPTS: Final = 6
IN_FLIGHT: Final = 5
"""Requests at one moment, as J-Quants' own client makes them."""
PAGE: Final = Limits(seconds=180.0, size=1 << 28)
FILE: Final = Limits(seconds=1800.0, size=1 << 30)
MOST_PAGES: Final = 2_000
"""Of one question. All bars of a session are two to four."""
SKEW: Final = timedelta(minutes=5)
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

PerMinute = int | Literal["plan"] | None
_LISTED: Final = ("Key", "LastModified", "Size")
_MARKUP: Final = ("text/html", "text/xml", "application/xml", "application/xhtml+xml")
_log = logger(__name__)


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
    """J-Quants V2 as one subscription sees it. Close it, or use it in a `with`. Threads may share it."""

    def __init__(  # noqa: PLR0913 - what differs between the real service, a simulated one and a test
        self,
        settings: JQuants,
        *,
        per_minute: PerMinute = "plan",
        attempts: int = ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
        page_limits: Limits = PAGE,
        home: str = "",
    ) -> None:
        """Open connections when they are first needed.

        Args:
            settings: Address, key and plan.
            per_minute: The plan's own pace, another one, or None for none. A server on this machine is a simulated
                one and says itself what is too often, so the plan's pace is not kept towards it.
            attempts: How often a request may fail before it counts as failed. Being told that there are too many is
                waited for besides, longer than J-Quants blocks anybody.
            sleep: How to wait.
            page_limits: How long a page may take from the request to its last byte, and how large it may be.
            home: Folder of the installation, in which all its processes count requests, so that together they keep the
                pace of the key; without one this client keeps it alone.
        """
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses: those of files carry a signature
        self.plan, self._url, self._key = settings.plan, settings.url.rstrip("/"), settings.api_key
        rate = self._rate(per_minute)
        self._requests_sent = None if rate is None or not home else RequestsSent(Path(home) / "jquants", self.account)
        self.pace = Pace(rate, f"plan {self.plan}", sleep, sent=self._requests_sent)
        self._patience, self._page_limits = Patience(attempts, sleep), page_limits
        self.in_flight = IN_FLIGHT if rate is None else min(IN_FLIGHT, rate)
        self._api = Lines(self.in_flight, {"x-api-key": settings.api_key})
        self._files = Lines(self.in_flight, {"accept-encoding": "identity"})  # another host's: the key is not for it
        self._skew_told = Event()

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
        if self._requests_sent:
            self._requests_sent.close()

    def until(self, stop: Event) -> Self:
        """Return this client, with the same lines at the same pace, whose waits end when an event is set."""
        same = copy(self)
        same.pace, same._patience = self.pace.until(stop), self._patience.until(stop)  # noqa: SLF001 - its own kind
        return same

    @property
    def account(self) -> str:
        """What tells one key at one address from others, without saying it."""
        return hashlib.blake2b(f"{self._url} {self._key}".encode(), digest_size=8).hexdigest()

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
        self._page(plans.CALENDAR, {"hol_div": "2"}, _Seen())

    def pages(self, endpoint: str, /, **query: str) -> Iterator[Page]:
        """Yield an answer page by page; the question stays the same but for the key to the next page.

        Each page is asked for again by itself when it fails, so that what came before is not lost.

        Raises:
            KeyRefusedError, PlanTooSmallError, AccessRefusedError: The subscription does not reach there.
            NotYetPublishedError: J-Quants says it has nothing yet (status 210).
            PayloadError: What came cannot be read, or is a page that was there before, however often it is asked for.
            ServiceUnavailableError: The service stays away.
        """
        seen, key = _Seen(), ""
        for _ in range(MOST_PAGES):
            page, key = self._page(endpoint, query | ({"pagination_key": key} if key else {}), seen)
            yield page
            if not key:
                return
        raise PayloadError(
            f"{endpoint} {query} has more than {MOST_PAGES} pages, which no question of Tosho has. Ask for less."
        )

    def files(self, endpoint: str, first: str = "", last: str = "") -> list[File]:
        """Return an endpoint's bulk files, those that hold days between two or all, the oldest first."""
        between = {name: day for name, day in (("from", first), ("to", last)) if day}
        page, _ = self._page(plans.BULK_LIST, {"endpoint": endpoint} | between, _Seen())
        listed = page.rows.to_dicts()
        if nameless := [row for row in listed if not row.get("Key")]:
            raise PayloadError(f"{plans.BULK_LIST} for {endpoint} lists files without a Key: {nameless[0]}.")
        return sorted(File(*(row.get(name) or "" for name in _LISTED)) for row in listed)

    def address(self, key: str) -> str:
        """Return where a bulk file can be downloaded for five minutes, without a key.

        Raises:
            PayloadError: The answer holds no address.
        """
        return self._patience.through(lambda: self._address(key), f"{plans.BULK_GET} {key}")

    def download(self, key: str) -> bytes:
        """Return what a bulk file holds: CSV.

        Raises:
            PayloadError: The file does not arrive whole.
        """

        def attempt() -> bytes:
            url = self._address(key)  # another one each time: they expire
            with self._files.one() as line:
                answer = _sent(lambda: line.get(url, {}, FILE, as_sent=True))
            if answer.status == httpx.codes.FORBIDDEN:
                raise PayloadError(f"The address of the file {key} had expired or was refused: {_message(answer)}")
            return payload.unpack(self._checked(answer, f"{plans.BULK_GET} {key}"), key)

        return self._patience.through(attempt, key)

    def _address(self, key: str) -> str:
        return payload.read_object(self._get(plans.BULK_GET, {"key": key}), f"{plans.BULK_GET} {key}", "url")

    def _page(self, endpoint: str, query: Mapping[str, str], seen: _Seen) -> tuple[Page, str]:
        asked = f"{endpoint} {dict(query)}"

        def attempt() -> tuple[Page, str]:
            body = self._get(endpoint, query)
            envelope = payload.read_json(body, asked)
            page = Page(body, payload.rows_frame(envelope.rows, asked))
            seen.note(envelope, asked)
            return page, envelope.next_key

        return self._patience.through(attempt, asked)

    def _get(self, endpoint: str, query: Mapping[str, str]) -> bytes:
        with self._api.one() as line:
            self._patience.until_welcome()
            self.pace.wait(endpoint)
            answer = _sent(lambda: line.get(f"{self._url}{endpoint}", query, self._page_limits))
        self._compare_clocks(answer)
        return self._checked(answer, f"{endpoint} {dict(query)}")

    def _checked(self, answer: Answer, asked: str) -> bytes:
        status, kind = answer.status, answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if status == httpx.codes.OK and kind not in _MARKUP:
            return answer.body
        said = _message(answer)
        if self._key:
            said = said.replace(self._key, "(the key)")
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise TooOftenError(f"{asked} was asked too often (429): {said}", _retry_after(answer))
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.REQUEST_TIMEOUT:
            raise TryAgainError(f"{asked} failed there ({status}): {said}", _retry_after(answer))
        if status < httpx.codes.BAD_REQUEST and status != NOTHING_YET:
            raise PayloadError(
                f"{asked} was answered with status {status} and {kind or 'no content type'}, which is not what "
                f"J-Quants sends: {said!r}. Something between here and there may have answered in its place."
            )
        raise refusal(status, said, asked, f"plan {self.plan!r} at {self._url}")

    def _compare_clocks(self, answer: Answer) -> None:
        theirs, ours = _instant(answer.headers.get("date", "")), datetime.now(UTC)
        if theirs is None or self._skew_told.is_set() or abs(theirs - ours) <= SKEW:
            return
        self._skew_told.set()
        _log.warning(
            "The clock of %s says %s and this machine's says %s. What is published by when is judged by this one: "
            "set it right.", self._url, theirs.isoformat(), ours.isoformat(timespec="seconds"),
        )  # fmt: skip

    def _rate(self, per_minute: PerMinute) -> int | None:
        if per_minute != "plan":
            return per_minute
        return None if urlsplit(self._url).hostname in LOOPBACK else self.terms.per_minute


class _Seen:
    """The pages of one question that came: none of them may come again."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._rows: set[bytes] = set()

    def note(self, envelope: payload.Envelope, asked: str) -> None:
        """Refuse a page that repeats one, or leads back to one; then remember it."""
        if not envelope.next_key and not self._keys:
            return  # the only page
        rows = hashlib.blake2b(b",".join(envelope.rows)).digest()
        if envelope.rows and rows in self._rows:
            raise PayloadError(f"{asked} gave the rows of an earlier page once more, so its pages may never end.")
        if envelope.next_key in self._keys:
            raise PayloadError(f"{asked} gave a pagination_key that was there before, so its pages never end.")
        self._keys.add(envelope.next_key)
        self._rows.add(rows)


def _sent(get: Callable[[], Answer]) -> Answer:
    try:
        return get()
    except NoAnswerError as error:
        raise TryAgainError(str(error)) from error


def _retry_after(answer: Answer) -> float:
    """Return the seconds that a Retry-After header tells, as a number or as a date by the server's own clock."""
    told = answer.headers.get("retry-after", "").strip()
    if told.isascii() and told.isdecimal():
        return float(told[:9])
    until = _instant(told)
    if until is None:
        return 0.0
    now = _instant(answer.headers.get("date", "")) or datetime.now(UTC)
    return max((until - now).total_seconds(), 1.0)


def _instant(header: str) -> datetime | None:
    """Return an HTTP date; None where the header holds none."""
    try:
        said = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return said if said.tzinfo else said.replace(tzinfo=UTC)


def _message(answer: Answer) -> str:
    try:
        return str(json.loads(answer.body)["message"])[:500]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return answer.body[:200].decode(errors="replace")
