"""A source's rows of one session: asked for, kept as they came, read, and found to be about what was asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from tosho.contracts import ContractError
from tosho.ingest.errors import NotYetPublishedError, OutsideWindowError, PayloadError
from tosho.ingest.jquants import JQuantsClient, Page
from tosho.ingest.late import late_rows, recorded, without
from tosho.ingest.sources import Query, Source
from tosho.observability.log import logger
from tosho.storage import Lake, raw
from tosho.storage.manifest import Source as Kept

_log = logger(__name__)


@dataclass(frozen=True)
class Fetched:
    """A source's rows of one session in the table's columns, not yet checked, and the payloads they came from."""

    source: Source
    rows: pl.DataFrame
    kept: tuple[Kept, ...]


Pages = list[tuple[Page, Kept]]
"""An answer, each page with the record of where it is kept."""
Asked = tuple[str, str]
"""The name of a source and the question, which tell answers apart."""


@dataclass(frozen=True)
class Answers:
    """What J-Quants answered within one run. Two tables that are made of one answer ask for it once.

    What was asked `ahead` is waited for; everything else is asked when it is needed.
    """

    lake: Lake
    client: JQuantsClient
    ahead: Mapping[Asked, Future[Pages]] = field(default_factory=dict)
    _known: dict[Asked, Pages] = field(default_factory=dict)

    def pages(self, source: Source, query: Query) -> Pages:
        """Return the pages of an answer, each kept as it came."""
        key = asked(source, query)
        if key not in self._known:
            there = self.ahead.get(key)
            self._known[key] = there.result() if there else ask(source, query, self.lake, self.client)
        return self._known[key]


def asked(source: Source, query: Query) -> Asked:
    """Return what tells an answer apart."""
    return source.name, ",".join(f"{name}={value}" for name, value in query.items())


def ask(source: Source, query: Query, lake: Lake, client: JQuantsClient) -> Pages:
    """Ask a question, and keep every page as it comes."""
    _, told = asked(source, query)
    return [
        (page, raw.keep(lake, source.name, _request(told, number), page.body))
        for number, page in enumerate(client.pages(source.endpoint, **query), start=1)
    ]


def fetch(source: Source, session: date, answers: Answers, code: str = "") -> Fetched:
    """Ask for a session's rows of a source, all or those of one code, and keep every page as it came.

    Of what only today's answer has, the rows of later sessions come along: they cannot be asked for again. What
    belongs to the session before and was not there when that was taken in was late, and is known only now.

    Raises:
        NotYetPublishedError: There are none, of a source that always has some.
        PayloadError: The answer is about other days, or another code.
        ContractError: Columns are not those that the source is known for.
    """
    pages = [page for query in _queries(source, session, code) for page in _answered(source, query, answers)]
    rows = source.read(_joined(source, [page.rows for page, _ in pages if page.rows.height]))
    this = pl.col("session").ge(session) if source.of_the_moment else pl.col("session") == session
    mine = rows.filter(pl.col("session").is_null() | this)
    if rows.height and not code and rows["session"].null_count() == rows.height:
        source.contract.check(rows)  # says by name that the source has lost its days
    if rows.height or not code:
        _require_session(source, session, rows, mine)
    if code:
        _require_code(source, code, mine)
    if source.late is not None:
        in_time = without(mine, recorded(source, session, rows, answers.lake), source)
        mine = pl.concat([in_time, late_rows(source, session, rows, answers.lake)])
    return Fetched(source, mine, tuple(kept for _, kept in pages))


def fetch_range(source: Source, sessions: Sequence[date], answers: Answers) -> Iterator[tuple[date, Fetched]]:
    """Ask once for many sessions' rows of a source, and yield them session by session."""
    days = [found for found in map(source.days, sessions) if found]
    query = {"from": days[0].first.isoformat(), "to": days[-1].last.isoformat()}
    pages = answers.pages(source, query)
    kept = tuple(record for _, record in pages)
    rows = source.read(_joined(source, [page.rows for page, _ in pages if page.rows.height]))
    found = rows.partition_by("session", as_dict=True)
    lost = found.get((None,), rows.clear())  # of no session: they wait in the first one's quarantine
    for session in sessions:
        yield session, Fetched(source, pl.concat([found.get((session,), rows.clear()), lost]), kept)
        lost = lost.clear()


def _request(told: str, number: int) -> str:
    return f"{told or 'now'},page={number}"


def _queries(source: Source, session: date, code: str) -> list[Query]:
    return [({"code": code} if code else {}) | query for query in source.ask(session)]


def _answered(source: Source, query: Query, answers: Answers) -> Pages:
    try:
        return answers.pages(source, query)
    except (NotYetPublishedError, OutsideWindowError) as error:
        if source.always:
            raise
        _log.warning("%s: nothing to %s: %s", source.table, query, error)
        return []


def _joined(source: Source, pages: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the pages as one frame; a column that only some of them have would become nulls on the others."""
    for page in pages:
        if odd := set(page.columns) ^ set(pages[0].columns):
            raise ContractError(f"Source {source.name}: the column(s) {sorted(odd)} are on some pages only.")
    return pl.concat(pages, how="diagonal") if pages else pl.DataFrame()


def _require_session(source: Source, session: date, rows: pl.DataFrame, mine: pl.DataFrame) -> None:
    """Refuse what is not about the session: of a source that is always there any row, of others a row of other days."""
    days = source.days(session)
    if source.of_the_moment or days is None:
        return
    if source.always and not rows.height:
        raise NotYetPublishedError(
            f"J-Quants has no row of {source.endpoint} for session {session} yet. Ask again after its publication."
        )
    strange = pl.col("session").ne_missing(session) if source.always else ~source.day.is_between(*days)
    others = rows.filter(strange) if rows.height else rows
    if others.height:
        named = others.select(source.day.unique().sort().head(3)).to_series()
        raise PayloadError(
            f"{source.endpoint} was asked for session {session} and answered {rows.height} rows, {mine.height} of "
            f"them of that session; there are rows of {', '.join(map(str, named))}. Nothing was published."
        )


def _require_code(source: Source, code: str, mine: pl.DataFrame) -> None:
    others = mine.filter(pl.col("code").ne_missing(code))["code"]
    if others.len():
        raise PayloadError(
            f"{source.endpoint} was asked for code {code} and answered {others.len()} rows of other codes, the first "
            f"of {others[0]!r}. Nothing was published."
        )
