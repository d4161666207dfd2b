"""A month of sessions from bulk files to the lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import NamedTuple

import polars as pl

from tosho.contracts import Checked
from tosho.ingest import bulk, hindsight, strays
from tosho.ingest.bulk import BulkFile
from tosho.ingest.hindsight import Known
from tosho.ingest.jquants import JQuantsClient
from tosho.ingest.session import Report, put
from tosho.ingest.sources import Source
from tosho.ingest.strays import Part
from tosho.storage import Lake, PartitionMissingError
from tosho.storage.manifest import Source as Kept

Files = Mapping[Source, Sequence[BulkFile]]

WRITERS = 4
"""Partitions written at once: every write waits for the disk."""


class Published(NamedTuple):
    """What a month came to."""

    reports: list[Report]
    sessions: set[date]
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
        due, held = self._due, self._held
        stale = {source: [s for s in held if source.is_due(s) and self._is_stale(source, s)] for source in self.listed}
        parts = {source: self._parts(source, days) for source, days in stale.items() if days}
        known = {source: self._known(source, stale[source], held_by) for source, held_by in parts.items()}
        found = {source: known_of.checked for source, known_of in known.items()}
        lacking = {s for source, rows in found.items() if source.always for s in stale[source] if s not in rows}
        wanted = {source: {s: rows[s] for s in rows if s not in lacking} for source, rows in found.items()}
        for source, rows in wanted.items():
            strays.attach(source, parts[source], rows)
        reports = [strays.set_aside(source, held_by, self.lake) for source, held_by in parts.items()]
        reports += [report for source, known_of in known.items() for report in self._make_late(source, known_of)]
        reports += [report for source, rows in wanted.items() for report in self._put(source, rows)]
        published = {session for days in stale.values() for session in days} - lacking
        absent = [s for s in due if s not in held or s in lacking]
        return Published(reports, published, absent)

    def fetch(self) -> None:
        """Download what publishing will read and was not downloaded yet."""
        if self._held:
            _ = self._kept

    @cached_property
    def _due(self) -> list[date]:
        return [session for session in self.sessions if any(source.is_due(session) for source in self.listed)]

    @cached_property
    def _held(self) -> list[date]:
        return [session for session in self._due if self._in_files(session)]

    @cached_property
    def _kept(self) -> dict[Source, list[tuple[BulkFile, Kept]]]:
        """The files that hold rows of this month's sessions, downloaded where they were not."""
        return {
            source: [
                (file, bulk.kept(source, file, self.lake, self.client))
                for file in files
                if any(file.holds(*days) for days in map(source.days, self.sessions) if days)
            ]
            for source, files in self.listed.items()
        }

    def _in_files(self, session: date) -> bool:
        """Tell whether the files hold all sources; statements of the session before may belong to this one too.

        A list without files of statements is no proof that there are none: such sessions are asked for singly.
        """
        return all(
            any(file.holds(day, day) for file in files)
            for source, files in self.listed.items()
            for day in set(source.days(session) or ())
        )

    def _needed(self, source: Source, session: date) -> list[tuple[BulkFile, Kept]]:
        days = source.days(session)
        return [(file, kept) for file, kept in self._kept[source] if days and file.holds(*days)]

    def _is_stale(self, source: Source, session: date) -> bool:
        """Tell whether the files say what is not published yet. What J-Quants said last holds.

        Codes that were asked for again do not make a session stale: their payloads stand in the manifest beside those
        of the files. A file that is not there yet does, unless it was written before anything was asked for singly: a
        session of an evening is taken from the file of the night after, with what was corrected meanwhile, but a code
        that was repaired later than that is not undone by it.
        """
        try:
            published = self.lake.manifest(source.table, session).sources
        except PartitionMissingError:
            return True
        asked = [datetime.fromisoformat(kept.fetched_at) for kept in published if not bulk.is_file(kept)]
        return any(
            kept not in published and not (asked and file.written_at <= max(asked))
            for file, kept in self._needed(source, session)
        )

    def _parts(self, source: Source, days: Sequence[date]) -> list[Part]:
        """Return the rows of the files that some sessions need, told apart by whether they belong there."""
        needed = dict.fromkeys(entry for session in days for entry in self._needed(source, session))
        return [strays.sort_out(source, file, bulk.rows_of(source, kept, self.lake)) for file, kept in needed]

    def _known(self, source: Source, days: Sequence[date], parts: Sequence[Part]) -> Known:
        rows = pl.concat([source.contract.empty(), *(part.mine for part in parts)])
        return hindsight.as_known(source, days, rows, self.lake)

    def _make_late(self, source: Source, known: Known) -> list[Report]:
        """Bring late rows to sessions that are not taken from the files now, before they leave those that are."""
        reports = [
            hindsight.hand_on(source, session, late, self.lake, self._taken_in(source, session))
            for session, late in known.beyond.items()
        ]
        for session, late in known.late.items():
            if known.checked[session].good.is_empty():
                hindsight.give_way(source, session, late, self.lake)
        return reports

    def _taken_in(self, source: Source, session: date) -> list[Kept]:
        """Return the files that a session is up to date with; none, where it waits for one of them."""
        return [] if self._is_stale(source, session) else [kept for _, kept in self._needed(source, session)]

    def _put(self, source: Source, rows: Mapping[date, Checked]) -> list[Report]:
        def put_one(session: date) -> Report:
            files = [kept for _, kept in self._needed(source, session)]
            kept = [*files, *hindsight.asked_singly(source, session, self.lake)]
            return {source.table: put(self.lake, source, session, rows[session], kept)}

        with ThreadPoolExecutor(WRITERS) as pool:
            return list(pool.map(put_one, rows))
