"""Months and years of a table in one file each, so that ten years are read in tens of files and not in thousands.

A file is named by what it was made of: the checksums of its partitions, as published when it was made. So it is
never stale, only superseded: a repaired session gives another name, its month or year is read from partitions again,
and the new file takes the place of the old. Nothing is lost when the whole area is deleted.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import polars as pl

from tosho.observability.log import logger
from tosho.storage import layout
from tosho.storage.encoding import parquet_bytes
from tosho.storage.files import StorageError
from tosho.storage.lake import Lake

_log = logger(__name__)


@dataclass(frozen=True)
class View:
    """What is read of a table's partitions: some columns, all if none are named, and of their rows what `keep` keeps.

    The name tells views of one table apart. Whoever changes `keep` gives the view another name. Where all of a table is
    read, `years` keeps closed years in one file; where a part of it is, months are nearer to what is wanted.
    """

    name: str = "all"
    columns: tuple[str, ...] | None = None
    keep: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    years: bool = False

    def of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return what the view keeps of some rows."""
        return self.keep(frame) if self.keep else frame


WHOLE = View()


def read_months(  # noqa: PLR0913 - as many things as say what is read
    lake: Lake,
    table: str,
    sessions: Sequence[date],
    there: Collection[date],
    view: View = WHOLE,
    only: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Return the partitions of several sessions as one frame, in the order of the sessions.

    Months before that of the newest published session are read from one file each, which is made where there is none.

    Args:
        lake: Where.
        table: Its name.
        sessions: Which, in order; all published.
        there: All published sessions of the table, as far as the run looks.
        view: What is read of them.
        only: Columns of the view that are wanted, `session` among them; all if left out.

    Raises:
        PartitionMissingError: A session is not published, or none was asked for.
        CorruptPartitionError: A partition's bytes are not those that its manifest tells.
    """
    newest = max(there, default=date.max)
    frames = []
    for period, wanted in groupby(sessions, lambda session: _period(session, newest, view)):
        days = list(wanted)
        if period:
            published = _of_period(there, period)
            whole = _kept(lake, f"{table}/{period}", published, view, only)
            frames.append(whole if days == published else whole.filter(pl.col("session").is_in(days)))
        else:
            frames.append(_only(view.of(lake.read_many(table, days, view.columns)), only))
    return pl.concat(frames) if frames else view.of(lake.read_many(table, sessions, view.columns))


def _only(frame: pl.DataFrame, only: Sequence[str] | None) -> pl.DataFrame:
    return frame if only is None else frame.select(only)


def _period(session: date, newest: date, view: View) -> str:
    """Return the closed year or month that a session is read with; nothing for one of the newest month."""
    if view.years and session.year < newest.year:
        return f"year={session:%Y}"
    return f"month={session:%Y-%m}" if (session.year, session.month) < (newest.year, newest.month) else ""


def _of_period(there: Collection[date], period: str) -> list[date]:
    """Return the sessions of a closed month or year."""
    year, _, month = period.partition("=")[2].partition("-")
    within = [session for session in there if session.year == int(year)]
    return sorted(session for session in within if not month or session.month == int(month))


def _kept(lake: Lake, place: str, sessions: Sequence[date], view: View, only: Sequence[str] | None) -> pl.DataFrame:
    """Return a whole month or year, from its file if that is of what is published now."""
    table = place.partition("/")[0]
    folder, begin = f"{layout.MONTHS}/{place}", f"{view.name}-{_key(lake, table, sessions, view)}-"
    names = lake.files.names(folder)
    for name in names:
        if name.startswith(begin) and (found := _read(lake, f"{folder}/{name}", only)) is not None:
            return found
    frame = view.of(lake.read_many(table, sessions, view.columns))
    if begin == f"{view.name}-{_key(lake, table, sessions, view)}-":  # else somebody published meanwhile
        _keep(lake, folder, begin, frame, [name for name in names if name.startswith(f"{view.name}-")])
    return _only(frame, only)


def _key(lake: Lake, table: str, sessions: Sequence[date], view: View) -> str:
    made_of = [f"{session} {lake.stamp(table, session).sha256}" for session in sessions]
    return hashlib.sha256("\n".join([*(view.columns or ()), "", *made_of]).encode()).hexdigest()[:16]


def _read(lake: Lake, path: str, only: Sequence[str] | None) -> pl.DataFrame | None:
    """Return a month's file, or nothing where it is damaged or was just replaced."""
    try:
        data = lake.files.read(path)
    except FileNotFoundError:
        return None
    if hashlib.sha256(data).hexdigest()[:16] != path.rpartition("-")[2].removesuffix(".parquet"):
        _log.warning("%s is damaged; the partitions are read.", lake.files.uri(path))
        return None
    return pl.read_parquet(io.BytesIO(data), columns=None if only is None else list(only))


def _keep(lake: Lake, folder: str, begin: str, frame: pl.DataFrame, superseded: Sequence[str]) -> None:
    """Write a month's file in the place of earlier ones. A lake that cannot be written to can still be read."""
    data = parquet_bytes(frame)
    name = f"{begin}{hashlib.sha256(data).hexdigest()[:16]}.parquet"
    try:
        lake.files.write(f"{folder}/{name}", data)
        for old in superseded:
            if old != name:
                lake.files.delete(f"{folder}/{old}")
    except (StorageError, FileNotFoundError) as error:  # another worker may have been faster
        _log.info("%s of %s is not kept in one file: %s", begin, folder, error)
