"""Which partitions a lake has of a table, and how many rows each: read from manifests, each once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date

from tosho.calendar import previous_session
from tosho.storage import Lake, PartitionMissingError, layout

_AT_ONCE = 64


@dataclass
class Ledger:
    """What the lake held of each table when it was first asked for. For one run: later partitions are not seen."""

    lake: Lake
    _partitions: dict[str, list[date]] = field(default_factory=dict)
    _rows: dict[tuple[str, date], int | None] = field(default_factory=dict)
    _newest: dict[str, tuple[int, date | None]] = field(default_factory=dict)

    def rows(self, table: str, session: date) -> int | None:
        """Return how many rows a partition has; None where there is none."""
        self._look(table, [session])
        return self._rows[table, session]

    def before(self, table: str, session: date, most: int) -> list[date]:
        """Return the newest partitions before a session that have rows, `most` looked at, the oldest first."""
        return [known for known, rows in self.counts(table, previous_session(session), most) if rows]

    def counts(self, table: str, session: date, most: int) -> list[tuple[date, int]]:
        """Return the rows of the newest partitions up to a session, `most` looked at, the oldest first."""
        folders = self._folders(table)
        at = bisect_right(folders, session)
        looked = folders[max(at - most, 0) : at]
        self._look(table, looked)
        return [(known, rows) for known in looked if (rows := self._rows[table, known]) is not None]

    def asked(self, table: str, session: date) -> int:
        """Return how many partitions there are up to a session, with or without rows."""
        return bisect_right(self._folders(table), session)

    def earlier(self, table: str, session: date) -> list[date]:
        """Return all partitions before a session, with or without rows, in order."""
        folders = self._folders(table)
        before = folders[: bisect_left(folders, session)]
        self._look(table, before)
        return [known for known in before if self._rows[table, known] is not None]

    def newest(self, table: str, session: date) -> date | None:
        """Return the newest partition up to a session that has rows; None if there never was one."""
        folders = self._folders(table)
        at = bisect_right(folders, session)
        since, found = self._newest.get(table, (0, None))
        if at < since:
            since, found = 0, None
        self._newest[table] = (at, self._newest_of(table, folders[since:at]) or found)
        return self._newest[table][1]

    def _newest_of(self, table: str, folders: list[date]) -> date | None:
        for end in range(len(folders), 0, -_AT_ONCE):
            looked = folders[max(end - _AT_ONCE, 0) : end]
            self._look(table, looked)
            if found := next((known for known in reversed(looked) if self._rows[table, known]), None):
                return found
        return None

    def _folders(self, table: str) -> list[date]:
        if table not in self._partitions:
            names = self.lake.files.names(layout.table_path(table))
            self._partitions[table] = layout.sessions_of(names)
        return self._partitions[table]

    def _look(self, table: str, sessions: Iterable[date]) -> None:
        unknown = [session for session in sessions if (table, session) not in self._rows]
        if len(unknown) == 1:
            self._rows[table, unknown[0]] = self._counted(table, unknown[0])
        elif unknown:
            with ThreadPoolExecutor(16) as pool:
                counts = pool.map(lambda session: self._counted(table, session), unknown)
                self._rows.update(zip(((table, session) for session in unknown), counts, strict=True))

    def _counted(self, table: str, session: date) -> int | None:
        try:
            return self.lake.manifest(table, session).rows
        except PartitionMissingError:
            return None
