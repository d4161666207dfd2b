"""All gates on what a lake holds of a session, for sessions that are judged one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial

import polars as pl

from tosho.calendar import offset, previous_session
from tosho.quality import agreement, runs
from tosho.quality.expectations import EXPECTED, Expected
from tosho.quality.filled import Filled
from tosho.quality.ingest import after_first_ingest, after_ingest
from tosho.quality.ledger import Ledger
from tosho.quality.listing import Listings
from tosho.quality.tables import Held, after_table, never_any
from tosho.quality.verdict import Verdict
from tosho.storage import Lake

USUAL_OVER = 20
"""Partitions before a session that make what is usual: the number of rows, and which columns are filled."""

Frames = dict[str, pl.DataFrame]


@dataclass
class DataJudge:
    """Judges what was ingested, session after session. Each partition is read once, and two sessions are held.

    Where a column is empty, how full the partitions of before were is read besides, and kept.

    A table that the lake has had no row of up to a session is not judged: the plan does not have it, or not yet.
    """

    lake: Lake
    ledger: Ledger = field(init=False)
    _listings: Listings = field(init=False)
    _last: dict[str, tuple[date, pl.DataFrame]] = field(default_factory=dict)
    _filled: dict[str, dict[date, Filled | None]] = field(default_factory=dict)
    _runs: tuple[date, pl.DataFrame] | None = None

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.lake)
        self._listings = Listings(self.ledger)

    def judge(self, session: date) -> list[Verdict]:
        """Return the verdicts on a session.

        Raises:
            NotASessionError: The day is none.
            PartitionMissingError: The session's bars were never published.
            CorruptPartitionError: A partition is not the one that was published.
        """
        offset(session, 0)
        quarantined = self.lake.manifest("bars", session).quarantined
        judged = [expected for expected in EXPECTED if expected.core or self.ledger.newest(expected.table, session)]
        held = {expected.table: self._read(expected.table, session) for expected in judged}
        frames = {table: frame for table, frame in held.items() if frame is not None}
        if _sound(frames, "securities"):
            self._listings.take(session, frames["securities"]["code"])
        found = [
            verdict for expected in judged for verdict in after_table(expected, self._held(expected, session, frames))
        ]
        found += self._beside_each_other(session, frames, quarantined)
        for expected in EXPECTED:
            if expected not in judged:
                found += never_any(expected.table, self.ledger.asked(expected.table, session))
        for expected in judged:
            if (frame := frames.get(expected.table)) is not None and frame.height:
                self._last[expected.table] = session, frame
                kept = self._filled.setdefault(expected.table, {})
                kept[session] = _filled(expected, frame)
                if len(kept) > USUAL_OVER:
                    kept.pop(next(iter(kept)))
        return found

    def _read(self, table: str, session: date) -> pl.DataFrame | None:
        return None if self.ledger.rows(table, session) is None else self.lake.read(table, session)

    def _held(self, expected: Expected, session: date, frames: Frames) -> Held:
        table, frame = expected.table, frames.get(expected.table)
        before = self.ledger.before(table, session, USUAL_OVER)
        sound = frame is not None and _sound(frames, table)
        previous = None
        if sound and before:
            previous = _conforming(expected, self._earlier(table, before[-1]))
        unknown: frozenset[str] = frozenset()
        if sound and frame is not None and expected.about_codes:
            unknown = self._listings.unknown(frame["code"].unique().to_list())
        listed = frames["securities"]["code"].to_list() if expected.of_listing and _sound(frames, "securities") else ()
        counts = [self.ledger.rows(table, known) or 0 for known in before]
        newest = self.ledger.newest(table, session)
        filled = partial(self._filled_before, expected, before)
        return Held(session, frame, newest, counts, previous, frozenset(listed), unknown, filled)

    def _filled_before(self, expected: Expected, before: Sequence[date]) -> list[Filled]:
        """Return how full some partitions were; an old one, with other columns, is nothing to compare with."""
        table = expected.table
        known = self._filled.get(table, {})
        self._filled[table] = {
            at: known[at] if at in known else _filled(expected, self.lake.read(table, at)) for at in before
        }
        return [filled for filled in self._filled[table].values() if filled is not None]

    def _earlier(self, table: str, session: date) -> pl.DataFrame:
        known = self._last.get(table)
        return known[1] if known and known[0] == session else self.lake.read(table, session)

    def _beside_each_other(self, session: date, frames: Frames, quarantined: Mapping[str, int]) -> list[Verdict]:
        """Return the verdicts on several tables, and on bars beside earlier ones; on none that breaks its contract."""
        if not all(_sound(frames, table) for table in ("bars", "securities", "indices") if table in frames):
            return []
        found = self._core(session, frames, quarantined)
        if "trading_days" in frames and _sound(frames, "trading_days"):
            found += agreement.trading_days(frames["trading_days"], session)
        if "indices" in frames and _sound(frames, "all_indices") and frames["all_indices"].height:
            found.append(agreement.topix(frames["indices"], frames["all_indices"]))
        if "bars" in frames:
            found.append(runs.constant_run(self._count_runs(session, frames["bars"])))
        return found

    def _core(self, session: date, frames: Frames, quarantined: Mapping[str, int]) -> list[Verdict]:
        bars, securities, indices = (frames.get(table) for table in ("bars", "securities", "indices"))
        before = previous_session(session)
        has_before = self.ledger.rows("bars", before) is not None
        if not has_before and not self.ledger.earlier("bars", session):  # the lake begins here
            return after_first_ingest(bars, securities, indices, quarantined, session)
        previous = self._earlier("bars", before) if has_before else None
        return after_ingest(bars, securities, indices, previous, quarantined, session)

    def _count_runs(self, session: date, bars: pl.DataFrame) -> pl.DataFrame:
        before = previous_session(session)
        if self._runs is None or self._runs[0] != before:
            self._runs = self._runs_until(before)
        counted = runs.next_runs(self._runs[1], bars) if self._runs else runs.first_runs(bars)
        self._runs = (session, counted)
        return counted

    def _runs_until(self, session: date) -> tuple[date, pl.DataFrame] | None:
        """Return the runs up to a session, of sessions without a gap between them; None if it is not there."""
        wanted: list[date] = []
        while len(wanted) < runs.RUN_AT_MOST and self.ledger.rows("bars", session):
            wanted.append(session)
            session = previous_session(session)
        counted: pl.DataFrame | None = None
        for known in reversed(wanted):
            bars = self.lake.read("bars", known, runs.READ)
            counted = runs.first_runs(bars) if counted is None else runs.next_runs(counted, bars)
        return None if counted is None else (wanted[0], counted)


def _sound(frames: Frames, table: str) -> bool:
    """Tell whether a table is there with the types and columns of its contract."""
    return table in frames and frames[table].schema == _SCHEMAS[table]


def _conforming(expected: Expected, frame: pl.DataFrame) -> pl.DataFrame | None:
    """Return a partition of before if it has today's columns: an old one is nothing to compare with."""
    return frame if frame.schema == expected.contract.schema else None


def _filled(expected: Expected, frame: pl.DataFrame) -> Filled | None:
    """Return how full a partition is, if it has today's columns."""
    return Filled.of(expected.contract, frame, expected.kind) if frame.schema == expected.contract.schema else None


_SCHEMAS = {expected.table: expected.contract.schema for expected in EXPECTED}
