"""Gates after ingest: is the session there, whole, and plausible?

A session in which nothing traded fails `traded`. The one such day on record, 2020-10-01, is no session by the
calendar's rule, so that these gates refuse it by name before they measure anything.
Bounds were set on the real market of 2014-2018, where 94 to 100 % of listed codes trade; its five sessions below
85 % lack hundreds of codes in the source, which is what the gate is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from tosho import calendar
from tosho.contracts import BARS, INDICES, SECURITIES, Contract
from tosho.quality.continuity import continuity
from tosho.quality.verdict import NOT_MEASURED, Verdict, at_least, at_most, share, some

COVERAGE_AT_LEAST = 0.98
UNLISTED_AT_MOST = 0.02
RULE_BREAKS_AT_MOST = 0.005
TRADED_AT_LEAST = 0.85
TOPIX = "0000"

Tables = dict[str, pl.DataFrame]
_CONTRACTS: tuple[Contract, ...] = (BARS, SECURITIES, INDICES)
_AGAIN = "Fetch the session again; raw payloads show what the source sent."


def after_ingest(  # noqa: PLR0913 - one argument a table
    bars: pl.DataFrame | None,
    securities: pl.DataFrame | None,
    indices: pl.DataFrame | None,
    previous_bars: pl.DataFrame | None,
    quarantined: Mapping[str, int],
    session: date,
) -> list[Verdict]:
    """Return the verdicts on an ingested session.

    Args:
        bars: As published; None when there is no partition, as for the other tables.
        securities: The listing of the session.
        indices: Index bars of the session, TOPIX among them.
        previous_bars: Bars of the session before.
        quarantined: How many rows of bars each rule sent to quarantine.
        session: The session that was ingested.

    Raises:
        NotASessionError: The day is no session.
    """
    verdicts = after_first_ingest(bars, securities, indices, quarantined, session)
    if verdicts[0].passed and bars is not None:
        verdicts += continuity(bars, BARS.empty() if previous_bars is None else previous_bars, session)
    return verdicts


def after_first_ingest(
    bars: pl.DataFrame | None,
    securities: pl.DataFrame | None,
    indices: pl.DataFrame | None,
    quarantined: Mapping[str, int],
    session: date,
) -> list[Verdict]:
    """Return the verdicts on the first session of a lake, which has none before it to be compared with.

    Raises:
        NotASessionError: The day is no session.
    """
    calendar.offset(session, 0)
    given = zip(_CONTRACTS, (bars, securities, indices), strict=True)
    tables = {contract.name: contract.empty() if frame is None else frame for contract, frame in given}
    missing = _missing_columns(tables)
    if not missing.passed:
        return [missing]
    listed, codes = (set(tables[name]["code"].to_list()) for name in ("securities", "bars"))
    return [
        missing,
        _null_columns(tables),
        _other_sessions(tables, session),
        _duplicates(tables),
        _coverage(codes, listed),
        _unlisted(codes, listed),
        _rule_breaks(tables["bars"], quarantined),
        _traded(tables["bars"]),
        _topix(tables["indices"]),
    ]


def _missing_columns(tables: Tables) -> Verdict:
    missing = [f"{c.name}.{name}" for c in _CONTRACTS for name in c.schema if name not in tables[c.name].columns]
    detail = f"Columns that a table should have and lacks: {', '.join(missing) or 'none'}."
    return at_most("ingest.missing_columns", len(missing), 0, detail, "Ingest the session again with the contracts.")


def _null_columns(tables: Tables) -> Verdict:
    empty = [f"{contract.name}.{name}" for contract in _CONTRACTS for name in _empty(contract, tables[contract.name])]
    detail = f"Columns without any value: {', '.join(empty) or 'none'}."
    return at_most("ingest.null_columns", len(empty), 0, detail, f"A table or a field did not arrive. {_AGAIN}")


def _empty(contract: Contract, frame: pl.DataFrame) -> list[str]:
    """Return the columns without a value that should have some; of a table without rows, all of them."""
    return contract.lost(frame.select(contract.schema.names())) if frame.height else contract.schema.names()


def _other_sessions(tables: Tables, session: date) -> Verdict:
    found = {name: int((frame["session"] != session).sum()) for name, frame in tables.items()}
    detail = f"Rows of another session than {session}: {', '.join(f'{n} in {name}' for name, n in found.items())}."
    return at_most("ingest.other_sessions", sum(found.values()), 0, detail, f"The tables mix sessions. {_AGAIN}")


def _duplicates(tables: Tables) -> Verdict:
    found = {c.name: int(tables[c.name].select(c.key).is_duplicated().sum()) for c in _CONTRACTS}
    detail = f"Rows that share their key: {', '.join(f'{n} in {name}' for name, n in found.items())}."
    rows = sum(frame.height for frame in tables.values())
    value = float(sum(found.values())) if rows else NOT_MEASURED
    return at_most("ingest.duplicates", value, 0, detail, f"A page was read twice. {_AGAIN}")


def _coverage(codes: set[str], listed: set[str]) -> Verdict:
    missing = listed - codes
    return at_least(
        "ingest.coverage",
        share(len(listed & codes), len(listed)),
        COVERAGE_AT_LEAST,
        f"{len(missing)} of {len(listed)} listed codes have no bar: {some(missing)}.",
        "Fetch these codes again (parameter codes), or all when a page is missing.",
    )


def _unlisted(codes: set[str], listed: set[str]) -> Verdict:
    unknown = codes - listed
    return at_most(
        "ingest.unlisted",
        share(len(unknown), len(codes)),
        UNLISTED_AT_MOST,
        f"{len(unknown)} of {len(codes)} codes with a bar are not in the listing: {some(unknown)}.",
        "Fetch the listing of this session again; it may be of another day.",
    )


def _rule_breaks(bars: pl.DataFrame, quarantined: Mapping[str, int]) -> Verdict:
    kept = sum(bars.select((~rule.holds).sum().alias(rule.name) for rule in BARS.rules).row(0))
    away = sum(quarantined.values())
    return at_most(
        "ingest.rule_breaks",
        share(kept + away, bars.height + away),
        RULE_BREAKS_AT_MOST,
        f"{away} rows of bars in quarantine by rule {dict(quarantined)}; {kept} breaks among the {bars.height} kept.",
        "Look at the quarantined rows: the source may have changed a unit or swapped fields.",
    )


def _traded(bars: pl.DataFrame) -> Verdict:
    return at_least(
        "ingest.traded",
        share(bars["close"].count(), bars.height),
        TRADED_AT_LEAST,
        f"{bars['close'].count()} of {bars.height} codes have a close.",
        "The source lost trades: fetch again. If the exchange stood still, note the day in calendar/xtks.py.",
    )


def _topix(indices: pl.DataFrame) -> Verdict:
    rows = indices.filter(pl.col("index_code") == TOPIX).height
    return at_least("ingest.topix", rows, 1, f"{rows} rows of TOPIX ({TOPIX}).", f"Market features need it. {_AGAIN}")
