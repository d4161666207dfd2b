"""The panel: one row for every code and session in which it was listed, prices adjusted as known at the session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from tosho.contracts import BARS
from tosho.features import columns
from tosho.point_in_time.asof import AsOfError, as_of
from tosho.point_in_time.prices import FACTOR, adjusted, cumulative_factors, with_factor

_BARS = {name: dtype for name, dtype in BARS.schema.items() if name in columns.PANEL}
_SECURITIES = ("sector33", "segment", "scale")
Numbers = npt.NDArray[np.int64]


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
        bars: Rows of the `bars` contract; what is made of columns that are not given is null, but for key and
            `adj_factor`, which must be.
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
    given = pl.Series("session", [] if sessions is None else list(sessions), pl.Date)
    grid = _Grid.of(given, bars, *([] if securities is None else [securities]))
    of_bars = grid.places(bars)
    if duplicates := bars.height - np.count_nonzero(grid.marked(of_bars)):
        raise PanelError(f"{duplicates} of {bars.height} bars repeat a session and code; the bound is none. Drop them.")
    of_listing = None if securities is None else grid.places(securities)
    there = grid.marked(of_bars) if of_listing is None else grid.marked(of_bars) | grid.marked(of_listing)
    at = np.flatnonzero(there)
    rows = grid.keys(at).with_columns(
        pl.Series("follows", np.diff(at, prepend=-2) == 1),
        pl.Series("sessions_listed", np.cumsum(there)[at] - grid.before(np.cumsum(there), at)),
    )
    own = bars.select(pl.exclude(columns.KEY).gather(grid.rows_at(of_bars, at)))
    not_given = (pl.lit(None, dtype).alias(name) for name, dtype in _BARS.items() if name not in bars.columns)
    factors = cumulative_factors(bars, splits)
    rows = with_factor(rows.hstack(own).with_columns(not_given), factors)
    rows = rows.with_columns(
        pl.col("close").alias("close_raw"), pl.col("volume").alias("volume_raw"), pl.col("adj_factor").fill_null(1.0)
    )
    rows = _with_shares(rows.with_columns(adjusted()), shares, factors)
    return _with_listing(rows, securities, of_listing, grid, at).select(
        pl.col(name).cast(dtype) for name, dtype in columns.PANEL.items()
    )


def with_growth(panel: pl.DataFrame) -> pl.DataFrame:
    """Return a panel by code and session with `growth`: the close over that of the row before; null after an absence.

    It is made of unadjusted closes and the session's own factor, so that its bits do not depend on what lies before.
    """
    code, close = pl.col("code"), pl.col("close_raw")
    goes_on = pl.col("follows") & (code == code.shift(1))
    growth = pl.when(goes_on).then(close / (close.shift(1) * pl.col("adj_factor")))
    return by_code(panel).with_columns(growth.alias("growth"))


def by_code(panel: pl.DataFrame) -> pl.DataFrame:
    """Return a panel by code and session; as it is where it lies so already, as `build_panel` leaves it."""
    code, session = pl.col("code"), pl.col("session")
    rises = (code > code.shift(1)) | ((code == code.shift(1)) & (session > session.shift(1)))
    return panel if panel.select(rises.all()).item() else panel.sort("code", "session")


def rows_of(bars: pl.DataFrame, securities: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return session and code of the rows that a panel of these tables has: a bar, a listing, or both."""
    tables = [bars] if securities is None else [bars, securities]
    return pl.concat([table.select(columns.KEY) for table in tables]).unique()


@dataclass(frozen=True)
class _Grid:
    """All codes by all sessions, as numbers that rise with code and session; no two codes are near each other."""

    codes: pl.Series
    days: pl.Series

    @classmethod
    def of(cls, sessions: pl.Series, *tables: pl.DataFrame) -> _Grid:
        codes = pl.concat([table["code"].unique() for table in tables]).unique().sort()
        return cls(codes, pl.concat([sessions, *(table["session"].unique() for table in tables)]).unique().sort())

    @property
    def width(self) -> int:
        """Numbers from a code's first session to the next code's."""
        return self.days.len() + columns.LISTED_CAP

    def places(self, table: pl.DataFrame) -> Numbers:
        """Return the numbers of a table's rows."""
        codes = table["code"].replace_strict(self.codes, pl.Series(range(self.codes.len()), dtype=pl.Int64))
        codes = codes.cast(pl.Int64)  # of no rows Polars leaves texts
        sessions = self.days.search_sorted(table["session"])
        return (codes * self.width + sessions.cast(pl.Int64)).to_numpy()

    def marked(self, places: Numbers) -> npt.NDArray[np.bool_]:
        """Tell of every number whether it is among the places."""
        marks = np.zeros(self.codes.len() * self.width, np.bool_)
        marks[places] = True
        return marks

    def keys(self, at: Numbers) -> pl.DataFrame:
        """Return session and code of some numbers."""
        return pl.DataFrame([self.days.gather(at % self.width), self.codes.gather(at // self.width)])

    def before(self, counts: Numbers, at: Numbers) -> Numbers:
        """Return how many rows lie `LISTED_CAP` sessions or more before each number."""
        past = at - columns.LISTED_CAP
        return np.where(past >= 0, counts[np.maximum(past, 0)], 0)

    def rows_at(self, places: Numbers, at: Numbers) -> pl.Series:
        """Return the row of a table that is at each number, null where there is none."""
        rows = np.full(self.codes.len() * self.width, -1, np.int64)
        rows[places] = np.arange(places.size)
        return _or_null(rows[at])

    def rows_up_to(self, places: Numbers, at: Numbers, age: int) -> pl.Series:
        """Return the row of a table that is at each number or at most `age` before, the newest; null without one."""
        last = np.full(self.codes.len() * self.width, -self.width, np.int64)
        last[places] = places
        newest = np.maximum.accumulate(last)[at]
        rows = np.full(last.size, -1, np.int64)
        rows[places] = np.arange(places.size)
        return _or_null(np.where(at - newest <= age, rows[np.maximum(newest, 0)], -1))


def _or_null(rows: Numbers) -> pl.Series:
    return pl.Series(rows).cast(pl.UInt32, strict=False)  # no row, -1, becomes null


def _with_shares(rows: pl.DataFrame, shares: pl.DataFrame | None, factors: pl.DataFrame) -> pl.DataFrame:
    if shares is None:
        return rows.with_columns(pl.lit(None, pl.Float64).alias("shares_outstanding"))
    stated = shares.sort("session", "code", "known_at").unique(columns.KEY, keep="last").sort(columns.KEY)
    stated = with_factor(stated.select(*columns.KEY, "shares_outstanding"), factors).rename({FACTOR: "factor_stated"})
    return _newest(rows, stated).with_columns(pl.col("shares_outstanding") * (pl.col("factor_stated") / pl.col(FACTOR)))


def _with_listing(
    rows: pl.DataFrame, securities: pl.DataFrame | None, places: Numbers | None, grid: _Grid, at: Numbers
) -> pl.DataFrame:
    if securities is None or places is None:
        return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in _SECURITIES)
    if twice := places.size - np.count_nonzero(grid.marked(places)):
        raise AsOfError(
            f"{twice} of {places.size} listings repeat a session and code; the bound is none, as neither is newer."
        )
    return rows.hstack(securities.select(pl.col(_SECURITIES).gather(grid.rows_up_to(places, at, columns.LISTING_AGE))))


def _newest(rows: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Join each row with its code's newest record of its own session or an earlier one."""
    return as_of(rows, records, by=("code",), cutoff="session", known_at="session")
