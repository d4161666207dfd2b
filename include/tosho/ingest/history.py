"""Many sessions into the lake: by bulk files where the plan has them, else, and for what they lack, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from tosho.calendar import previous_session, sessions
from tosho.ingest import bulk
from tosho.ingest.jquants import JQuantsClient
from tosho.ingest.month import Files, Month
from tosho.ingest.session import Report, ingest_session, put, split_by_plan, total
from tosho.ingest.sources import Source, fetch
from tosho.storage import Lake, PartitionMissingError, layout

Progress = Callable[[str, int, int], None]
"""Receives the stage, how many sessions are done, and how many there are."""


def ingest_history(first: date, last: date, lake: Lake, client: JQuantsClient, progress: Progress) -> dict[str, Any]:
    """Bring all sessions between two days into the lake.

    Sessions that were published from the payloads at hand are left alone, so that an interrupted history goes on
    where it stopped. What was fetched again by code stays until J-Quants writes a newer file. Both ways, by files and
    one by one, make the same data files. At most a month is in memory.

    Args:
        first: First day, included.
        last: Last day, included.
        lake: Where to.
        client: From where.
        progress: Told after every month, or session, that is done.

    Returns:
        `sessions`, `published` and `skipped` as counts, `from_files` of those published, and `tables` as
        `ingest_session` reports them, summed over what was published.

    Raises:
        NotYetPublishedError: A session has no rows yet.
        PayloadError: A file cannot be read, or is of other days than it is named after.
        ContractError: A column is missing, unknown, unreadable or null throughout, or of a session not one bar is good.
        StorageError: The lake could not be written.
    """
    wanted = sessions(first, last)
    within, without = split_by_plan(client)
    reports: list[Report] = [without]
    from_files = alone = done = 0
    singly = wanted
    if client.terms.bulk and wanted:
        singly = []
        listed = _listed(wanted, within, client)
        in_files = {source: files for source, files in listed.items() if files or source.always}
        for month in _months(wanted, in_files, lake, client):
            published = month.publish()
            reports += published.reports
            from_files += published.sessions
            singly += published.not_in_files
            done += len(month.sessions) - len(published.not_in_files)
            progress(f"{month.sessions[0]:%Y-%m}", done, len(wanted))
        from_others = [session for session in wanted if session not in set(singly)]
        for source in within:
            if source not in in_files:
                reports += _source_alone(source, from_others, lake, client, progress)
    for session in singly:
        if not _is_complete(session, within, lake):
            reports.append(ingest_session(session, lake, client))
            alone += 1
        done += 1
        progress(session.isoformat(), done, len(wanted))
    return {
        "sessions": len(wanted),
        "published": from_files + alone,
        "skipped": len(wanted) - from_files - alone,
        "from_files": from_files,
        "tables": total(reports),
    }


def _listed(wanted: Sequence[date], within: Sequence[Source], client: JQuantsClient) -> Files:
    earliest = previous_session(wanted[0])  # what was disclosed after its cutoff belongs to the first session
    return {source: bulk.files_between(source, earliest, wanted[-1], client) for source in within}


def _months(wanted: Sequence[date], listed: Files, lake: Lake, client: JQuantsClient) -> Iterator[Month]:
    for _, days in groupby(wanted, key=lambda session: (session.year, session.month)):
        yield Month(tuple(days), listed, lake, client)


def _source_alone(
    source: Source, wanted: Sequence[date], lake: Lake, client: JQuantsClient, progress: Progress
) -> Iterator[Report]:
    """Take a source in that has no files at all, session by session; an empty list is no proof that it has no rows."""
    for done, session in enumerate(wanted, 1):
        if not _is_complete(session, [source], lake):
            found = fetch(source, session, lake, client)
            yield {source.table: put(lake, source.table, session, source.check(found.rows), found.kept)}
        progress(f"{source.name} of {session}", done, len(wanted))


def _is_complete(session: date, within: Sequence[Source], lake: Lake) -> bool:
    """Tell whether a session was published in every table, each from payloads that are still kept."""
    try:
        manifests = [(source, lake.manifest(source.table, session)) for source in within]
    except PartitionMissingError:
        return False
    return all(manifest.sources for _, manifest in manifests) and all(
        lake.files.exists(f"{layout.raw_path(source.name, kept.request)}/{kept.sha256[:16]}.json")
        for source, manifest in manifests
        for kept in manifest.sources
    )
