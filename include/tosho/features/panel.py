"""The panel: one row for every code and session in which it was listed, prices adjusted as known at the session."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from tosho.contracts import BARS
from tosho.features import columns
from tosho.features.grid import Grid, Numbers
from tosho.point_in_time.asof import AsOfError, as_of
from tosho.point_in_time.prices import FACTOR, adjusted, cumulative_factors, with_factor

_BARS = {name: dtype for name, dtype in BARS.schema.items() if name in columns.PANEL}
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
        bars: Rows of the `bars` contract; what is made of columns that are not given is null, but for key and
            `adj_factor`, which must be.
        shares: Rows of the `shares` contract; without them `shares_outstanding` is null.
        securities: Rows of the `securities` contract; each row's sector, segment and scale are those of the code's
            newest listing of the 65 sessions before, or the session's own. They are null without them, or their column.
        sessions: All sessions that exist in this range, by which absences are seen. Left out, they are those that
            occur in `bars` and `securities`: give them when the bars are those of a few codes.
        splits: What `splits_of` gives for bars earlier than these. With them an incremental panel has the same bits
            as the same rows of a full one.

    Raises:
        PanelError: A code has two bars in one session.
        AsOfError: A code has two listings in one session.
    """
    return Rows.of(bars, shares, securities, sessions=sessions, splits=splits).panel()


def bars_columns(panel: Collection[str]) -> tuple[str, ...]:
    """Return the columns of bars that some columns of a panel are made of; key and `adj_factor` always count.

    >>> bars_columns(["close", "volume_raw", "sector33"])
    ('session', 'code', 'close', 'volume', 'adj_factor')
    """
    wanted = {*columns.KEY, "adj_factor", *(name.removesuffix("_raw") for name in panel)}
    return tuple(name for name in BARS.schema if name in wanted)


@dataclass(frozen=True)
class Rows:
    """The rows of a panel, of which columns are made as far as they are wanted."""

    bars: pl.DataFrame
    shares: pl.DataFrame | None
    securities: pl.DataFrame | None
    factors: pl.DataFrame
    grid: Grid
    of_bars: Numbers
    of_listing: Numbers | None
    there: npt.NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        bars: pl.DataFrame,
        shares: pl.DataFrame | None = None,
        securities: pl.DataFrame | None = None,
        *,
        sessions: Iterable[date] | None = None,
        splits: pl.DataFrame | None = None,
    ) -> Rows:
        """Return the rows that `build_panel` tells of."""
        given = pl.Series("session", [] if sessions is None else list(sessions), pl.Date)
        grid = Grid.of(given, bars, *([] if securities is None else [securities]))
        of_bars = grid.places(bars)
        if duplicates := bars.height - np.count_nonzero(grid.marked(of_bars)):
            raise PanelError(
                f"{duplicates} of {bars.height} bars repeat a session and code; the bound is none. Drop them."
            )
        of_listing = None if securities is None else grid.places(securities)
        there = grid.marked(of_bars) if of_listing is None else grid.marked(of_bars) | grid.marked(of_listing)
        return cls(bars, shares, securities, cumulative_factors(bars, splits), grid, of_bars, of_listing, there)

    def panel(self, since: date | None = None, only: Collection[str] = tuple(columns.PANEL)) -> pl.DataFrame:
        """Return the rows as `build_panel` does.

        Args:
            since: The first session that is given back; all, if left out. Earlier ones count all the same.
            only: Columns that are wanted, beside the key and the engine's own.
        """
        named = {*columns.KEY, *columns.ENGINES_OWN, *only}
        wanted = {name: kind for name, kind in columns.PANEL.items() if name in named}
        at = np.flatnonzero(self.there)
        follows = np.diff(at, prepend=-2) == 1
        if since is not None:
            kept = at % self.grid.width >= int(self.grid.days.search_sorted(since))
            at, follows = at[kept], follows[kept]
        rows = self.grid.keys(at).with_columns(pl.Series("follows", follows))
        if "sessions_listed" in wanted:
            counts = np.cumsum(self.there, dtype=np.int64)
            rows = rows.with_columns(pl.Series("sessions_listed", counts[at] - self.grid.before(counts, at)))
        rows = self._with_bars(rows, at, wanted)
        if "shares_outstanding" in wanted:
            rows = _with_shares(rows, self.shares, self.factors)
        if not wanted.keys().isdisjoint(_SECURITIES):
            rows = _with_listing(rows, self.securities, self.of_listing, self.grid, at)
        return rows.select(pl.col(name).cast(kind) for name, kind in wanted.items())

    def _with_bars(self, rows: pl.DataFrame, at: Numbers, wanted: Collection[str]) -> pl.DataFrame:
        read = [name for name in bars_columns(wanted) if name not in columns.KEY]
        given = [name for name in read if name in self.bars.columns]
        own = self.bars.select(pl.col(given).gather(self.grid.rows_at(self.of_bars, at)))
        not_given = (pl.lit(None, _BARS[name]).alias(name) for name in read if name not in given)
        rows = with_factor(rows.hstack(own).with_columns(not_given), self.factors)
        as_traded = (pl.col(name).alias(f"{name}_raw") for name in ("close", "volume") if f"{name}_raw" in wanted)
        rows = rows.with_columns(*as_traded, pl.col("adj_factor").fill_null(1.0))
        return rows.with_columns(price for price in adjusted() if price.meta.output_name() in wanted)


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


def _with_shares(rows: pl.DataFrame, shares: pl.DataFrame | None, factors: pl.DataFrame) -> pl.DataFrame:
    if shares is None:
        return rows.with_columns(pl.lit(None, pl.Float64).alias("shares_outstanding"))
    stated = shares.sort("session", "code", "known_at").unique(columns.KEY, keep="last").sort(columns.KEY)
    stated = with_factor(stated.select(*columns.KEY, "shares_outstanding"), factors).rename({FACTOR: "factor_stated"})
    return _newest(rows, stated).with_columns(pl.col("shares_outstanding") * (pl.col("factor_stated") / pl.col(FACTOR)))


def _with_listing(
    rows: pl.DataFrame, securities: pl.DataFrame | None, places: Numbers | None, grid: Grid, at: Numbers
) -> pl.DataFrame:
    if securities is None or places is None:
        return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in _SECURITIES)
    if twice := places.size - np.count_nonzero(grid.marked(places)):
        raise AsOfError(
            f"{twice} of {places.size} listings repeat a session and code; the bound is none, as neither is newer."
        )
    given = [name for name in _SECURITIES if name in securities.columns]
    newest = securities.select(pl.col(given).gather(grid.rows_up_to(places, at, columns.LISTING_AGE)))
    not_given = (pl.lit(None, pl.String).alias(name) for name in _SECURITIES if name not in given)
    return rows.hstack(newest).with_columns(not_given)


def _newest(rows: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Join each row with its code's newest record of its own session or an earlier one."""
    return as_of(rows, records, by=("code",), cutoff="session", known_at="session")
