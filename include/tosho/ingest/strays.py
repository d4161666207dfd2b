"""Rows that a bulk file should not have: none is dropped without a trace."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping, Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from tosho.calendar import sessions
from tosho.contracts import FEW, RULE, Checked
from tosho.ingest.bulk import BulkFile
from tosho.ingest.errors import PayloadError
from tosho.ingest.session import Report
from tosho.ingest.sources import Source
from tosho.observability.log import logger
from tosho.storage import Lake

NOT_A_SESSION = "not_a_session"
"""The rule that rows break which J-Quants sends for a day without trading, as for 2020-10-01."""

NOT_OF_ITS_FILE = "not_of_its_file"
"""The rule that rows break which are of a day before or after those of their file."""

NO_SESSION = "session_missing"

_log = logger(__name__)


class Part(NamedTuple):
    """A file's rows: those that belong in it, those of no day or a day beyond it, those of a day without trading."""

    file: BulkFile
    mine: pl.DataFrame
    strays: pl.DataFrame
    off: pl.DataFrame


def sort_out(source: Source, file: BulkFile, rows: pl.DataFrame) -> Part:
    """Return a file's rows by whether they belong in it; those that do not carry the rule they break."""
    within = (source.day.is_between(file.first, file.last) & pl.col("session").is_not_null()).fill_null(value=False)
    trading = pl.col("session").is_in(sessions(file.first, file.last)) if source.of_its_session else pl.lit(value=True)
    rule = (
        pl.when(source.day.is_null() | pl.col("session").is_null())
        .then(pl.lit(NO_SESSION))
        .otherwise(pl.lit(NOT_OF_ITS_FILE))
    )
    return Part(
        file,
        rows.filter(within & trading),
        rows.filter(~within).with_columns(rule.alias(RULE)),
        rows.filter(within & ~trading).with_columns(pl.lit(NOT_A_SESSION).alias(RULE)),
    )


def attach(source: Source, parts: Sequence[Part], wanted: MutableMapping[date, Checked]) -> None:
    """Put the strays of each file beside the bad rows of the first session that is published from it.

    Raises:
        PayloadError: None is.
    """
    for part in parts:
        if part.strays.height:
            if part.mine.is_empty() and part.strays.height >= FEW:
                raise PayloadError(_another(part))
            host = _host(part, wanted)
            bad = pl.concat([wanted[host].bad, part.strays])
            wanted[host] = Checked(wanted[host].good, source.contract.in_order(bad))
            _log.warning("%s: %d rows do not belong there; quarantined", part.file.file.key, part.strays.height)


def _host(part: Part, wanted: Collection[date]) -> date:
    if not wanted:
        raise PayloadError(_another(part))
    return min([session for session in wanted if part.file.holds(session, session)] or wanted)


def _another(part: Part) -> str:
    told = dict(part.strays[RULE].value_counts().sort(RULE).iter_rows())
    return (
        f"The bulk file {part.file.file.key!r} has no row of the sessions that are wanted of it, and "
        f"{part.strays.height} that are not of {part.file.first} to {part.file.last}: {told}. It is another "
        "month's, its dates cannot be read, or it is cut by another day than Tosho knows; nothing of the month was "
        "published."
    )


def set_aside(source: Source, parts: Sequence[Part], lake: Lake) -> Report:
    """Quarantine rows for days on which the exchange did not trade, each day by itself, and count them."""
    off = pl.concat([source.contract.empty().with_columns(pl.lit("").alias(RULE)), *(part.off for part in parts)])
    for (day,), strange in off.partition_by("session", as_dict=True).items():
        _log.warning("%s: %d rows are for %s, which is no session; quarantined", source.table, strange.height, day)
        assert isinstance(day, date)
        lake.quarantine(source.table, day, source.contract.in_order(strange))
    return {source.table: {"rows": 0, "quarantined": {NOT_A_SESSION: off.height} if off.height else {}}}
