"""What came in for a session, on one page: HTML without another file, the same bytes for the same lake and verdicts."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from statistics import median
from string import Template

import polars as pl

from tosho.calendar import sessions_between
from tosho.contracts import RULE
from tosho.quality.expectations import EXPECTED
from tosho.quality.ledger import Ledger
from tosho.quality.sparkline import sparkline
from tosho.quality.verdict import Verdict
from tosho.storage import Lake, Manifest, PartitionMissingError, Version, layout

TREND = 60
"""Partitions of a table in its trend, the session's own among them."""

EXAMPLES = 3
"""Quarantined rows that are shown of each rule."""

_LONGEST = 260
_PAGE = Path(__file__).with_name("report.html")


@dataclass(frozen=True)
class Told:
    """What is told of a table: its partition (None without one), rows by session, and the newest one with rows."""

    table: str
    manifest: Manifest | None
    trend: Sequence[tuple[date, int]]
    newest: date | None
    bad: pl.DataFrame | None


def write_report(lake: Lake, session: date, verdicts: Sequence[Verdict], ledger: Ledger | None = None) -> str:
    """Write a session's report into the lake, in the place of an earlier one, and return its URI.

    Args:
        lake: The lake that the verdicts are about.
        session: Which.
        verdicts: What its gates found.
        ledger: What was counted already, where gates were asked just before.

    Raises:
        StorageError: The lake could not be written.
    """
    told = gather(lake, session, ledger or Ledger(lake))
    path = layout.report_path(session)
    lake.files.write(path, render(session, verdicts, told).encode())
    return lake.files.uri(path)


def gather(lake: Lake, session: date, ledger: Ledger) -> list[Told]:
    """Return what is to be told of every table that the lake has a partition of, up to a session."""
    found = []
    for expected in EXPECTED:
        table, newest = expected.table, ledger.newest(expected.table, session)
        trend = ledger.counts(table, session, TREND)
        if trend:
            found.append(Told(table, _manifest(lake, table, session), trend, newest, _bad(lake, table, session)))
    return found


def render(session: date, verdicts: Sequence[Verdict], told: Sequence[Told]) -> str:
    """Return the page."""
    failed = [verdict for verdict in verdicts if not verdict.passed]
    stopping = [verdict for verdict in failed if verdict.stops]
    state = "stopped" if stopping else "warned" if failed else "passed"
    rows = sum(one.manifest.rows for one in told if one.manifest)
    away = sum(sum(one.manifest.quarantined.values()) for one in told if one.manifest)
    tiles = (
        ("gates asked", f"{len(verdicts)}"),
        ("stopping", f"{len(stopping)}"),
        ("warnings", f"{len(failed) - len(stopping)}"),
        ("rows", f"{rows:,}"),
        ("quarantined", f"{away:,}"),
    )
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        session=session.isoformat(),
        state=state,
        headline=_HEADLINES[state],
        tiles="".join(f'<div class="tile"><b>{value}</b>{name}</div>' for name, value in tiles),
        failed=_verdicts(sorted(failed, key=lambda verdict: not verdict.stops)) if failed else "<p>None.</p>",
        tables=_table(_TABLES, (_of_table(one, session) for one in told)),
        quarantined=_or_none(_table(_QUARANTINED, _examples(told)), away),
        superseded=_or_none(_table(_SUPERSEDED, _versions(told)), sum(len(_superseded(one)) for one in told)),
        passed=_verdicts([verdict for verdict in verdicts if verdict.passed]),
    )


_HEADLINES: Mapping[str, str] = {
    "passed": "Every gate is passed.",
    "warned": "The run goes on; what follows should be looked at.",
    "stopped": "The run was stopped.",
}
_TABLES = ("table", "rows", "median", "trend", "newest rows", "sessions ago", "quarantined", "versions before")
_QUARANTINED = ("table", "rule", "rows", "examples")
_SUPERSEDED = ("table", "version", "rows", "bytes", "made from")


def _of_table(one: Told, session: date) -> Iterator[str]:
    counts = [rows for _, rows in one.trend]
    manifest = one.manifest
    yield escape(one.table)
    yield f"{manifest.rows:,}" if manifest else "no partition"
    yield f"{median(counts):,.0f}"
    yield sparkline(one.trend)
    yield one.newest.isoformat() if one.newest else "never"
    yield str(sessions_between(one.newest, session)) if one.newest else ""
    yield f"{sum(manifest.quarantined.values()):,}" if manifest else ""
    yield f"{len(manifest.superseded)}" if manifest else ""


def _examples(told: Iterable[Told]) -> Iterator[Iterable[str]]:
    for one in told:
        for rule, count in sorted(one.manifest.quarantined.items()) if one.manifest else ():
            rows = one.bad.filter(pl.col(RULE) == rule).head(EXAMPLES) if one.bad is not None else pl.DataFrame()
            shown = "<br>".join(escape(_sentence(row)) for row in rows.iter_rows(named=True))
            yield escape(one.table), escape(rule), f"{count:,}", shown or "not kept"


def _sentence(row: Mapping[str, object]) -> str:
    values = [f"{name} {value}" for name, value in row.items() if value is not None and name != RULE]
    text = ", ".join(values)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def _versions(told: Iterable[Told]) -> Iterator[Iterable[str]]:
    for one in told:
        for version in reversed(_superseded(one)):
            made_from = "<br>".join(escape(f"{source.request} {source.sha256[:12]}") for source in version.sources)
            data = "" if version.kept else " (record only)"
            name = f"{version.sha256[:16]}{data}"
            yield escape(one.table), name, f"{version.rows:,}", f"{version.size:,}", made_from or "unknown"


def _superseded(one: Told) -> Sequence[Version]:
    return one.manifest.superseded if one.manifest else ()


def _verdicts(verdicts: Iterable[Verdict]) -> str:
    return _table(("gate", "value", "bound", "", "found", "what to do"), map(_of_verdict, verdicts))


def _of_verdict(verdict: Verdict) -> Iterator[str]:
    yield escape(verdict.gate)
    yield "not measured" if math.isnan(verdict.value) else f"{verdict.value:.6g}"
    yield f"{verdict.relation} {verdict.bound:g}"
    yield (
        '<i class="passed">passed</i>'
        if verdict.passed
        else ('<i class="stopped">stops</i>' if verdict.stops else '<i class="warned">warning</i>')
    )
    yield escape(verdict.detail)
    yield "" if verdict.passed else escape(verdict.advice)


def _table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of cells that are HTML already."""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return f"<table><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr>\n{body}</table>"


def _or_none(table: str, count: int) -> str:
    return table if count else "<p>None.</p>"


def _manifest(lake: Lake, table: str, session: date) -> Manifest | None:
    try:
        return lake.manifest(table, session)
    except PartitionMissingError:
        return None


def _bad(lake: Lake, table: str, session: date) -> pl.DataFrame | None:
    path = f"{layout.quarantine_path(table, session)}/rows.parquet"
    return pl.read_parquet(io.BytesIO(lake.files.read(path))) if lake.files.exists(path) else None
