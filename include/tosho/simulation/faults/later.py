"""Faults of time: what was said is said otherwise later, is not there yet, or is dated by a wrong clock."""

# ruff: noqa: ARG002 - every fault is handed the question and the way to the service; not each needs both

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import formatdate
from typing import Any, Final

from tosho.ingest import plans
from tosho.simulation.faults.content import RowsFault
from tosho.simulation.faults.exchange import Answer, Ask, Request, Row

Clock = Callable[[], datetime]

DAYS: Final = ("Date", "DiscDate", "PubDate")
"""The fields that say of which day a row is, one in each endpoint."""

LIST: Final = f"/v2{plans.BULK_LIST}"


@dataclass(frozen=True)
class LateCorrection(RowsFault):
    """A row reads otherwise when it is asked for again. The client publishes the day anew, and keeps both payloads."""

    of: Mapping[str, Any]  # the row's own fields, such as its code
    values: Mapping[str, Any] = field(default_factory=dict)
    after: int = 1  # so many askings of the same question are answered with the old row

    def spoiled(self, rows: list[Row], request: Request) -> list[Row]:
        """Correct the row."""
        if request.before < self.after:
            return rows
        return [{**row, **self.values} if self.of.items() <= row.items() else row for row in rows]


@dataclass(frozen=True)
class Republished(RowsFault):
    """Another version of a whole day is there later, its file with a later date. The client takes the newer one."""

    day: date
    column: str
    factor: float
    written: datetime = datetime(2999, 1, 1, tzinfo=UTC)

    def spoiled(self, rows: list[Row], request: Request) -> list[Row]:
        """Multiply a column of the day, or date the list of files later."""
        if request.path == LIST:
            return [row | {"LastModified": self.written.strftime("%Y-%m-%dT%H:%M:%SZ")} for row in rows]
        return [self._again(row) if _is_of(row, self.day) else row for row in rows]

    def _again(self, row: Row) -> Row:
        return row | {self.column: float(row[self.column]) * self.factor} if row.get(self.column) else row


@dataclass(frozen=True)
class EmptyDay(RowsFault):
    """A day without a row, under status 200. What always has rows is "not yet published" to the client, never empty."""

    day: date

    def spoiled(self, rows: list[Row], request: Request) -> list[Row]:
        """Leave the day out."""
        return [row for row in rows if not _is_of(row, self.day)]


@dataclass(frozen=True)
class ClockSkew(RowsFault):
    """A server whose clock is wrong: header Date and the times of files. What the client publishes does not change."""

    hours: float

    async def answer(self, request: Request, ask: Ask) -> Answer:
        """Date the answer by the wrong clock."""
        told = formatdate(time.time() + self.hours * 3600, usegmt=True)
        return (await super().answer(request, ask)).with_header(b"date", told.encode())

    def spoiled(self, rows: list[Row], request: Request) -> list[Row]:
        """Shift the times of files."""
        if request.path != LIST:
            return rows
        shift = timedelta(hours=self.hours)
        return [
            row | {"LastModified": (datetime.fromisoformat(row["LastModified"]) + shift).isoformat()} for row in rows
        ]


def skewed(clock: Clock, hours: float) -> Clock:
    """Return a clock that is wrong by some hours, for a server that publishes by it: too early, or too late."""
    return lambda: clock() + timedelta(hours=hours)


def _is_of(row: Row, day: date) -> bool:
    return next((row[name] for name in DAYS if name in row), None) == day.isoformat()
