"""The panel: one row for every code and session in which it was listed, prices adjusted as known at the session."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from tosho.features import columns
from tosho.point_in_time.asof import as_of
from tosho.point_in_time.prices import FACTOR, adjusted, cumulative_factors, with_factor

_SECURITIES = ("sector33", "segment", "scale")


class PanelError(ValueError):
    """The rows given cannot make a panel."""


def build_panel(
    bars: pl.DataFrame,
    shares: pl.DataFrame | None = None,
    securities: pl.DataFrame | None = None,
    *,
    sessions: Iterable[date] | None = None,
    splits: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the panel of these bars, with the columns of `columns.PANEL`, ordered by code and session.

    A code has a row in the sessions in which it has a bar or a listing, and in no other: whether there is a row is
    known in the session itself. A session with a listing but no bar is a row of nulls. `follows` tells whether the
    code has a row in the session before. Where it has not, a new run of rows begins, and no window looks across: so
    what is computed is the same whatever lies before or after the absence, or whether it was read at all.

    Prices are divided, and volume multiplied, by the factor F_t: the product of the code's `adj_factor` up to and
    including the session. So the series has no jump at a split, and a later split changes no earlier value: the level
    is that of the first session, and features are ratios in which it cancels.

    Shares outstanding are those of the code's newest statement whose session (the first whose cutoff knows it) is not
    later, times F of that session over F_t, so that a split between the two does not look like turnover.

    `sessions_listed` counts a code's rows in the newest 750 sessions: bars that begin later make it too small.

    Args:
        bars: Rows of the `bars` contract.
        shares: Rows of the `shares` contract; without them `shares_outstanding` is null.
        securities: Rows of the `securities` contract; each row's sector, segment and scale are those of the code's
            newest listing of the 65 sessions before, or the session's own. Without them they are null.
        sessions: All sessions that exist in this range, by which absences are seen. Left out, they are those that
            occur in `bars` and `securities`: give them when the bars are those of a few codes.
        splits: What `splits_of` gives for bars earlier than these. With them an incremental panel has the same bits
            as the same rows of a full one.

    Raises:
        PanelError: A code has two bars in one session.
        AsOfError: A code has two listings in one session.
    """
    if duplicates := bars.height - bars.n_unique(["session", "code"]):
        raise PanelError(f"{duplicates} of {bars.height} bars repeat a session and code; the bound is none. Drop them.")
    keys = rows_of(bars, securities)
    given = pl.Series("session", [] if sessions is None else list(sessions), pl.Date)
    days = pl.concat([given, keys["session"]]).unique().sort()
    rows = _placed(keys, days).join(bars, on=columns.KEY, how="left", maintain_order="left")
    factors = cumulative_factors(bars, splits)
    rows = with_factor(rows, factors)
    rows = rows.with_columns(
        pl.col("close").alias("close_raw"), pl.col("volume").alias("volume_raw"), pl.col("adj_factor").fill_null(1.0)
    )
    rows = rows.with_columns(adjusted())
    rows = _with_shares(rows, shares, factors)
    return _with_listing(rows, securities, days).select(
        pl.col(name).cast(dtype) for name, dtype in columns.PANEL.items()
    )


def rows_of(bars: pl.DataFrame, securities: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return session and code of the rows that a panel of these tables has: a bar, a listing, or both."""
    tables = [bars] if securities is None else [bars, securities]
    return pl.concat([table.select(columns.KEY) for table in tables]).unique()


def _placed(keys: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    """Keys by code and session, with what tells of the rows before each: `follows` and `sessions_listed`."""
    rows = keys.sort("code", "session")
    # One number a row that grows with code and session, codes so far apart that no two are near each other.
    apart = days.len() + columns.LISTED_CAP
    at = rows["code"].rle_id().cast(pl.Int64) * apart + days.search_sorted(rows["session"]).cast(pl.Int64)
    before = at.search_sorted(at - columns.LISTED_CAP, side="right")
    return rows.with_columns(
        (at.diff() == 1).fill_null(value=False).alias("follows"),
        (pl.int_range(1, pl.len() + 1) - before.cast(pl.Int64)).alias("sessions_listed"),
    )


def _with_shares(rows: pl.DataFrame, shares: pl.DataFrame | None, factors: pl.DataFrame) -> pl.DataFrame:
    if shares is None:
        return rows.with_columns(pl.lit(None, pl.Float64).alias("shares_outstanding"))
    stated = shares.sort("session", "code", "known_at").unique(columns.KEY, keep="last").sort(columns.KEY)
    stated = with_factor(stated.select(*columns.KEY, "shares_outstanding"), factors).rename({FACTOR: "factor_stated"})
    return _newest(rows, stated).with_columns(pl.col("shares_outstanding") * (pl.col("factor_stated") / pl.col(FACTOR)))


def _with_listing(rows: pl.DataFrame, securities: pl.DataFrame | None, days: pl.Series) -> pl.DataFrame:
    if securities is None:
        return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in _SECURITIES)
    listing = securities.select(*columns.KEY, *_SECURITIES).sort(columns.KEY)
    placed = listing.with_columns(days.search_sorted(listing["session"]).cast(pl.Int64).alias("told"))
    known = _newest(rows, placed)
    age = days.search_sorted(known["session"]).cast(pl.Int64) - known["told"]
    return known.with_columns(pl.when(age <= columns.LISTING_AGE).then(pl.col(name)) for name in _SECURITIES)


def _newest(rows: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Join each row with its code's newest record of its own session or an earlier one."""
    return as_of(rows, records, by=("code",), cutoff="session", known_at="session")
