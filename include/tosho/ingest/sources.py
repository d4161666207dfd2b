"""The sources of a session: which endpoint fills which table, and how its rows are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from tosho.contracts import TABLES, Checked, Contract, ContractError
from tosho.ingest import plans
from tosho.ingest.bars import to_bars
from tosho.ingest.errors import NotYetPublishedError, PayloadError
from tosho.ingest.indices import to_indices
from tosho.ingest.jquants import JQuantsClient, Page
from tosho.ingest.securities import to_securities
from tosho.ingest.shares import disclosed_on, disclosure_dates, to_shares
from tosho.ingest.stand_ins import bars_stand_ins
from tosho.storage import Lake, raw
from tosho.storage.manifest import Source as Kept


def no_stand_ins(checked: Checked) -> pl.DataFrame:
    """Return no row: what is bad is only set aside."""
    return checked.good.clear()


@dataclass(frozen=True)
class Source:
    """One endpoint and the table that it fills."""

    table: str
    name: str
    endpoint: str
    read: Callable[[pl.DataFrame], pl.DataFrame]
    always: bool = True  # a session without a row of it is not published yet
    stand_ins: Callable[[Checked], pl.DataFrame] = no_stand_ins  # rows in the place of bad ones

    @property
    def day(self) -> pl.Expr:
        """The day in whose files and answers a row of the table belongs: of a statement that of its disclosure."""
        return disclosed_on() if self.table == "shares" else pl.col("session")

    @property
    def contract(self) -> Contract:
        """What the table promises."""
        return TABLES[self.table]

    def check(self, rows: pl.DataFrame) -> Checked:
        """Sort rows into those to publish, stand-ins among them, and those to set aside.

        Raises:
            ContractError: A column is null throughout, or a session has no good row but stand-ins.
        """
        checked = self.contract.check(rows)
        stand_ins = self.stand_ins(checked)
        return Checked(pl.concat([checked.good, stand_ins]).sort(self.contract.key), checked.bad)


SECURITIES: Final = Source("securities", "master", plans.MASTER, to_securities)
INDICES: Final = Source("indices", "topix", plans.TOPIX, to_indices)
SHARES: Final = Source("shares", "fins_summary", plans.FINS, to_shares, always=False)
BARS: Final = Source("bars", "bars_daily", plans.BARS, to_bars, stand_ins=bars_stand_ins)

SOURCES: Final = (SECURITIES, INDICES, SHARES, BARS)
"""In the order in which a session is published: who has its bars has the rest of it."""


@dataclass(frozen=True)
class Fetched:
    """A source's rows of one session in the table's columns, not yet checked, and the payloads they came from."""

    source: Source
    rows: pl.DataFrame
    kept: tuple[Kept, ...]


def fetch(source: Source, session: date, lake: Lake, client: JQuantsClient, code: str = "") -> Fetched:
    """Ask for a session's rows of a source, all or those of one code, and keep every page as it came.

    Raises:
        NotYetPublishedError: There are none, of a source that always has some.
        PayloadError: The answer is about another session or code.
        ContractError: Columns are not those that the source is known for.
    """
    pages = [page for query in _queries(source, session, code) for page in _kept_pages(source, query, lake, client)]
    rows = source.read(_joined(source, [page.rows for page, _ in pages if page.rows.height]))
    mine = rows.filter(pl.col("session") == session)
    if rows.height or not code:
        _require_session(source, session, rows, mine)
    if code:
        _require_code(source, code, mine)
    return Fetched(source, mine, tuple(kept for _, kept in pages))


def _joined(source: Source, pages: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the pages as one frame; a column that only some of them have would become nulls on the others."""
    for page in pages:
        if odd := set(page.columns) ^ set(pages[0].columns):
            raise ContractError(f"Source {source.name}: the column(s) {sorted(odd)} are on some pages only.")
    return pl.concat(pages, how="diagonal") if pages else pl.DataFrame()


def _queries(source: Source, session: date, code: str) -> list[dict[str, str]]:
    """Return the questions that a session's rows take."""
    one = {"code": code} if code else {}
    if source is SHARES:
        return [one | {"date": day.isoformat()} for day in disclosure_dates(session)]
    if source is INDICES:
        return [{"from": session.isoformat(), "to": session.isoformat()}]
    return [one | {"date": session.isoformat()}]


def _kept_pages(
    source: Source, query: dict[str, str], lake: Lake, client: JQuantsClient
) -> Iterable[tuple[Page, Kept]]:
    asked = ",".join(f"{name}={value}" for name, value in query.items())
    for number, page in enumerate(client.pages(source.endpoint, **query), start=1):
        yield page, raw.keep(lake, source.name, f"{asked},page={number}", page.body)


def _require_session(source: Source, session: date, rows: pl.DataFrame, mine: pl.DataFrame) -> None:
    if not source.always or (mine.height and mine.height == rows.height):
        return
    if not rows.height:
        raise NotYetPublishedError(
            f"J-Quants has no row of {source.endpoint} for session {session} yet. Ask again after its publication."
        )
    others = rows["session"].unique().sort().head(3).to_list()
    raise PayloadError(
        f"{source.endpoint} was asked for session {session} and answered {rows.height} rows, {mine.height} of them of "
        f"that session; there are rows of {', '.join(str(other) for other in others)}. Nothing was published."
    )


def _require_code(source: Source, code: str, mine: pl.DataFrame) -> None:
    others = mine.filter(pl.col("code").ne_missing(code))["code"]
    if others.len():
        raise PayloadError(
            f"{source.endpoint} was asked for code {code} and answered {others.len()} rows of other codes, the first "
            f"of {others[0]!r}. Nothing was published."
        )
