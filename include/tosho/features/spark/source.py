"""Where the job begins: which sessions a run needs, and how a worker reads some of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

import polars as pl

from tosho import calendar
from tosho.contracts import BARS
from tosho.point_in_time.prices import splits_of
from tosho.storage import Lake

Tables = dict[str, pl.DataFrame]
"""Rows by table: bars, securities and shares as contracted, and splits, the rows of earlier bars that still count."""

_BARS = tuple(name for name in BARS.schema if name != "known_at")  # a bar of a session is known by its cutoff
_LISTING = ("session", "code", "sector33", "segment", "scale")
_SPLIT = ("session", "code", "adj_factor")


class SessionsMissingError(LookupError):
    """The lake lacks bars of a session that the run needs."""


@dataclass(frozen=True)
class Window:
    """The sessions of a run, each list in order.

    `earlier` lie before the lookback: of them only splits and statements count. `needed` are read in full and end
    with `wanted`, of which features are made.
    """

    earlier: tuple[date, ...]
    needed: tuple[date, ...]
    wanted: tuple[date, ...]


class Source(Protocol):
    """Something workers can read sessions from. It travels by pickle."""

    def read(self, needed: list[date], earlier: list[date]) -> Tables:
        """Return all rows of the needed sessions, and of the earlier ones those that still count."""


@dataclass(frozen=True)
class LakeSource:
    """The lake's tables. Statements and listings are read where there are any."""

    lake: Lake
    securities: frozenset[date]
    shares: frozenset[date]

    @classmethod
    def of(cls, lake: Lake, last: date) -> LakeSource:
        """Return a source that knows which sessions of each table are published."""
        return cls(
            lake, frozenset(lake.sessions("securities", last=last)), frozenset(lake.sessions("shares", last=last))
        )

    def read(self, needed: list[date], earlier: list[date]) -> Tables:
        """Return all rows of the needed sessions, and of the earlier ones those that still count."""
        listed = [session for session in needed if session in self.securities]
        stated = [session for session in (*earlier, *needed) if session in self.shares]
        tables: Tables = {}
        if needed:
            tables["bars"] = self.lake.read_many("bars", needed, _BARS)
        if earlier:
            tables["splits"] = splits_of(self.lake.read_many("bars", earlier, _SPLIT))
        if listed:
            tables["securities"] = self.lake.read_many("securities", listed, _LISTING)
        if stated:
            tables["shares"] = self.lake.read_many("shares", stated)
        return tables


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
