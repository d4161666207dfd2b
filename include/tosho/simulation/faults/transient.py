"""Faults that pass. After each of them a correct client asks again and ends with the bytes of a run without."""

# ruff: noqa: ARG002 - every fault is handed the question and the way to the service; not each needs both

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Final

from tosho.simulation.answers import TOO_MANY
from tosho.simulation.faults.exchange import FILES, OK, PAGE_KEY, Answer, Ask, Fault, Request

LONGER_THAN_CLIENTS_WAIT_S: Final = 90.0

_PAGE: Final = b"<!DOCTYPE html><html><body><h1>Service is under maintenance</h1></body></html>"


def _told(status: int, message: str) -> Answer:
    return Answer(json.dumps({"message": message}).encode(), status)


@dataclass(frozen=True)
class TooManyRequests(Fault):
    """Status 429. The client waits as long as Retry-After says, a minute where there is none, and asks again."""

    retry_after: str = ""

    async def answer(self, request: Request, ask: Ask) -> Answer:
        """Refuse; the service is not asked."""
        told = _told(429, TOO_MANY)
        return told.with_header(b"retry-after", self.retry_after.encode()) if self.retry_after else told


@dataclass(frozen=True)
class ServerError(Fault):
    """Status 500. The client asks again, later each time."""

    async def answer(self, request: Request, ask: Ask) -> Answer:
        """Fail; the service is not asked."""
        return _told(500, "Unexpected error. Please try again later.")


@dataclass(frozen=True)
class TimeOut(Fault):
    """No answer for longer than anybody waits. The client hangs up and asks again."""

    silence_s: float = LONGER_THAN_CLIENTS_WAIT_S

    async def answer(self, request: Request, ask: Ask) -> Answer:
        """Answer too late."""
        return replace(await ask(request), after_s=self.silence_s)


@dataclass(frozen=True)
class Truncated(Fault):
    """Half an answer under status 200: no JSON, no whole file. The client notices and asks again."""

    async def answer(self, request: Request, ask: Ask) -> Answer:
        """Cut the answer in half."""
        whole = await ask(request)
        return replace(whole, body=whole.body[: len(whole.body) // 2])


@dataclass(frozen=True)
class WrongContentType(Fault):
    """A web page under status 200, as proxies and maintenance send it. The client notices and asks again."""

    async def answer(self, request: Request, ask: Ask) -> Answer:
        """Send the page; the service is not asked."""
        return Answer(_PAGE, OK, ((b"content-type", b"text/html"),))


@dataclass(frozen=True)
class BrokenCompression(Fault):
    """An answer that says it is gzip and is not. The client takes it for a failed transfer and asks again."""

    async def answer(self, request: Request, ask: Ask) -> Answer:
        """Say that plain bytes are packed."""
        return (await ask(request)).with_header(b"content-encoding", b"gzip")

    def fits(self, request: Request) -> bool:
        """Tell so of answers in JSON: files are packed themselves."""
        return not request.path.startswith(FILES)


@dataclass(frozen=True)
class SlowDrip(Fault):
    """Bytes one at a time, so that no single wait is long. The client waits for the whole, or asks again."""

    pause_s: float = 0.001

    async def answer(self, request: Request, ask: Ask) -> Answer:
        """Send slowly."""
        return replace(await ask(request), drip_s=self.pause_s)


@dataclass(frozen=True)
class RepeatedPage(Fault):
    """The next page is the page before it again, its key included. The client notices by the key and asks again."""

    def fits(self, request: Request) -> bool:
        """Tell so of every page but the first."""
        return PAGE_KEY in request.parameters

    async def answer(self, request: Request, ask: Ask) -> Answer:
        """Find the page that led here, from the first one on."""
        wanted = request.parameters[PAGE_KEY]
        question = {name: value for name, value in request.query if name != PAGE_KEY}
        page = await ask(request.with_query(question))
        while page.status == OK and (key := json.loads(page.body).get(PAGE_KEY, wanted)) != wanted:
            page = await ask(request.with_query(question | {PAGE_KEY: key}))
        return page


def transient(silence_s: float = LONGER_THAN_CLIENTS_WAIT_S, pause_s: float = 0.001) -> tuple[Fault, ...]:
    """Return one of each.

    Args:
        silence_s: How long a time-out lasts; longer than the client waits.
        pause_s: Between the bytes of a slow drip.
    """
    return (
        TooManyRequests(), TooManyRequests("1"), ServerError(), TimeOut(silence_s), Truncated(), WrongContentType(),
        BrokenCompression(), SlowDrip(pause_s), RepeatedPage(),
    )  # fmt: skip
