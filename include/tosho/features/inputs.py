"""What a session's features were made from, and whether that is still what is published.

A partition of features records a token of every input partition it was read from: the first four bytes of its checksum,
by table and session. A session's own window counts, not that of the job: a history and an evening record the same.
"""

from __future__ import annotations

import base64
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tosho import calendar
from tosho.features import records
from tosho.features.records import Records
from tosho.point_in_time.prices import splits_of
from tosho.storage import Lake, Manifest, PartitionMissingError

FACT = "inputs"
"""The name under which a manifest keeps the record."""

READ_EVER = ("bars", "shares")
"""Tables read from the lake's beginning on: of bars before the window, only splits count. Records add their own."""

READ_IN_WINDOW = ("securities", "indices")
"""Tables of which the window alone counts. Records that do not last add their own."""

SIDE_BY_SIDE = 16
BATCH = 128
"""Manifests of features in memory together: each is tens of kilobytes."""

_Tokens = npt.NDArray[np.uint32]
_STORED_AS = np.dtype("<u4")


@dataclass(frozen=True)
class Published:
    """What stood in the lake at one look: `tokens[table]` has one number a session, 0 where nothing is published."""

    sessions: tuple[date, ...]
    tokens: Mapping[str, _Tokens]
    ever: tuple[str, ...]
    in_window: tuple[str, ...]

    @classmethod
    def of(cls, lake: Lake, last: date, window_from: date | None = None, kinds: Iterable[Records] = ()) -> Published:
        """Return what is published from the first session with bars to `last`.

        Args:
            lake: Where.
            last: Last session, included.
            window_from: First session of the tables that are read in the window alone; the first of all, if left out.
            kinds: The kinds of records that are read.
        """
        ever, in_window = tables_of(kinds)
        bars = lake.sessions("bars", last=last)
        sessions = tuple(calendar.sessions(bars[0], last)) if bars else ()
        asked = [(table, session) for table in ever for session in sessions]
        asked += [(table, s) for table in in_window for s in sessions if s >= (window_from or s)]
        tokens = {table: np.zeros(len(sessions), np.uint32) for table in (*ever, *in_window)}
        place = {session: number for number, session in enumerate(sessions)}
        for (table, session), token in zip(asked, lake.files.each(lambda at: _token_at(lake, *at), asked), strict=True):
            tokens[table][place[session]] = token
        for table in ever:
            tokens[table][tokens["bars"] == 0] = 0  # read where there are bars
        return cls(sessions, tokens, ever, in_window)

    def made_from(self, session: date, lookback: int) -> dict[str, object]:
        """Return the record of a session's features, for the facts of its manifest."""
        end, begin = bisect_right(self.sessions, session), self._window(session, lookback)
        told = {table: _packed(self.tokens[table][:end]) for table in self.ever}
        told |= {table: _packed(self.tokens[table][begin:end]) for table in self.in_window}
        first, window = self.sessions[0].isoformat(), self.sessions[begin].isoformat()
        return {"lookback": lookback, "first": first, "window": window, **told}

    def _window(self, session: date, lookback: int) -> int:
        """Return the place of the first session that is read in full."""
        end = bisect_left(self.sessions, session)
        with_bars = np.flatnonzero(self.tokens["bars"][:end])
        oldest = max(len(with_bars) - lookback, 0)
        return int(with_bars[oldest]) if oldest < len(with_bars) else end

    def changes_since(self, session: date, record: Mapping[str, Any]) -> Iterator[Change]:
        """Yield what a session's features were made from and is published otherwise now, by table, oldest first."""
        first, window = (date.fromisoformat(record[name]) for name in ("first", "window"))
        begin, end = bisect_left(self.sessions, first), bisect_right(self.sessions, session)
        were = _unpacked(record["bars"])
        if self.sessions[begin:][:1] != (first,) or len(were) != end - begin:  # gone, or the calendar was amended
            yield Change("bars", first, int(were[0]), 0, in_window=True)
            return
        recorded, full = bisect_left(self.sessions, window), self._window(session, record["lookback"])
        for table in (name for name in (*self.ever, *self.in_window) if name in record):
            of_old, of_now = (begin, 0) if table in self.ever else (recorded, full)
            old, now = np.zeros(end, np.uint32), np.zeros(end, np.uint32)
            old[of_old:] = _unpacked(record[table])
            now[of_now:] = self.tokens[table][of_now:end]
            for place in np.flatnonzero(old != now).tolist():
                in_window = place >= min(recorded, full)
                yield Change(table, self.sessions[place], int(old[place]), int(now[place]), in_window=in_window)


def tables_of(kinds: Iterable[Records]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tables that features are made of, those read from the lake's beginning on and those of the window."""
    kinds = tuple(kinds)
    ever = dict.fromkeys(table for kind in kinds if kind.lasts is None for table in kind.tables)
    recent = dict.fromkeys(table for kind in kinds if kind.lasts is not None for table in kind.tables)
    in_window = tuple(dict.fromkeys((*READ_IN_WINDOW, *recent)))
    return tuple(dict.fromkeys((*READ_EVER, *(t for t in ever if t not in in_window)))), in_window


@dataclass(frozen=True)
class Change:
    """An input partition that is published otherwise than it was read; tokens are 0 where there was, or is, none."""

    table: str
    session: date
    was: int
    now: int
    in_window: bool

    def __str__(self) -> str:
        """What changed, for a line."""
        was, now = (f"{token:08x}" if token else "nothing" for token in (self.was, self.now))
        return f"{self.table} of {self.session} was {was}, is {now}"


@dataclass(frozen=True)
class Stale:
    """Features of a session that come from other data than is published now, and why."""

    session: date
    why: str


def to_build(lake: Lake, sessions: Iterable[date], number: int | None = None) -> list[date]:
    """Return those of some sessions, which follow one another, that have no features, stale ones, or another set's.

    Args:
        lake: Where.
        sessions: Which, in order.
        number: The feature set that they must be of; any, if left out.
    """
    wanted = list(sessions)
    there = lake.sessions("features", wanted[0], wanted[-1])
    others = {at for at in there if number is not None and lake.manifest("features", at).facts.get("number") != number}
    absent = set(wanted).difference(there)
    return sorted(absent | others | {found.session for found in stale(lake, wanted[0], wanted[-1])})


def dependents(lake: Lake, last: date, number: int) -> list[Stale]:
    """Return the sessions after one whose features of a set were made from other data than is published now.

    Only those that can be built together with it: up to the first session that has no bars. What is of another set, or
    comes after such a gap, stays stale.

    Args:
        lake: Where.
        last: The session that changed, or the last that did.
        number: The feature set's number.
    """
    after = calendar.next_session(last)
    found = [one for one in stale(lake, after) if lake.manifest("features", one.session).facts.get("number") == number]
    if not found:
        return []
    bars = set(lake.sessions("bars", after))
    gap = next((day for day in calendar.sessions(after, found[-1].session) if day not in bars), date.max)
    return [one for one in found if one.session < gap]


def stale(lake: Lake, first: date | None = None, last: date | None = None) -> Iterator[Stale]:
    """Yield the sessions whose published features were made from other data than is published now, in order.

    Another bar of before a session's window makes its features stale only if a split differs: nothing else of it was
    read. Features that do not tell what they were made from are stale: nobody knows.

    Args:
        lake: Where.
        first: First session asked about, included; all, if left out.
        last: Last session asked about, included.
    """
    sessions = lake.sessions("features", first, last)
    if not sessions:
        return
    published = Published.of(lake, sessions[-1], kinds=records.ALL)
    splits_differ = lru_cache(None)(lambda session, was, now: _splits_differ(lake, session, was, now))
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for begin in range(0, len(sessions), BATCH):
            for manifest in pool.map(lambda s: lake.manifest("features", s), sessions[begin : begin + BATCH]):
                if why := _why(manifest, published, splits_differ):
                    yield Stale(manifest.session, why)


def _why(manifest: Manifest, published: Published, splits_differ: Any) -> str:  # noqa: ANN401 - a cached function
    record = manifest.facts.get(FACT)
    if not isinstance(record, dict):
        return "they do not tell what they were made from"
    found = [
        change
        for change in published.changes_since(manifest.session, record)
        if change.in_window or change.table != "bars" or splits_differ(change.session, change.was, change.now)
    ]
    more = f", and {len(found) - 1} other partitions changed" if found[1:] else ""
    return f"{found[0]}{more}" if found else ""


def _token_at(lake: Lake, table: str, session: date) -> int:
    try:
        stamp = lake.stamp(table, session)
    except PartitionMissingError:
        return 0
    return _token(stamp.sha256) if stamp.rows or table == "bars" else 0  # without rows it is as if it were not


def _token(sha256: str) -> int:
    return int(sha256[:8], 16)


def _splits_differ(lake: Lake, session: date, was: int, now: int) -> bool:
    """Tell whether a session's splits changed; they did, for all we know, where the data read then is kept no more."""
    try:
        before, after = (_splits(lake, session, token) for token in (was, now))
    except PartitionMissingError:
        return True
    return not before.equals(after)


def _splits(lake: Lake, session: date, token: int) -> pl.DataFrame:
    if not token:
        return pl.DataFrame(schema={"session": pl.Date, "code": pl.String, "adj_factor": pl.Float64})
    found: pl.DataFrame = splits_of(lake.read_version("bars", session, f"{token:08x}"))
    return found


def _packed(tokens: _Tokens) -> str:
    return base64.b64encode(tokens.astype(_STORED_AS).tobytes()).decode()


def _unpacked(text: str) -> _Tokens:
    return np.frombuffer(base64.b64decode(text), _STORED_AS).astype(np.uint32)
