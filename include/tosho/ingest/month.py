"""A month of sessions from bulk files to the lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

import polars as pl

from tosho.calendar import previous_session, sessions
from tosho.contracts import RULE, Checked
from tosho.ingest import bulk
from tosho.ingest.bulk import BulkFile
from tosho.ingest.jquants import JQuantsClient
from tosho.ingest.session import Report, put
from tosho.ingest.sources import SHARES, Source
from tosho.observability.log import logger
from tosho.storage import Lake, PartitionMissingError
from tosho.storage.manifest import Source as Kept

Files = Mapping[Source, Sequence[BulkFile]]

WRITERS = 4
"""Partitions written at once: every write waits for the disk."""

NOT_A_SESSION = "not_a_session"
"""The rule that rows break which J-Quants sends for a day without trading, as for 2020-10-01."""

_log = logger(__name__)


class Published(NamedTuple):
    """What a month came to."""

    reports: list[Report]
    sessions: int
    not_in_files: list[date]


@dataclass(frozen=True)
class Month:
    """The sessions of one month that are wanted, and the files that may hold them."""

    sessions: tuple[date, ...]
    listed: Files
    lake: Lake
    client: JQuantsClient

    def publish(self) -> Published:
        """Publish what is not there yet, or came from other files; name the sessions that the files do not hold."""
        held = [session for session in self.sessions if self._in_files(session)]
        stale = {source: [s for s in held if self._is_stale(source, s)] for source in self.listed}
        rows = {source: self._rows(source, days) for source, days in stale.items() if days}
        lacking = {s for source, found in rows.items() if source.always for s in stale[source] if s not in found}
        reports = [
            report
            for source, found in rows.items()
            for report in self._put(source, found, [s for s in stale[source] if s not in lacking])
        ]
        published = {session for days in stale.values() for session in days} - lacking
        absent = [s for s in self.sessions if s not in held or s in lacking]
        return Published(reports, len(published), absent)

    @cached_property
    def _kept(self) -> dict[Source, list[tuple[BulkFile, Kept]]]:
        """The files of this month, downloaded where they were not; of statements, those of the days before too."""
        return {
            source: [
                (file, bulk.kept(source, file, self.lake, self.client))
                for file in files
                if file.holds(_since(source, self.sessions[0]), self.sessions[-1])
            ]
            for source, files in self.listed.items()
        }

    def _in_files(self, session: date) -> bool:
        return all(
            any(file.holds(session, session) for file in files)
            for source, files in self.listed.items()
            if source.always
        )

    def _payloads(self, source: Source, session: date) -> tuple[Kept, ...]:
        first = _since(source, session)
        return tuple(kept for file, kept in self._kept[source] if file.holds(first, session))

    def _is_stale(self, source: Source, session: date) -> bool:
        try:
            return self.lake.manifest(source.table, session).sources != self._payloads(source, session)
        except PartitionMissingError:
            return True

    def _rows(self, source: Source, days: Sequence[date]) -> dict[date, Checked]:
        """Return the rows of some sessions, checked; sessions without any are left out."""
        payloads = dict.fromkeys(kept for session in days for kept in self._payloads(source, session))
        rows = bulk.rows_of(source, payloads, self.lake)
        self._set_aside(source, rows)
        checked = source.check(rows.filter(pl.col("session").is_in(days)))
        good, bad = (frame.partition_by("session", as_dict=True) for frame in checked)
        empty = Checked(checked.good.clear(), checked.bad.clear())
        return {
            session: Checked(good.get((session,), empty.good), bad.get((session,), empty.bad))
            for session in days
            if not source.always or (session,) in good or (session,) in bad
        }

    def _put(self, source: Source, found: Mapping[date, Checked], days: Sequence[date]) -> list[Report]:
        def put_one(session: date) -> Report:
            kept = self._payloads(source, session)
            return {source.table: put(self.lake, source.table, session, found[session], kept)}

        with ThreadPoolExecutor(WRITERS) as pool:
            return list(pool.map(put_one, days))

    def _set_aside(self, source: Source, rows: pl.DataFrame) -> None:
        """Quarantine rows for days of this month on which the exchange did not trade."""
        if not rows.height:
            return
        first, last = self.sessions[0].replace(day=1), self.sessions[-1]
        off = rows.filter(pl.col("session").is_between(first, last) & ~pl.col("session").is_in(sessions(first, last)))
        for (day,), strange in off.partition_by("session", as_dict=True).items():
            _log.warning("%s: %d rows are for %s, which is no session; quarantined", source.table, strange.height, day)
            assert isinstance(day, date)
            self.lake.quarantine(source.table, day, strange.with_columns(pl.lit(NOT_A_SESSION).alias(RULE)))


def _since(source: Source, session: date) -> date:
    """Return the first day whose rows may belong to a session's partition."""
    return previous_session(session) if source is SHARES else session
