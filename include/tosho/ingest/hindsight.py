"""What bulk files say of a session afterwards: none makes a row known earlier than it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from tosho.calendar import cutoff, next_session, previous_session
from tosho.contracts import Checked
from tosho.ingest import bulk, quarantine
from tosho.ingest.late import dated, last_known, of, recorded, without
from tosho.ingest.session import Report, put
from tosho.ingest.sources import Source
from tosho.observability.log import logger
from tosho.storage import Lake
from tosho.storage.manifest import Source as Kept

_log = logger(__name__)


class Known(NamedTuple):
    """Rows of files by the session that they are known in.

    `late` are those that left a session, dated by their own time; `beyond` those of them that are known in a session
    that is not among these, dated so.
    """

    checked: dict[date, Checked]
    late: dict[date, pl.DataFrame]
    beyond: dict[date, pl.DataFrame]


def as_known(source: Source, days: Sequence[date], rows: pl.DataFrame, lake: Lake) -> Known:
    """Return the rows of some sessions, checked; of a source that always has some, sessions without any are left out.

    What the lake knows to be late leaves its own session for the next one. Of a source that has no late rows, or where
    the lake has nothing of these sessions yet, all are known by their own time.

    Args:
        source: Where the rows are from.
        days: The sessions that are wanted.
        rows: What the files have, also of the sessions before and after.
        lake: Where the sessions and their neighbours may have been published.

    Raises:
        ContractError: A column is null throughout, or a session has no good row but stand-ins.
    """
    if source.late is None or not _any_near(source, days, lake):
        return Known(_by_session(source, days, source.check(rows.filter(pl.col("session").is_in(days)))), {}, {})
    before, around = {*days, *map(previous_session, days)}, {*days, *map(next_session, days)}
    checked = source.check(rows.filter(pl.col("session").is_in(before | around)))
    found = _by_session(source, days, checked)
    late = {session: came_late(source, session, checked.good, lake) for session in before}
    beyond = {after: late[s] for s in days if (after := next_session(s)) not in found and late[s].height}
    return Known(
        {s: Checked(_known_in(source, s, parts.good, late, lake), parts.bad) for s, parts in found.items()},
        {s: late[s] for s in days if late[s].height},
        {after: dated(source, after, rows) for after, rows in beyond.items()},
    )


def came_late(source: Source, session: date, rows: pl.DataFrame, lake: Lake) -> pl.DataFrame:
    """Return the rows of a session, by their own time, that were not known in it.

    These are the rows that stand as late ones in the next session's partition; and, of a session that was taken in on
    its own evening, those that it does not have.
    """
    late = recorded(source, session, rows, lake)
    if not _of_its_evening(source, session, lake):
        return late
    more = without(without(of(session, rows), lake.read(source.table, session), source), late, source)
    if more.height:
        _log.warning("%s: %d rows of %s were not there that evening", source.table, more.height, session)
    return pl.concat([late, more])


def hand_on(source: Source, session: date, late: pl.DataFrame, lake: Lake, files: Sequence[Kept]) -> Report:
    """Put late rows into the partition of a session that is itself not taken from the files now.

    Where it was never published, they come when it is: see `late_rows`.

    Args:
        source: Where the rows are from.
        session: In which they are known.
        late: As they are known there.
        lake: Where to.
        files: Those that the session is up to date with.
    """
    if not lake.has(source.table, session):
        return {}
    published = lake.read(source.table, session)
    new = without(late, published, source)
    if not new.height:
        return {}
    rows = pl.concat([published, new]).sort(source.contract.key)
    kept = dict.fromkeys([*lake.manifest(source.table, session).sources, *files])
    checked = Checked(rows, quarantine.read(lake, source.table, session))
    return {source.table: put(lake, source, session, checked, list(kept))}


def give_way(source: Source, session: date, late: pl.DataFrame, lake: Lake) -> None:
    """Empty a session's partition if all that stands there is late: to `put`, no rows replace no rows."""
    if not lake.has(source.table, session):
        return
    there = lake.read(source.table, session)
    if there.height and without(there, late, source).is_empty():
        sources = lake.manifest(source.table, session).sources  # not those of the files: it is not yet taken from them
        lake.publish(source.table, session, there.clear(), sources=sources)


def asked_singly(source: Source, session: date, lake: Lake) -> list[Kept]:
    """Return the answers that a session was made of: they tell what was known when, and stay named beside files."""
    if source.late is None or not lake.has(source.table, session):
        return []
    return [kept for kept in lake.manifest(source.table, session).sources if not bulk.is_file(kept)]


def _any_near(source: Source, days: Sequence[date], lake: Lake) -> bool:
    return bool(lake.sessions(source.table, previous_session(days[0]), next_session(days[-1])))


def _by_session(source: Source, days: Sequence[date], checked: Checked) -> dict[date, Checked]:
    good, bad = (frame.partition_by("session", as_dict=True) for frame in checked)
    empty = Checked(checked.good.clear(), checked.bad.clear())
    return {
        session: Checked(good.get((session,), empty.good), bad.get((session,), empty.bad))
        for session in days
        if not source.always or (session,) in good or (session,) in bad
    }


def _known_in(
    source: Source, session: date, own: pl.DataFrame, late: dict[date, pl.DataFrame], lake: Lake
) -> pl.DataFrame:
    """Return a session's rows: its own but for the late ones, those late for the one before, and what stays of them.

    A document may have come after the file was written. So where the session was asked for singly, what it has with
    the time of late rows stays also where no file has it.
    """
    in_time = without(own, late[session], source)
    from_before = without(dated(source, session, late[previous_session(session)]), in_time, source)
    known = pl.concat([in_time, from_before])
    if asked_singly(source, session, lake):
        there = last_known(source, lake.read(source.table, session))
        known = pl.concat([known, without(there, known, source)])
    return known.sort(source.contract.key)


def _of_its_evening(source: Source, session: date, lake: Lake) -> bool:
    """Tell whether a session, or an earlier version of it, was asked for before the cutoff of the next one.

    The question must name the session's own day: that for the day before is also one of the session before.
    """
    if not lake.has(source.table, session):
        return False
    end = cutoff(next_session(session))
    return any(
        f"date={session}" in kept.request and not bulk.is_file(kept) and datetime.fromisoformat(kept.fetched_at) < end
        for version in lake.manifest(source.table, session).versions()
        for kept in version.sources
    )
