"""A question to the simulated service and its answer, as something that can be spoiled on the way."""

# ruff: noqa: ARG002 - every fault is handed the question and the way to the service; not each needs both

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Message, Receive, Scope, Send

OK: Final = 200
FILES: Final = "/bulk-files/"
PAGE_KEY: Final = "pagination_key"
DRIPS: Final = 2_000
"""How many bytes of a dripping answer come one at a time; what is left after them comes at once."""

Row = dict[str, Any]
Rows = Callable[[list[Row]], list[Row]]


@dataclass(frozen=True)
class Request:
    """What is asked, and how often it was asked before."""

    path: str
    query: tuple[tuple[str, str], ...] = ()
    before: int = 0

    @classmethod
    def of(cls, scope: Scope) -> Request:
        """Return the question of a connection."""
        return cls(scope["path"], tuple(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)))

    @property
    def parameters(self) -> Mapping[str, str]:
        """The query by name."""
        return dict(self.query)

    @property
    def is_file(self) -> bool:
        """Whether a bulk file is asked for, whose query is a signature and no question."""
        return self.path.startswith(FILES)

    @property
    def name(self) -> str:
        """The question in one line: the same as long as the same is asked."""
        return self.path if self.is_file else f"{self.path}?{urlencode(sorted(self.query))}"

    def with_query(self, query: Mapping[str, str]) -> Request:
        """Return the same question with another query."""
        return replace(self, query=tuple(query.items()))


@dataclass(frozen=True)
class Answer:
    """What is sent, and how fast."""

    body: bytes
    status: int = OK
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),)
    after_s: float = 0.0
    drip_s: float | None = None  # the pause between single bytes

    def with_header(self, name: bytes, value: bytes) -> Answer:
        """Return the same answer, with one header set."""
        return replace(self, headers=(*(pair for pair in self.headers if pair[0] != name), (name, value)))

    def with_rows(self, request: Request, change: Rows) -> Answer:
        """Return the answer with other rows, of a page of JSON or of a file of CSV; a refusal stays as it is."""
        if self.status != OK:
            return self
        if request.is_file:
            return replace(self, body=gzip.compress(_changed_csv(gzip.decompress(self.body), change), mtime=0))
        content = json.loads(self.body)
        if "data" not in content:
            return self
        return replace(self, body=json.dumps(content | {"data": change(content["data"])}).encode())


Ask = Callable[[Request], Awaitable[Answer]]
"""Puts a question to the honest service."""


class Fault(ABC):
    """One way in which an answer goes wrong. Its docstring says what a correct client does about it."""

    def fits(self, request: Request) -> bool:
        """Tell whether the fault can befall this question."""
        return True

    @abstractmethod
    async def answer(self, request: Request, ask: Ask) -> Answer:
        """Return what is sent in the place of the honest answer."""


def asking(app: ASGIApp, scope: Scope) -> Ask:
    """Return a way to put questions to an app on behalf of a connection; answers are not compressed."""
    plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def ask(request: Request) -> Answer:
        sent: list[Message] = []

        async def collect(message: Message) -> None:
            sent.append(message)

        query = urlencode(request.query).encode()
        await app({**scope, "query_string": query, "headers": plain}, receive, collect)
        headers = tuple(pair for pair in sent[0]["headers"] if pair[0] != b"content-length")
        return Answer(b"".join(part.get("body", b"") for part in sent), sent[0]["status"], headers)

    return ask


async def deliver(answer: Answer, receive: Receive, send: Send) -> None:
    """Send an answer as fast as it says; who hangs up meanwhile gets no more of it."""
    gone = asyncio.create_task(_hung_up(receive))
    try:
        await asyncio.wait({gone}, timeout=answer.after_s)
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        dripping = DRIPS if answer.drip_s is not None else 0
        for byte in answer.body[:dripping]:
            if gone.done():
                return
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
            await asyncio.sleep(answer.drip_s or 0.0)
        await send({"type": "http.response.body", "body": answer.body[dripping:]})
    finally:
        gone.cancel()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _changed_csv(body: bytes, change: Rows) -> bytes:
    rows = change(list(csv.DictReader(io.StringIO(body.decode(), newline=""))))
    names = dict.fromkeys(name for row in rows for name in row) or dict.fromkeys(
        body.decode().splitlines()[0].split(",")
    )
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue().encode()
