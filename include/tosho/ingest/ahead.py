"""Asking ahead: the questions of the next sessions are under way while a session is taken in.

A far server answers one question at a time too slowly for a large plan's pace. Sessions are still taken in one after
the other and in order, with the answers that they would have had: what is late is known by what came before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from threading import Event
from typing import Final, Self

from tosho.ingest.fetch import Answers, Asked, Pages, ask, asked
from tosho.ingest.jquants import JQuantsClient
from tosho.ingest.sources import Query, Source
from tosho.storage import Lake

AHEAD: Final = 2
"""Sessions whose answers may be in memory before their turn: while one ends, the next keeps all lines busy."""


class Ahead:
    """The answers of sessions, in order, as many requests at once as the client's lines allow. Use it in a `with`.

    A question that several of these sessions have is asked once. What fails is raised when the session that asked has
    its turn, so that the ones before it are taken in. Whoever leaves early waits for what is on a line, and for
    nothing else: what was not asked yet is not asked any more.
    """

    def __init__(self, lake: Lake, client: JQuantsClient, due: Mapping[date, Sequence[Source]]) -> None:
        """Begin with nothing asked.

        Args:
            lake: Where answers are kept as they come.
            client: Whom to ask, at its own pace.
            due: The sources to ask about by session, the sessions in order.
        """
        self._lake, self._client, self._due = lake, client, due
        self._over = Event()
        self._asking = client.until(self._over)
        self._pool = ThreadPoolExecutor(client.in_flight, "ahead")
        self._asked: dict[Asked, Future[Pages]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown(cancel_futures=True)

    def __iter__(self) -> Iterator[tuple[date, Answers]]:
        """Yield session after session with its answers, some of which may still be under way."""
        sessions = list(self._due)
        for place, session in enumerate(sessions):
            questions = {key: of for near in sessions[place : place + AHEAD + 1] for key, of in self._questions(near)}
            self._asked = {key: self._asked.get(key) or self._begin(*of) for key, of in questions.items()}
            yield session, Answers(self._lake, self._client, self._asked)

    def _questions(self, session: date) -> Iterator[tuple[Asked, tuple[Source, Query]]]:
        for source in self._due[session]:
            for query in source.ask(session):
                yield asked(source, query), (source, query)

    def _begin(self, source: Source, query: Query) -> Future[Pages]:
        return self._pool.submit(ask, source, query, self._lake, self._asking)
