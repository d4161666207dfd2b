"""Gates on one table of a session: is it there, as its contract says, known in time, whole, and not an old one?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import median

import polars as pl

from tosho import calendar
from tosho.quality.due import age_at_most, is_due
from tosho.quality.expectations import Expected
from tosho.quality.filled import Filled, emptied, may_be_empty
from tosho.quality.following import AGAIN, after_previous
from tosho.quality.verdict import NOT_MEASURED, Verdict, at_least, at_most, share, some

UNKNOWN_AT_MOST = 0.02
"""Share of rows about codes that no listing had: one may be disclosed about before it is first listed."""

NEVER_ANY_AT_MOST = 60
"""Partitions that a table may have without ever a row: a quarter, in which every source has something."""

USUAL_FROM = 3
"""Partitions with rows from which on there is a usual number of them."""


@dataclass(frozen=True)
class Held:
    """What the lake holds of a table: `frame` of the session, None without a partition, and what came before.

    `rows_before` are the counts of the last partitions with rows, `previous` the last of these.
    `listed` are the codes of the session, and `unknown` those of the table that no listing had until then.
    `filled_before` tells how full the same partitions were, the oldest first; it is asked only where a column is empty.
    """

    session: date
    frame: pl.DataFrame | None
    newest: date | None
    rows_before: Sequence[int] = ()
    previous: pl.DataFrame | None = None
    listed: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    filled_before: Callable[[], Sequence[Filled]] = tuple


def after_table(expected: Expected, held: Held) -> list[Verdict]:
    """Return the verdicts on a session's rows of a table that the lake has, or had."""
    present = _present(expected, held)
    if held.frame is None:
        return [present] if is_due(expected, held.session) else [_fresh(expected, held)]
    schema = _schema(expected, held.frame)
    if not schema.passed:
        return [present, schema]
    found = [present, schema, _known_in_time(expected, held.frame, held.session)]
    found += [_judged_as(expected, verdict) for verdict in _content(expected, held, held.frame)]
    if held.frame.height and may_be_empty(expected.contract):
        found.append(_emptied(expected, held, held.frame))
    return found


def _judged_as(expected: Expected, verdict: Verdict) -> Verdict:
    return verdict if expected.core else replace(verdict, stops=False)


def _content(expected: Expected, held: Held, frame: pl.DataFrame) -> list[Verdict]:
    found = [_fresh(expected, held)]
    if not frame.height:  # whether that may be is freshness's business
        return found
    if expected.of_usual and len(held.rows_before) >= USUAL_FROM:
        found.append(_usual(expected, frame, held.rows_before))
    if expected.of_listing:
        found.append(_of_listing(expected, frame, held.listed))
    if expected.about_codes:
        found.append(_unknown(expected, frame, held.unknown))
    return found if held.previous is None else [*found, *after_previous(expected, frame, held.previous)]


def _present(expected: Expected, held: Held) -> Verdict:
    verdict = at_most(
        f"{expected.table}.lost",
        float(held.frame is None),
        0,
        f"The lake has {'no' if held.frame is None else 'a'} partition of {expected.table} for {held.session}; its "
        f"newest rows are of {held.newest}.",
        "Ingest the session again. If the plan no longer has this table, the terms of use want its rows deleted: "
        "`tosho purge --source jquants --execute`, then the Dag `history` with the plan that you have.",
    )
    return replace(verdict, stops=not expected.of_the_moment)


def _schema(expected: Expected, frame: pl.DataFrame) -> Verdict:
    wanted, has = expected.contract.schema, frame.schema
    odd = []
    if has != wanted:
        odd = [
            f"{name}: {has[name]}, not {wanted[name]}" for name in wanted if has.get(name, wanted[name]) != wanted[name]
        ]
        odd += [f"{name}: absent" for name in wanted if name not in has]
        odd += [f"{name}: unknown" for name in has if name not in wanted]
        odd = odd or [f"columns in the order {', '.join(has)}"]
    return at_most(
        f"{expected.table}.schema",
        len(odd),
        0,
        f"Where the published file differs from the contract of {expected.table}: {some(odd)}.",
        "An older version or a foreign program wrote it: ingest the session again.",
    )


def _known_in_time(expected: Expected, frame: pl.DataFrame, session: date) -> Verdict:
    first, last = calendar.cutoff(calendar.previous_session(session)), calendar.cutoff(session)
    known, sessions = frame["known_at"], frame["session"]
    wrong = 0
    if not (_within(known, first, last) and _within(sessions, session - timedelta(days=1), session)):
        in_time = (pl.col("known_at") > first) & (pl.col("known_at") <= last) & (pl.col("session") == session)
        wrong = frame.filter(~in_time.fill_null(value=False)).height
    return at_most(
        f"{expected.table}.known_in_time",
        wrong,
        0,
        f"Rows of another session, or not known after {first:%Y-%m-%d %H:%M} and up to {last:%Y-%m-%d %H:%M} UTC: "
        f"{wrong} of {frame.height}; what there is was known from {known.min()!s} to {known.max()!s}.",
        "A row belongs in the partition of the first session whose cutoff knows it: ingest the session again.",
    )


def _within(values: pl.Series, after: date, until: date) -> bool:
    """Tell whether all values lie after one instant or day and not after another; none does."""
    first, last = values.min(), values.max()
    if values.null_count() or not isinstance(first, date) or not isinstance(last, date):
        return not values.len()
    return first > after and last <= until


def _fresh(expected: Expected, held: Held) -> Verdict:
    newest = held.newest
    verdict = at_most(
        f"{expected.table}.age",
        NOT_MEASURED if newest is None else calendar.sessions_between(newest, held.session),
        age_at_most(expected, held.session),
        f"Sessions since the newest rows of {expected.table}, which are of {newest}.",
        f"Look whether the source was late or is empty. {AGAIN}",
    )
    return _judged_as(expected, verdict)


def _usual(expected: Expected, frame: pl.DataFrame, rows_before: Sequence[int]) -> Verdict:
    usual = float(median(rows_before))
    return at_least(
        f"{expected.table}.rows",
        frame.height,
        max(float(int(expected.of_usual * usual)) - expected.few, 0.0),
        f"{expected.table} usually has {usual:g} rows, the median of {len(rows_before)} partitions.",
        f"A page or a file is missing. {AGAIN}",
    )


def _emptied(expected: Expected, held: Held, frame: pl.DataFrame) -> Verdict:
    """Judge columns that may be empty, as those are that some rows and years lack: one that was filled must not.

    It stops the run for every table: a field that is lost is no late file, and nothing downstream would tell.
    """
    now = Filled.of(expected.contract, frame, expected.kind)
    before = held.filled_before() if now.empty else ()
    gone = [
        f"{name} of {kind}" if kind else name for kind, name in emptied(now, before, expected.contract, held.session)
    ]
    return at_most(
        f"{expected.table}.emptied",
        len(gone),
        0,
        f"Columns that rows usually have, by the median of {len(before)} partitions, and none of {frame.height} rows "
        f"has now: {some(gone)}.",
        "The source has lost a field: look at its payload. When it is there again, ingest the session again. If the "
        "vendor has given it up, the contract says from when on (`until`).",
    )


def _of_listing(expected: Expected, frame: pl.DataFrame, listed: frozenset[str]) -> Verdict:
    missing = listed - set(frame["code"])
    return at_least(
        f"{expected.table}.coverage",
        share(len(listed) - len(missing), len(listed)),
        expected.of_listing,
        f"{len(missing)} of {len(listed)} listed codes have no row in {expected.table}: {some(missing)}.",
        f"A page or a file is missing. {AGAIN}",
    )


def _unknown(expected: Expected, frame: pl.DataFrame, unknown: frozenset[str]) -> Verdict:
    rows = frame.filter(pl.col("code").is_in(unknown)).height if unknown else 0
    return at_most(
        f"{expected.table}.unknown",
        rows,
        float(max(expected.few, int(UNKNOWN_AT_MOST * frame.height))),
        f"Rows whose code no listing had until then: {rows} of {frame.height}, {some(unknown)}.",
        "Look whether the source changed its codes, or listings are missing in the lake.",
    )


def never_any(table: str, asked: int) -> list[Verdict]:
    """Return a warning about a table that has been asked for so often and never had a row: once in so many times.

    An empty partition says that J-Quants was asked and had nothing. So many say that the question may be wrong; told
    every evening, nobody would read it.
    """
    if not asked or asked % NEVER_ANY_AT_MOST:
        return []
    verdict = at_most(
        f"{table}.never_any",
        asked,
        NEVER_ANY_AT_MOST - 1,
        f"The lake has {asked} partitions of {table}, and none of them has ever had a row.",
        "Ask J-Quants by hand (`tosho jquants probe` shows the endpoint): a name or a parameter may have changed.",
    )
    return [replace(verdict, stops=False)]
