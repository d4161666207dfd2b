"""Months of data as files: `historical` ones by month, `live` ones by day for the month that has not ended."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from threading import Lock

import polars as pl

Cut = Callable[[date, date], pl.DataFrame]
"""Returns an endpoint's rows from one day to another, both included, as the answers would have them."""


@dataclass(frozen=True)
class BulkFile:
    """One file that can be had."""

    endpoint: str
    key: str
    first: date
    last: date

    @property
    def modified(self) -> str:
        """When it was last written: the night after its last day."""
        return f"{self.last + timedelta(days=1)}T00:00:00Z"


class BulkFiles:
    """The files of some endpoints. Each is written when first asked for; equal rows give equal bytes."""

    def __init__(self) -> None:
        self._written: dict[str, tuple[Hashable, bytes]] = {}
        self._lock = Lock()

    def content(self, file: BulkFile, cut: Cut, edition: Hashable) -> bytes:
        """Return a file's bytes in an edition: what was published when it was asked for."""
        with self._lock:  # one at a time: the second asker of a month finds it written
            known, packed = self._written.get(file.key, (None, b""))
            if not packed or known != edition:
                csv = cut(file.first, file.last).write_csv().encode()
                packed = gzip.compress(csv, compresslevel=1, mtime=0)
                self._written[file.key] = edition, packed
            return packed


def files_of(endpoint: str, days: list[date], today: date) -> Iterator[BulkFile]:
    """Yield an endpoint's files, the oldest first, for the days on which it has rows.

    >>> [f.key for f in files_of("/fins/summary", [date(2018, 10, 31), date(2018, 11, 1)], date(2018, 11, 16))]
    ['fins/summary/historical/2018/fins_summary_201810.csv.gz', 'fins/summary/live/fins_summary_20181101.csv.gz']
    """
    folder = endpoint.strip("/")
    name = folder.replace("/", "_")
    for month, found in groupby(days, key=lambda day: (day.year, day.month)):
        here = list(found)
        if month == (today.year, today.month):
            yield from (BulkFile(endpoint, f"{folder}/live/{name}_{day:%Y%m%d}.csv.gz", day, day) for day in here)
        else:
            key = f"{folder}/historical/{here[0]:%Y}/{name}_{here[0]:%Y%m}.csv.gz"
            yield BulkFile(endpoint, key, here[0], here[-1])


def covers(file: BulkFile, asked: str) -> bool:
    """Tell whether a file is of a month (YYYYMM, YYYY-MM) or day (YYYYMMDD, YYYY-MM-DD)."""
    digits = asked.replace("-", "")
    return f"{file.first:%Y%m%d}".startswith(digits) if len(digits) == len("YYYYMM") else digits in file.key
