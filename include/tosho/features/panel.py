"""The panel: one row for every code and session it was listed, with prices adjusted as known at the session."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from tosho.features import columns

_PRICES = ("open", "high", "low", "close")
_SECURITIES = ("sector33", "segment", "scale")
_FACTOR = "factor"


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

    Each code has a row for every session from its first row to its last, in the bars or in the listing; a session
    without a bar is a row of nulls. Prices are divided, and volume multiplied, by the factor F_t: the product of the
    code's `adj_factor` up to and including the session. So the series has no jump at a split, and a later split
    changes no earlier value: the level is that of the first session, and features are ratios in which it cancels.

    Shares outstanding are those of the code's newest statement whose session (the first whose cutoff knows it) is not
    later, times F of that session over F_t, so that a split between the two does not look like turnover.

    `sessions_listed` counts a code's rows up to 750: bars that begin later than 750 sessions ago make it too small.

    Args:
        bars: Rows of the `bars` contract.
        shares: Rows of the `shares` contract; without them `shares_outstanding` is null.
        securities: Rows of the `securities` contract; each row's sector, segment and scale are those of the code's
            newest listing not later than the session. Without them they are null.
        sessions: All sessions that exist in this range. Left out, they are those that occur in `bars` and
            `securities`: give them when the bars are those of a few codes.
        splits: What `splits_of` gives for bars earlier than these. With them an incremental panel has the same bits
            as the same rows of a full one.

    Raises:
        PanelError: A code has two bars in one session.
    """
    if duplicates := bars.height - bars.n_unique(["session", "code"]):
        raise PanelError(f"{duplicates} of {bars.height} bars repeat a session and code; the bound is none. Drop them.")
    keys = bars.select(columns.KEY)
    if securities is not None:
        keys = pl.concat([keys, securities.select(columns.KEY)])
    dense = _dense(keys, keys["session"] if sessions is None else pl.Series("session", list(sessions), pl.Date))
    rows = dense.join(bars, on=columns.KEY, how="left", maintain_order="left")
    factors = _factors(bars, splits)
    rows = _as_of(rows, factors).with_columns(pl.col(_FACTOR).fill_null(1.0))
    rows = rows.with_columns(pl.col("close").alias("close_raw"), pl.col("volume").alias("volume_raw"))
    rows = rows.with_columns(pl.col(_PRICES) / pl.col(_FACTOR), pl.col("volume") * pl.col(_FACTOR))
    rows = _with_shares(rows, shares, factors)
    listing = securities.select(*columns.KEY, *_SECURITIES) if securities is not None else _nothing(_SECURITIES)
    listed = pl.int_range(1, pl.len() + 1).over("code").clip(upper_bound=columns.LISTED_CAP)
    return (
        _as_of(rows, listing.sort(columns.KEY))
        .with_columns(listed.alias("sessions_listed"))
        .select(pl.col(name).cast(dtype) for name, dtype in columns.PANEL.items())
    )


def splits_of(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in which a split took effect: session, code, adj_factor. They are few, and worth keeping."""
    return bars.filter(pl.col("adj_factor") != 1).select("session", "code", "adj_factor").sort("code", "session")


def _dense(keys: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    days = sessions.unique().sort()
    spans = keys.group_by("code").agg(pl.col("session").min().alias("first"), pl.col("session").max().alias("last"))
    spans = spans.sort("code").with_columns(
        days.search_sorted(spans.sort("code")["first"]).alias("begin"),
        days.search_sorted(spans.sort("code")["last"], side="right").alias("end"),
    )
    rows = spans.select("code", pl.int_ranges("begin", "end").alias("at")).explode("at", empty_as_null=False)
    return rows.select(days.gather(rows["at"]).alias("session"), "code")


def _factors(bars: pl.DataFrame, splits: pl.DataFrame | None) -> pl.DataFrame:
    """Session, code, factor: the cumulative factor from each split on, multiplied in order of time."""
    own = splits_of(bars)
    if splits is not None and bars.height:
        first = bars["session"].min()
        own = pl.concat([splits.filter(pl.col("session") < first).select(own.columns), own])
    ordered = own.sort("code", "session")
    return ordered.select(*columns.KEY, pl.col("adj_factor").cum_prod().over("code").alias(_FACTOR)).sort(columns.KEY)


def _with_shares(rows: pl.DataFrame, shares: pl.DataFrame | None, factors: pl.DataFrame) -> pl.DataFrame:
    if shares is None:
        return rows.with_columns(pl.lit(None, pl.Float64).alias("shares_outstanding"))
    stated = shares.sort("session", "code", "known_at").unique(columns.KEY, keep="last").sort(columns.KEY)
    stated = _as_of(stated.select(*columns.KEY, "shares_outstanding"), factors)
    stated = stated.rename({_FACTOR: "factor_stated"}).with_columns(pl.col("factor_stated").fill_null(1.0))
    return _as_of(rows, stated).with_columns(pl.col("shares_outstanding") * (pl.col("factor_stated") / pl.col(_FACTOR)))


def _as_of(rows: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Join each row with its code's newest record that is not later, keeping the rows' order."""
    numbered = rows.with_row_index("place").sort("session")
    joined = numbered.join_asof(records, on="session", by="code", strategy="backward", check_sortedness=False)
    return joined.sort("place").drop("place")


def _nothing(names: Iterable[str]) -> pl.DataFrame:
    return pl.DataFrame(schema={"session": pl.Date, "code": pl.String, **dict.fromkeys(names, pl.String)})
