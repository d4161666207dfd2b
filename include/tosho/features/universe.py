"""What stands in for TOPIX where there is none, as on plan free: the universe's own return, weighted by turnover.

In sessions before the lake's first one with TOPIX, the market moves by r_m = sum(Va r) / sum(Va) over all codes that
have a return and turnover. Its level is 1,000 in the lake's first session; there is no high and no low.

A mean is made of codes that no worker has together. Whole yen times whole numbers of 2^-40 are added up in 128 bits:
exact, so that it has the same bits however codes and sessions were dealt out. And as the level always begins with the
lake, one evening has the bits of a history.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

import polars as pl

from tosho.features import columns
from tosho.features.panel import with_growth

TOPIX: Final = "0000"
FACT: Final = {"market": "turnover-weighted return of the universe"}
"""What the manifest of a session says whose market series is not TOPIX."""

SUMS = pl.Schema({"session": pl.Date(), "moved": pl.Int128(), "turnover": pl.Int128()})

_BASE = 1_000.0
_STEP = 2.0**-40
_LARGEST = 1_000.0
"""No return counts for more, up or down: in 128 bits there is room for ten billion times a day's turnover of it."""


def topix_of(indices: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of TOPIX among those of the `indices` contract."""
    return indices.filter(pl.col("index_code") == TOPIX)


def universe_sums(panel: pl.DataFrame) -> pl.DataFrame:
    """Return, by session, the sum of turnover times return, in yen times 2^-40, and that of the turnover, in yen.

    Args:
        panel: Whole codes of a panel. A return is null after an absence, and where a session had no trade.
    """
    change = pl.col("growth") - 1
    change = pl.when(change.is_finite()).then(change.clip(-_LARGEST, _LARGEST))
    weight = pl.col("turnover_yen").round()
    moves = with_growth(panel).select(
        "session",
        (change / _STEP).round().cast(pl.Int128).alias("moved"),
        pl.when(weight > 0).then(weight).cast(pl.Int128).alias("turnover"),
    )
    by_session = moves.drop_nulls().group_by("session")
    return by_session.agg((pl.col("moved") * pl.col("turnover")).sum(), pl.col("turnover").sum())


def universe_index(sums: Iterable[pl.DataFrame], sessions: Iterable[date]) -> pl.DataFrame:
    """Return `columns.MARKET`, a row for each session, from the sums of parts of them.

    The close is null in a session in which no code has a return, but for the first.

    Args:
        sums: What `universe_sums` gives for parts that are all codes together.
        sessions: All from the lake's first one on, in order.
    """
    parts = pl.concat([pl.DataFrame(schema=SUMS), *sums]).group_by("session").sum()
    days = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date})
    moved, turnover = (pl.col(name).cast(pl.Float64) for name in ("moved", "turnover"))
    moves = days.join(parts, on="session", how="left", maintain_order="left").select(
        "session", moved * _STEP / turnover
    )
    level = _BASE * (1 + pl.col("moved").fill_null(0)).cum_prod()
    known = pl.col("moved").is_not_null() | (pl.int_range(pl.len()) == 0)
    close = pl.when(known).then(level).alias("mkt_close")
    return moves.with_columns(close).select(
        pl.col(name) if name in ("session", "mkt_close") else pl.lit(None, kind).alias(name)
        for name, kind in columns.MARKET.items()
    )


def first_with_topix(indices: pl.DataFrame | None) -> date | None:
    """Return the first session of which rows of the `indices` contract have TOPIX; None where none has."""
    if indices is None:
        return None
    first = topix_of(indices)["session"].min()
    assert first is None or isinstance(first, date)
    return first


def before_topix(sessions: Iterable[date], topix_from: date | None) -> tuple[date, ...]:
    """Return the sessions that have no TOPIX yet."""
    return tuple(session for session in sessions if topix_from is None or session < topix_from)


def universe_of(panel: pl.DataFrame, indices: pl.DataFrame | None) -> pl.DataFrame:
    """Return `columns.MARKET` of the sessions of a panel before TOPIX begins.

    Args:
        panel: All codes, from the first session on.
        indices: Rows of the `indices` contract.
    """
    sessions = before_topix(panel["session"].unique().sort(), first_with_topix(indices))
    own = pl.col("session").is_in(pl.Series(sessions, dtype=pl.Date).implode())
    return universe_index([universe_sums(panel.filter(own))] if sessions else (), sessions)
