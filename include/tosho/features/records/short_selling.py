"""Short selling as known at a session: its share of a sector's sales, and the positions that sellers must report."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.features.records.record import Grain, Records, Tables
from tosho.features.windows import ratio, zscore

SESSIONS: Final = 60
"""Newest sessions of a sector that one is compared with, itself among them."""

REPORTED_FROM: Final = 0.005
"""Share of the issued shares from which a position must be reported; once it is below, nobody hears of it again."""

SHORT_SHARE, SHORT_SHARE_CHANGE = pl.col("sector_short_share"), pl.col("sector_short_change")
SHORT_SHARE_Z, UNRESTRICTED_SHARE = pl.col("sector_short_z"), pl.col("sector_short_unrestricted")
POSITIONS_RATIO, POSITIONS_HOLDERS = pl.col("short_positions_ratio"), pl.col("short_positions_holders")

_HOLDER = ("code", "seller", "manager", "fund")
_PARTS: Final = 10**9
"""Positions are summed as whole billionths of the issued shares: exact in any order, and zero when all are gone."""


def _sectors(tables: Tables) -> pl.DataFrame:
    """Return what of each sector's sales was short, session by session. The session before is the last one told."""
    told = tables["sector_short_selling"].sort("sector33", "session")
    short = pl.col("short_restricted_yen") + pl.col("short_unrestricted_yen")
    shares = told.with_columns(
        ratio(short, pl.col("sell_yen") + short).alias("share"),
        ratio(pl.col("short_unrestricted_yen"), short).alias("sector_short_unrestricted"),
        pl.int_range(pl.len()).over("sector33").alias("place"),
    )
    share, place = pl.col("share"), pl.col("place")
    return shares.select(
        *("session", "sector33"),
        share.alias("sector_short_share"),
        pl.when(place >= 1).then(share - share.shift(1)).alias("sector_short_change"),
        pl.when(place >= SESSIONS - 1).then(zscore(share, SESSIONS)).alias("sector_short_z"),
        "sector_short_unrestricted",
    )


def _positions(tables: Tables) -> pl.DataFrame:
    """Return the sum and the number of a code's reported positions, from each session that knew another report.

    Of a holder counts the position calculated last, in its last version. Both are null while one of the holders' last
    positions is null.
    """
    reports = _by_holder(tables["short_positions"])
    newest = pl.col("calculated_on") == pl.col("calculated_on").cum_max().over("holder")
    goes_on = (pl.col("holder") == pl.col("holder").shift(-1)) & (pl.col("session") == pl.col("session").shift(-1))
    last = reports.filter(newest).filter(~goes_on.fill_null(value=False))
    position = pl.col("position_to_listed")
    counts = position >= REPORTED_FROM
    held = last.with_columns(
        pl.when(counts).then((position * _PARTS).round().cast(pl.Int64)).otherwise(0).alias("parts"),
        pl.when(counts).then(1).otherwise(0).alias("holders"),
        position.is_null().cast(pl.Int64).alias("unknown"),
    )
    sums = ("parts", "holders", "unknown")
    changes = held.with_columns(pl.col(name) - pl.col(name).shift(1, fill_value=0).over("holder") for name in sums)
    by_session = changes.group_by("code", "session").agg(pl.col(sums).sum()).sort("code", "session")
    known = by_session.with_columns(pl.col(sums).cum_sum().over("code"))
    told = pl.col("unknown") == 0
    return known.select(
        "session",
        pl.col("code").cast(pl.String),
        pl.when(told).then(pl.col("parts") / _PARTS).alias("short_positions_ratio"),
        pl.when(told).then("holders").alias("short_positions_holders"),
    )


def _by_holder(told: pl.DataFrame) -> pl.DataFrame:
    """Return reports by `holder`, a number for each code and who is short of it, and from the first to the newest."""
    kinds = {name: pl.Enum(told[name].drop_nulls().unique().sort()) for name in _HOLDER}
    number = pl.lit(0, pl.Int64)
    for name, kind in kinds.items():
        number = number * (len(kind.categories) + 1) + (pl.col(name).to_physical().cast(pl.Int64) + 1).fill_null(0)
    newness = ("session", "calculated_on", "known_at", "position_shares", "position_to_listed")
    coded = told.with_columns(pl.col(name).cast(kind) for name, kind in kinds.items())
    return coded.with_columns(number.alias("holder")).sort("holder", *newness)


SECTOR_SHORT: Final = Records(
    "sector_short", Grain.SECTOR, ("sector_short_selling",),
    ("sector_short_share", "sector_short_change", "sector_short_z", "sector_short_unrestricted"), _sectors,
)  # fmt: skip
"""Short sales among a sector's sales of a session."""

SHORT_POSITIONS: Final = Records(
    "short_positions", Grain.CODE, ("short_positions",),
    ("short_positions_ratio", "short_positions_holders"), _positions,
)  # fmt: skip
"""The positions of half a percent and more, by code."""
