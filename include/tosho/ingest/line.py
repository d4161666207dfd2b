"""One connection, used by one request at a time, that gives up on an answer which takes too long or is too large.

The time-outs of httpx begin again with every byte, so that a server which sends one now and then could hold a task
for hours. Here a second thread shuts the socket when the time for the whole is over, headers included.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping
from queue import LifoQueue
from threading import Timer
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx

CONNECT_S: Final = 10.0
SILENCE_S: Final = 60.0


class NoAnswerError(Exception):
    """Nothing, or not everything, arrived. It never leaves the client."""


class Answer(NamedTuple):
    """What a server sent."""

    status: int
    headers: httpx.Headers
    body: bytes


class Limits(NamedTuple):
    """How long a whole answer may take, and how many bytes its body may have."""

    seconds: float
    size: int


class Line:
    """A connection that is opened when it is first needed and kept while it is good. Not for two threads at once."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)
        self._client: httpx.Client | None = None
        self._streams: list[Any] = []  # the one that is open, of httpcore, which keeps its types elsewhere

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()

    def get(self, url: str, query: Mapping[str, str], limits: Limits, *, as_sent: bool = False) -> Answer:
        """Return an answer that arrived whole.

        Args:
            url: Where to ask.
            query: Its parameters; none leave those that are in the URL.
            limits: What is waited for at most.
            as_sent: Leave a compression in place: the file is what was compressed.

        Raises:
            NoAnswerError: It did not.
        """
        with _deadline(limits.seconds, self._streams) as watch:
            try:
                return self._get(url, query, limits, watch, as_sent=as_sent)
            except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
                said = f"had not finished its answer after {limits.seconds:.0f} s" if watch.over else "did not answer"
                raise NoAnswerError(f"{_host(url)} {said}: {error!r}") from error

    def _get(self, url: str, query: Mapping[str, str], limits: Limits, watch: _Watch, *, as_sent: bool) -> Answer:
        extensions = {"trace": watch.trace}
        with self._opened().stream("GET", url, params=query or None, extensions=extensions) as response:
            body = bytearray()
            for part in response.iter_raw() if as_sent else response.iter_bytes():
                body += part
                if len(body) > limits.size:
                    raise NoAnswerError(f"{_host(url)} sent more than the {limits.size:,} bytes that are believed")
            if watch.over:  # a body that tells no length seems complete where the socket was shut
                raise httpx.ReadTimeout("the time for the whole answer is over")
            return Answer(response.status_code, response.headers, bytes(body))

    def _opened(self) -> httpx.Client:
        if self._client is None:
            timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
            self._client = httpx.Client(headers=self._headers, timeout=timeout, limits=httpx.Limits(max_connections=1))
        return self._client


class Lines:
    """So many lines and no more: who finds none free waits for one."""

    def __init__(self, count: int, headers: Mapping[str, str]) -> None:
        self._all = [Line(headers) for _ in range(count)]
        self._free: LifoQueue[Line] = LifoQueue()  # the last used is the one most probably still open
        for line in self._all:
            self._free.put(line)

    def close(self) -> None:
        """Close all of them."""
        for line in self._all:
            line.close()

    @contextlib.contextmanager
    def one(self) -> Iterator[Line]:
        """Lend a line."""
        line = self._free.get()
        try:
            yield line
        finally:
            self._free.put(line)


def _host(url: str) -> str:
    """Return an address without its path and query, which may be signed."""
    try:
        where = urlsplit(url)
    except ValueError:
        return "an address that is none"
    return f"{where.scheme}://{where.netloc}"


@contextlib.contextmanager
def _deadline(seconds: float, streams: list[Any]) -> Iterator[_Watch]:
    watch = _Watch(streams)
    timer = Timer(seconds, watch.cut)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    finally:
        timer.cancel()


class _Watch:
    """Knows the socket of a request that is under way, and shuts it when its time is over."""

    def __init__(self, streams: list[Any]) -> None:
        self._streams, self.over = streams, False

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of a connection that httpcore has made."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._streams[:] = [info["return_value"]]
            if self.over:
                raise httpx.ConnectTimeout("the time for the whole answer is over")

    def cut(self) -> None:
        """End what is under way."""
        self.over = True
        for stream in self._streams:
            with contextlib.suppress(OSError):  # it was closed in the meantime
                socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)
