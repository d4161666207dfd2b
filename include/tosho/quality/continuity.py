"""Gates between a session's bars and those of the session before: codes lost, impossible moves, stale rows.

Bounds were set on the real market of 2014-2018 (1,197 sessions, 4.1 million pairs of rows):
a move beyond the price limit and its margin happened in at most 2 rows of a session, a row repeated whole in at most
0.45 % of rows, and at most 1.6 % of codes ended on one session. A single price was that of the session before in at
most 16 % of rows, the volume in 2.7 % and the turnover in 0.48 %.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from tosho import calendar
from tosho.quality.price_limits import price_limit
from tosho.quality.verdict import NOT_MEASURED, Verdict, at_least, at_most, share, some

LOST_AT_MOST = 0.02
COMPARABLE_AT_LEAST = 0.5
BEYOND_LIMIT_AT_MOST = 0.001
STALE_AT_MOST = 0.01
FEW = 2
"""So many rows are never too many: one widened limit must not stop a small universe."""

MARGIN = 1.05
"""A move may pass the limit by 5 %: base prices after a split are rounded to a tick."""

FROZEN_AT_MOST = {"open": 0.4, "high": 0.4, "low": 0.4, "close": 0.4, "volume": 0.08, "turnover_yen": 0.02}
"""Share of rows whose value in one column may be that of the session before."""

_REPEATED = ("open", "high", "low", "close", "volume")


def continuity(bars: pl.DataFrame, previous: pl.DataFrame, session: date) -> list[Verdict]:
    """Return the verdicts on a session's bars beside those of the session before.

    Raises:
        NotASessionError: The session is none.
    """
    before = calendar.previous_session(session)
    previous = previous.filter(pl.col("session") == before)
    suffixed = previous.select("code", *(pl.col(name).alias(f"{name}_before") for name in FROZEN_AT_MOST))
    both = bars.join(suffixed, on="code", how="inner").filter(pl.col("close").is_not_null())
    both = both.filter(pl.col("close_before").is_not_null())
    return [
        _lost(bars, previous, before),
        _comparable(bars, both, before),
        _beyond_limit(both),
        _stale(both),
        _frozen(both),
    ]


def _lost(bars: pl.DataFrame, previous: pl.DataFrame, before: date) -> Verdict:
    gone = previous.join(bars, on="code", how="anti")["code"].to_list()
    return at_most(
        "continuity.codes_lost",
        float(len(gone)) if previous.height else NOT_MEASURED,
        float(max(FEW, int(LOST_AT_MOST * previous.height))),
        f"Of {previous.height} codes of {before} without a row now: {some(gone)}.",
        f"If there are none of {before}, ingest that session first; else fetch the missing codes again.",
    )


def _comparable(bars: pl.DataFrame, both: pl.DataFrame, before: date) -> Verdict:
    traded = bars["close"].count()
    return at_least(
        "continuity.comparable",
        share(both.height, traded),
        COMPARABLE_AT_LEAST,
        f"{both.height} of {traded} codes that traded had traded on {before} too; moves are judged on these.",
        f"Ingest session {before} again: without it neither a lost split nor a repeated file can be seen.",
    )


def _beyond_limit(both: pl.DataFrame) -> Verdict:
    base = both["close_before"] * both["adj_factor"]
    beyond = both.with_columns(base.alias("base")).filter((both["close"] - base).abs() > MARGIN * price_limit(base))
    rows = [f"{row['code']} {row['base']:g} -> {row['close']:g}" for row in beyond.head(8).iter_rows(named=True)]
    return at_most(
        "continuity.beyond_price_limit",
        float(beyond.height) if both.height else NOT_MEASURED,
        float(max(FEW, int(BEYOND_LIMIT_AT_MOST * both.height))),
        f"Rows whose close is beyond the price limit from the adjusted close before: {'; '.join(rows) or 'none'}.",
        "Look for a split whose AdjFactor is missing or wrong, or prices of another session; then fetch again.",
    )


def _stale(both: pl.DataFrame) -> Verdict:
    same = pl.all_horizontal(pl.col(name) == pl.col(f"{name}_before") for name in _REPEATED)
    repeated = both.filter(same & (pl.col("volume") > 0))
    return at_most(
        "continuity.stale",
        float(repeated.height) if both.height else NOT_MEASURED,
        float(max(FEW, int(STALE_AT_MOST * both.height))),
        f"Rows of {both.height} that repeat prices and volume of the session before: {some(repeated['code'])}.",
        "The source served an old file: fetch the session again after its publication time.",
    )


def _frozen(both: pl.DataFrame) -> Verdict:
    """Judge columns one by one: a field that the source no longer fills keeps its last values."""
    traded = both.filter(pl.col("volume") > 0)
    same = traded.select((pl.col(name) == pl.col(f"{name}_before")).sum().alias(name) for name in FROZEN_AT_MOST)
    counts = same.row(0, named=True)
    frozen = [
        f"{name} in {counts[name]}"
        for name, bound in FROZEN_AT_MOST.items()
        if counts[name] > max(FEW, int(bound * traded.height))
    ]
    return at_most(
        "continuity.frozen",
        float(len(frozen)) if traded.height else NOT_MEASURED,
        0,
        f"Columns that keep the values of the session before, of {traded.height} rows with trades: {some(frozen)}.",
        "The source filled a field with old values: fetch the session again after its publication time.",
    )
