"""One session from J-Quants to the lake: fetch all, check all, then publish; or only some codes, fetched again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from tosho.calendar import offset
from tosho.contracts import Checked
from tosho.ingest import plans, quarantine
from tosho.ingest.errors import AccessRefusedError, KeyRefusedError, NotYetPublishedError, PlanTooSmallError
from tosho.ingest.fetch import Answers, Fetched, fetch
from tosho.ingest.jquants import JQuantsClient
from tosho.ingest.merge import merged
from tosho.ingest.sources import BARS, SOURCES, Source
from tosho.observability.log import logger
from tosho.storage import Lake
from tosho.storage.manifest import Source as Kept

Report = dict[str, dict[str, Any]]
"""Table to `rows` and `quarantined` (rule to count), or to `skipped` with the reason."""

_log = logger(__name__)


def ingest_session(session: date, lake: Lake, client: JQuantsClient, codes: Sequence[str] | None = None) -> Report:
    """Bring a session into every table that the plan has something for.

    Nothing is published before all sources have been fetched, kept and checked. Doing it again, or after having been
    killed at any point, leaves the same bytes.

    Args:
        session: Which.
        lake: Where to.
        client: From where.
        codes: Fetch only these again (4 or 5 characters), into a session that was published; the rows of other codes
            stay as they are.

    Returns:
        What happened, by table.

    Raises:
        NotASessionError: The day is none.
        NotYetPublishedError: A source has nothing for the session, or for one of the codes.
        PayloadError: An answer is about another session or code, or cannot be read.
        ContractError: A column is missing, unknown, unreadable or null throughout, or not one bar is good.
        PartitionMissingError: Codes were named, and the session was never published.
        StorageError: The lake could not be written.
    """
    offset(session, 0)  # says so, if the day is no session
    if codes is not None:
        return _ingest_codes(session, lake, client, sorted({code.ljust(5, "0") for code in codes}))
    within, report = split_by_plan(client)
    return report | ingest_sources(session, within, lake, client)


def ingest_sources(
    session: date, sources: Iterable[Source], lake: Lake, client: JQuantsClient, answers: Answers | None = None
) -> Report:
    """Bring a session into the tables of some sources: all are fetched and checked before any is published.

    A table that the key is refused, though the plan should have it, is skipped with what J-Quants said, unless it is
    one that every session has. Without answers that were asked for ahead, everything is asked now.

    Raises:
        KeyRefusedError: The key is not accepted any more.
    """
    answers, refused = answers or Answers(lake, client), Report()
    fetched = []
    for source in sources:
        if source.is_due(session):
            try:
                fetched.append(fetch(source, session, answers))
            except KeyRefusedError:
                raise
            except AccessRefusedError as error:
                _demand_key(source, error)
                if source.always:
                    raise
                _log.error("%s of %s is skipped: %s", source.table, session, error)
                refused[source.table] = {"skipped": str(error), "rows": 0}
    checked = [(found, source_rows) for found in fetched for source_rows in _by_session(found, session)]
    published = [{found.source.table: put(lake, found.source, day, rows, found.kept)} for found, (day, rows) in checked]
    return total([refused, *published])


def _demand_key(source: Source, error: AccessRefusedError) -> None:
    """Say that a key is refused where the calendar is: J-Quants answers key and plan alike, and every plan has that."""
    if source.endpoint == plans.CALENDAR and not isinstance(error, PlanTooSmallError):
        raise KeyRefusedError(f"Every plan has the calendar, so it is the key or the address. {error}") from error


def _by_session(found: Fetched, session: date) -> list[tuple[date, Checked]]:
    """Return what was fetched, checked; of what only today's answer has, the rows of the next session apart."""
    later = found.rows.filter(pl.col("session") > session)
    parts = [(session, found.rows.filter(~(pl.col("session") > session).fill_null(value=False)))]
    parts += [(day, rows) for (day,), rows in later.partition_by("session", as_dict=True).items()]
    return [(day, found.source.check(rows)) for day, rows in parts]


def split_by_plan(client: JQuantsClient) -> tuple[list[Source], Report]:
    """Return the sources that the plan has, and a report that says of the others why they are skipped."""
    within = [source.under(client.terms) for source in SOURCES if source.within(client.terms)]
    without = [source for source in SOURCES if not source.within(client.terms)]
    return within, {
        source.table: {"skipped": f"plan {client.plan} has no {source.endpoint}", "rows": 0} for source in without
    }


def put(lake: Lake, source: Source, session: date, checked: Checked, kept: Sequence[Kept]) -> dict[str, Any]:
    """Publish good rows, keep bad ones aside, and return the counts of both.

    No rows replace no rows: an answer that has become empty is told, and what was published stays. A source that only
    ever has today's rows has none of an earlier session: that says nothing, and nothing is put.
    """
    table, by_rule = source.table, checked.by_rule()
    if not checked.good.height and (source.of_the_moment or _has_rows(lake, table, session)):
        if by_rule:
            lake.quarantine(table, session, checked.bad)
        if not source.of_the_moment:
            _log.warning("%s of %s: J-Quants has no good row any more; those that were published stay", table, session)
        return {"rows": 0, "quarantined": by_rule}
    if by_rule:
        _log.warning("%s of %s: quarantined %s", table, session, by_rule)
    lake.quarantine(table, session, checked.bad)
    lake.publish(table, session, checked.good, sources=kept, quarantined=by_rule)
    return {"rows": checked.good.height, "quarantined": by_rule}


def _has_rows(lake: Lake, table: str, session: date) -> bool:
    return lake.has(table, session) and lake.manifest(table, session).rows > 0


def _ingest_codes(session: date, lake: Lake, client: JQuantsClient, codes: Sequence[str]) -> Report:
    within, report = split_by_plan(client)
    per_code = [source for source in within if _can_renew(source, session, lake)]
    manifests = {source: lake.manifest(source.table, session) for source in per_code}
    published = {source: lake.read(source.table, session) for source in per_code}
    answers = Answers(lake, client)
    found = {source: [fetch(source, session, answers, code) for code in codes] for source in per_code}
    for source, parts in found.items():
        _require_codes(source, session, published[source], dict(zip(codes, parts, strict=True)))
    rows = {
        source: merged(
            source,
            session,
            published[source],
            quarantine.read(lake, source.table, session),
            pl.concat([part.rows for part in parts]),
        )
        for source, parts in found.items()
    }
    for source, checked in rows.items():
        kept = dict.fromkeys([*manifests[source].sources, *(one for part in found[source] for one in part.kept)])
        report[source.table] = put(lake, source, session, checked, list(kept))
    return report


def _can_renew(source: Source, session: date, lake: Lake) -> bool:
    """Tell whether some codes of a session can be asked for again: what must be there is, what may be there, too."""
    if not source.by_code or source.of_the_moment or not source.is_due(session):
        return False
    return source.always or lake.has(source.table, session)


def _require_codes(source: Source, session: date, published: pl.DataFrame, parts: Mapping[str, Fetched]) -> None:
    """Refuse an answer without a code that has a bar, or was listed; a code with a bar may be missing in the master."""
    known = set(published["code"])
    for code, part in parts.items():
        if source.always and not part.rows.height and (source is BARS or code in known):
            raise NotYetPublishedError(
                f"J-Quants has no row of {source.endpoint} for code {code} and session {session}: it was not listed "
                "then, or is not yet published. The session stays as it was."
            )


def total(reports: Sequence[Mapping[str, Mapping[str, Any]]]) -> Report:
    """Return the sum of several sessions' reports."""
    result: Report = {}
    for report in reports:
        for table, told in report.items():
            into = result.setdefault(table, {"rows": 0, "quarantined": {}})
            into["rows"] += told["rows"]
            for rule, count in told.get("quarantined", {}).items():
                into["quarantined"][rule] = into["quarantined"].get(rule, 0) + count
            if "skipped" in told:
                into["skipped"] = told["skipped"]
    return result
