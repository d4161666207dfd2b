"""Many sessions into the lake: by bulk files where the plan has them, else, and for what they lack, one by one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any

from tosho.calendar import sessions
from tosho.ingest import bulk
from tosho.ingest.ahead import Ahead
from tosho.ingest.errors import AccessRefusedError, KeyRefusedError, RequestRefusedError
from tosho.ingest.fetch import Answers, fetch_range
from tosho.ingest.jquants import JQuantsClient
from tosho.ingest.month import Files, Month
from tosho.ingest.months_ahead import fetched_ahead
from tosho.ingest.session import Report, ingest_sources, put, split_by_plan, total
from tosho.ingest.sources import Source
from tosho.observability.log import logger
from tosho.storage import Lake, PartitionMissingError, layout

_log = logger(__name__)

Progress = Callable[[str, int, int], None]
"""Receives the stage, how many sessions are done, and how many there are."""


def ingest_history(first: date, last: date, lake: Lake, client: JQuantsClient, progress: Progress) -> dict[str, Any]:
    """Bring all sessions between two days into the lake.

    Sessions that were published from the payloads at hand are left alone, so that an interrupted history goes on
    where it stopped. What was fetched again by code stays until J-Quants writes a newer file. Both ways, by files and
    one by one, make the same data files. At most a month is in memory. The next month's files, or the answers of the
    next sessions, are asked for meanwhile, at the plan's pace.

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
    lasting = [source for source in within if not source.of_the_moment]
    history = _History(wanted, lake, client, progress, [without])
    for _, together in groupby((source for source in lasting if not source.always), key=lambda source: source.name):
        history.take(list(together))  # tables made of one answer
    from_files = history.take([source for source in lasting if source.always])
    return {
        "sessions": len(wanted),
        "published": len(history.published),
        "skipped": len(wanted) - len(history.published),
        "from_files": from_files,
        "tables": total(history.reports),
    }


@dataclass
class _History:
    """The sessions that are wanted, and what came of them so far."""

    wanted: Sequence[date]
    lake: Lake
    client: JQuantsClient
    progress: Progress
    reports: list[Report]
    published: set[date] = field(default_factory=set)

    def take(self, sources: Sequence[Source]) -> int:
        """Take in some sources, and return how many sessions came from files.

        Sources that are always there go together, so that a session has all of them or none. The others go by
        themselves: files that lack a day are no proof that there was nothing, and it is asked for.
        """
        listed = self._listed_unless_refused(sources)
        if listed is None:
            return 0
        singly, from_files, done = list(self.wanted), 0, 0
        if listed:
            singly = []
            with fetched_ahead(list(self._months(listed))) as months:
                for month in months:
                    found = month.publish()
                    self.reports += found.reports
                    self.published |= found.sessions
                    singly += found.not_in_files
                    from_files += len(found.sessions)
                    done += len(month.sessions) - len(found.not_in_files)
                    self.progress(_told(sources, f"{month.sessions[0]:%Y-%m}"), done, len(self.wanted))
        self._without_files(sources, singly, done)
        return from_files

    def _without_files(self, sources: Sequence[Source], singly: Sequence[date], done: int) -> None:
        """Ask for sessions, all at once where a source can be asked so, and leave out those that are there."""
        due = {session: [source for source in sources if source.is_due(session)] for session in singly}
        absent = [session for session in singly if due[session] and not _is_complete(session, due[session], self.lake)]
        done += len(singly) - len(absent)
        with closing(self._asked(sources, absent, due)) as asked:  # whoever is interrupted here leaves no thread asking
            for session, report in asked:
                self.reports.append(report)
                self.published.add(session)
                done += 1
                self.progress(_told(sources, session.isoformat()), done, len(self.wanted))

    def _asked(
        self, sources: Sequence[Source], absent: Sequence[date], due: Mapping[date, Sequence[Source]]
    ) -> Generator[tuple[date, Report], None, None]:
        if absent and len(sources) == 1 and sources[0].by_range:
            source = sources[0]
            for session, found in fetch_range(source, absent, Answers(self.lake, self.client)):
                yield session, {source.table: put(self.lake, source, session, source.check(found.rows), found.kept)}
            return
        with Ahead(self.lake, self.client, {session: due[session] for session in absent}) as ahead:
            for session, answers in ahead:
                yield session, ingest_sources(session, due[session], self.lake, self.client, answers)

    def _listed_unless_refused(self, sources: Sequence[Source]) -> Files | None:
        """Return the bulk files by source; None where the key is refused them, and the tables are skipped."""
        try:
            return self._listed(sources)
        except KeyRefusedError:
            raise
        except (AccessRefusedError, RequestRefusedError) as error:
            if any(source.always for source in sources):
                raise
            _log.error("%s is skipped: %s", ", ".join(source.table for source in sources), error)
            self.reports.append({source.table: {"skipped": str(error), "rows": 0} for source in sources})
            return None

    def _listed(self, sources: Sequence[Source]) -> Files:
        """Return the bulk files by source; none where the plan has none, or where one of the sources has none."""
        if not (self.client.terms.bulk and self.wanted and all(source.has_files for source in sources)):
            return {}
        listed = {source: self._files(source) for source in sources}
        return listed if all(files or source.always for source, files in listed.items()) else {}

    def _files(self, source: Source) -> list[bulk.BulkFile]:
        days = [found for found in map(source.days, self.wanted) if found]
        return bulk.files_between(source, days[0].first, days[-1].last, self.client) if days else []

    def _months(self, listed: Files) -> Iterator[Month]:
        for _, days in groupby(self.wanted, key=lambda session: (session.year, session.month)):
            yield Month(tuple(days), listed, self.lake, self.client)


def _told(sources: Sequence[Source], where: str) -> str:
    return where if sources[0].always else f"{sources[0].table} of {where}"


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
