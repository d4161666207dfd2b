"""Where a job begins: which sessions a run needs, and how a worker reads some of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final, Protocol

import polars as pl

from tosho import calendar
from tosho.contracts import BARS
from tosho.features.records import Records
from tosho.point_in_time.prices import splits_of
from tosho.storage import Lake
from tosho.storage.months import WHOLE, View, read_months

Tables = dict[str, pl.DataFrame]
"""Rows by table: bars, securities and others as contracted, and splits, the rows of earlier bars that still count."""

_BARS = View("bars", tuple(name for name in BARS.schema if name != "known_at"))  # known by its session's cutoff
_LISTING = View("listing", ("session", "code", "sector33", "segment", "scale"))
_LISTED = View("listed", ("session", "code"))
_SPLITS = View("splits", ("session", "code", "adj_factor"), splits_of, years=True)
_EVER = View(years=True)
_TOGETHER = 64
"""Sessions of a large table that are in memory at once."""


FAR: Final = 260
"""Sessions before the wanted ones, beyond which only some columns of bars are read: few features look back further."""


class SessionsMissingError(LookupError):
    """The lake lacks bars of a session that the run needs."""


@dataclass(frozen=True)
class Window:
    """The sessions of a run, each list in order.

    `earlier` lie before the lookback: of them only splits and records count. `needed` are read in full and end with
    `wanted`, of which features are made.
    """

    earlier: tuple[date, ...]
    needed: tuple[date, ...]
    wanted: tuple[date, ...]

    @property
    def near_from(self) -> date:
        """The first needed session that does not lie beyond `FAR`."""
        return self.needed[max(self.needed.index(self.wanted[0]) - FAR, 0)]

    def chunks(self, sessions: int) -> list[tuple[list[date], list[date]]]:
        """Return what is read together: some sessions in full, or, of some, what counts however old it is.

        The first are whole months of `needed`, at least so many sessions but the last; the others are years of all.
        """
        years = groupby((*self.earlier, *self.needed), lambda session: session.year)
        return [*(([], list(year)) for _, year in years), *((piece, []) for piece in _pieces(self.needed, sessions))]


def _pieces(sessions: Sequence[date], least: int) -> Iterator[list[date]]:
    piece: list[date] = []
    for _, month in groupby(sessions, lambda session: (session.year, session.month)):
        piece += month
        if len(piece) >= least:
            yield piece
            piece = []
    if piece:
        yield piece


class Source(Protocol):
    """Something workers can read sessions from. It travels by pickle."""

    def read(self, full: list[date], ever: list[date], bars: Sequence[str] | None = None) -> Tables:
        """Return all rows of some sessions, and of others what counts however old it is.

        Args:
            full: The first.
            ever: The others.
            bars: Columns that are read of the table of this name; all if left out.
        """


@dataclass(frozen=True)
class LakeSource:
    """The lake's tables. What is not bars is read where there is any."""

    lake: Lake
    there: Mapping[str, frozenset[date]]
    records: tuple[Records, ...] = ()
    needed_from: date = date.max  # of bars before it only splits count
    listing_from: date = date.min  # of listings before it only who was listed counts, not where

    @classmethod
    def of(
        cls, lake: Lake, window: Window, records: Iterable[Records] = (), listing_from: date = date.min
    ) -> LakeSource:
        """Return a source that knows which sessions of each table are published.

        Args:
            lake: Where.
            window: The sessions.
            records: Records of codes that workers need beside bars, listings and shares.
            listing_from: First session of which sector, segment and scale may count.
        """
        records = tuple(records)
        tables = dict.fromkeys(
            ("bars", "securities", "shares", *(table for found in records for table in found.tables))
        )
        there = {table: frozenset(lake.sessions(table, last=window.needed[-1])) for table in tables}
        return cls(lake, there, records, window.needed[0], listing_from)

    def read(self, full: list[date], ever: list[date], bars: Sequence[str] | None = None) -> Tables:
        """Return all rows of some sessions, and of others what counts however old it is: see `Source`."""
        tables: Tables = {}
        if full:
            tables["bars"] = self._read("bars", full, _BARS, bars)
        if earlier := [session for session in ever if session < self.needed_from]:
            tables["splits"] = self._read("bars", earlier, _SPLITS)
        if listed := self._published("securities", full):
            tables["securities"] = self._listings(listed)
        if stated := self._published("shares", ever):
            tables["shares"] = self._read("shares", stated, _EVER)
        for records in self.records:
            for table in records.tables:
                published = self._published(table, ever if records.lasts is None else full)
                if published and table not in tables:
                    tables[table] = self._read(table, published, _view(records, table))
        return tables

    def _listings(self, sessions: Sequence[date]) -> pl.DataFrame:
        parts = (
            self._read("securities", days, view)
            for days, view in (
                ([session for session in sessions if session < self.listing_from], _LISTED),
                ([session for session in sessions if session >= self.listing_from], _LISTING),
            )
            if days
        )
        return pl.concat(parts, how="diagonal")

    def _read(
        self, table: str, sessions: Sequence[date], view: View = WHOLE, only: Sequence[str] | None = None
    ) -> pl.DataFrame:
        return read_months(self.lake, table, sessions, self.there[table], view, only)

    def _published(self, table: str, sessions: Iterable[date]) -> list[date]:
        return [session for session in sessions if session in self.there[table]]


def codes_in(lake: Lake, sessions: Sequence[date]) -> frozenset[str]:
    """Return the codes with a bar or a listing in some sessions: no other has a row of features in them."""
    found: set[str] = set()
    for table in ("bars", "securities"):
        published = [session for session in sessions if lake.has(table, session)]
        for session in published:
            found.update(lake.read(table, session, ["code"])["code"])
    return frozenset(found)


def read_tables(lake: Lake, records: Records, sessions: Sequence[date]) -> Iterator[Tables]:
    """Yield what some sessions hold of the tables of a kind of records.

    All at once, as a record may be made of all of them; in parts, where each session is made by itself.

    Args:
        lake: Where.
        records: Which.
        sessions: Those that are looked at, in order.
    """
    together = len(sessions) if records.lasts is None else _TOGETHER
    there = {table: frozenset(lake.sessions(table, last=sessions[-1])) for table in records.tables}
    for begin in range(0, len(sessions), together):
        part = sessions[begin : begin + together]
        published = {table: [session for session in part if session in there[table]] for table in records.tables}
        yield {
            table: read_months(lake, table, days, there[table], _view(records, table))
            for table, days in published.items()
            if days
        }


def _view(records: Records, table: str) -> View:
    ever = records.lasts is None
    return View(records.name, records.reads[table], years=ever) if table in records.reads else View(years=ever)


def window_in(lake: Lake, first: date, last: date, lookback: int) -> Window:
    """Return the sessions that features from `first` to `last` need.

    A lake that begins later than the lookback reaches gives a shorter window: the values are null there.

    Raises:
        SessionsMissingError: Bars of a session between the oldest needed one and `last` were not published.
    """
    wanted = calendar.sessions(first, last)
    if not wanted:
        raise SessionsMissingError(f"There is no session from {first} to {last}. Ask for a range that holds one.")
    published = lake.sessions("bars", last=last)
    before = [session for session in published if session < wanted[0]]
    oldest = max(len(before) - lookback, 0)
    needed = calendar.sessions(before[oldest] if before[oldest:] else wanted[0], wanted[-1])
    if missing := sorted(set(needed) - set(published)):
        raise SessionsMissingError(
            f"Features from {first} to {last} need the bars of {len(needed)} sessions from {needed[0]} on; "
            f"{len(missing)} of them are not in {lake.files.root}, the first {missing[0]}. Ingest them, then run again."
        )
    return Window(tuple(before[:oldest]), tuple(needed), tuple(wanted))
