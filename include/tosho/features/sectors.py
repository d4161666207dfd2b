"""What each of the 33 sectors did in a session: the mean return of its members, all of equal weight.

A mean is made of codes that no worker has together. Returns are rounded to whole numbers of 2^-40 before they are
added: sums of whole numbers are exact, so that a mean has the same bits however codes were dealt out.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from tosho.features.panel import with_growth

_STEP = 2.0**-40
_LARGEST = 1_000.0
"""No return counts for more, up or down: 4,000 such returns still add up exactly."""

SUMS = pl.Schema({"session": pl.Date(), "sector33": pl.String(), "total": pl.Int64(), "members": pl.Int64()})

READ = ("close_raw", "sector33")
"""Columns of a panel, beside its key and the engine's own, that the sums are made of."""


def sector_sums(panel: pl.DataFrame) -> pl.DataFrame:
    """Return, by session and sector, the sum of the members' returns and how many members have one.

    Args:
        panel: Whole codes of a panel, with `READ`. Its members are those whose sector is known; a return is null after
            an absence.
    """
    change = pl.col("growth") - 1
    change = pl.when(change.is_finite()).then(change.clip(-_LARGEST, _LARGEST))
    returns = with_growth(panel).select("session", "sector33", (change / _STEP).round().cast(pl.Int64).alias("total"))
    sums = returns.drop_nulls("sector33").group_by("session", "sector33")
    return sums.agg(pl.col("total").sum(), pl.col("total").count().cast(pl.Int64).alias("members"))


def sector_returns(sums: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return `columns.SECTOR`, a row for each session and sector that has members, from the sums of parts of them.

    The mean is null where no member has a return.
    """
    parts = pl.concat([pl.DataFrame(schema=SUMS), *sums]).group_by("session", "sector33").sum()
    mean = pl.when(pl.col("members") > 0).then(pl.col("total") * _STEP / pl.col("members"))
    return parts.select("session", "sector33", mean.alias("sector_return")).sort("sector33", "session")
