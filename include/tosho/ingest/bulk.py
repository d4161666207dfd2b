"""Bulk files: which there are, which sessions they hold, and their rows, kept as they came."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import polars as pl

from tosho.ingest import payload
from tosho.ingest.errors import PayloadError
from tosho.ingest.jquants import File, JQuantsClient
from tosho.ingest.sources import Source
from tosho.storage import Lake, layout, raw
from tosho.storage.manifest import Source as Kept

_KEY: Final = re.compile(r".*?/(?P<kind>historical|live)/(?:.*/)?(?P<stem>[^/]*_(?P<when>\d{6}|\d{8}))\.csv\.gz")

_WRITTEN: Final = ",written="


@dataclass(frozen=True, order=True)
class BulkFile:
    """A file of one month or, in the current one, of one day. Both bounds are included."""

    first: date
    last: date
    stem: str
    file: File

    @property
    def request(self) -> str:
        """What was asked, as a folder name. A file that is written anew at J-Quants has another one."""
        written = re.sub(r"\W", "", self.file.modified)
        return f"{self.stem}{_WRITTEN}{written},size={self.file.size}"

    @property
    def written_at(self) -> datetime:
        """When J-Quants wrote it.

        Raises:
            PayloadError: The list says so in no form that is known.
        """
        try:
            said = datetime.fromisoformat(self.file.modified)
        except ValueError as error:
            raise PayloadError(
                f"The bulk file {self.file.key!r} is listed with LastModified {self.file.modified!r}, which is no ISO "
                "time. J-Quants has changed; it cannot be told whether the file is newer than what is published."
            ) from error
        return said if said.tzinfo else said.replace(tzinfo=UTC)

    def holds(self, first: date, last: date) -> bool:
        """Tell whether a day between two may be in the file."""
        return self.first <= last and self.last >= first


def files_between(source: Source, first: date, last: date, client: JQuantsClient) -> list[BulkFile]:
    """Return the files with a source's rows between two days, in order.

    At the beginning of a month the one before is there both by day and whole; the whole one is taken.
    """
    found = [_described(file) for file in client.files(source.endpoint, first.isoformat(), last.isoformat())]
    months = {file.first for file in found if file.last > file.first}
    chosen = [file for file in found if file.last > file.first or file.first.replace(day=1) not in months]
    return sorted(file for file in chosen if file.holds(first, last))


def kept(source: Source, file: BulkFile, lake: Lake, client: JQuantsClient) -> Kept:
    """Return a file's payload record; what was kept before is not downloaded again."""
    folder = layout.raw_path(source.name, file.request)
    for name in lake.files.names(folder):
        if name.endswith(".json"):  # written after the payload itself
            return Kept(**json.loads(lake.files.read(f"{folder}/{name}")))
    return raw.keep(lake, source.name, file.request, client.download(file.file.key))


def is_file(kept: Kept) -> bool:
    """Tell whether a payload is a file, and not the answer to a question."""
    return _WRITTEN in kept.request


def rows_of(source: Source, kept: Kept, lake: Lake) -> pl.DataFrame:
    """Return the rows of a kept file in the table's columns, not yet checked."""
    return source.read(payload.csv_frame(raw.payload(lake, source.name, kept), kept.request))


def _described(file: File) -> BulkFile:
    if not (match := _KEY.fullmatch(file.key)):
        raise PayloadError(
            f"The bulk file {file.key!r} is named neither as a month's (historical) nor as a day's (live). "
            "J-Quants has changed; nothing was downloaded."
        )
    when = match["when"]
    first = date(int(when[:4]), int(when[4:6]), int(when[6:] or 1))
    return BulkFile(first, first if len(when) == len("YYYYMMDD") else _end_of_month(first), match["stem"], file)


def _end_of_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
