"""A market on disk as the server sees it: bars by session, who was listed when, and J-Quants' own field names."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Final

import polars as pl

from tosho.calendar.xtks import SYSTEM_FAILURE
from tosho.simulation.fields import BARS, FIELDS, MASTER
from tosho.simulation.limit_flags import FLAGS, with_limit_flags
from tosho.simulation.official_rows import master_rows, statement_rows, table_rows

TRUTH: Final = "truth.json"
"""What a synthetic market tells of itself; a folder that has it was invented by `simulation.market`."""
PRICES = ("O", "H", "L", "C")
_NEEDED = ("Date", "Code", *PRICES, "Vo", "Va", "AdjFactor")
_LISTING = ("ListedFrom", "ListedTo")


class MarketFolderError(ValueError):
    """A folder does not hold a market."""


@dataclass(frozen=True)
class Market:
    """A folder's tables, in memory. Rows are cut out of them when they are asked for.

    A listed code without a bar gets a row of nulls, as J-Quants gives it. Codes that trade but stand in no
    master are served in the bars alone: that they are strangers is for a gate to find.
    """

    bars: pl.DataFrame  # sorted by Date, Code
    starts: Sequence[int]  # row at which each day begins, and the number of rows
    days: Sequence[date]  # sessions, and the day of the exchange's failure where the market spans it
    spans: pl.DataFrame  # Code, ListedFrom, ListedTo (null: still listed)
    master: pl.DataFrame  # official names, one row a code
    folder: Path
    invented: bool  # a synthetic market: what its files do not hold may be derived

    def table(self, name: str, endpoint: str, by: str) -> pl.DataFrame:
        """Return one more file of the folder as an endpoint serves it, sorted by a column; no rows without the file.

        It is read when it is first asked for.
        """
        return self._tables.read(self.folder, name, endpoint, by)

    def between(self, first: date, last: date) -> Sequence[date]:
        """Return the days of the market from `first` to `last`, both included."""
        return self.days[bisect_left(self.days, first) : bisect_right(self.days, last)]

    def listed(self, day: date) -> pl.DataFrame:
        """Return the codes that were listed on a day, delisted ones included that still were."""
        ended = pl.col("ListedTo").fill_null(date.max) < day
        return self.spans.filter((pl.col("ListedFrom") <= day) & ~ended).select("Code")

    def traded(self, session: date) -> pl.DataFrame:
        """Return the bars of a session as the folder has them."""
        place = bisect_left(self.days, session)
        if place == len(self.days) or self.days[place] != session:
            return self.bars.clear()
        return self.bars.slice(self.starts[place], self.starts[place + 1] - self.starts[place])

    def bars_of(self, sessions: Sequence[date], as_of: date, codes: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the official rows of some sessions, adjusted for what was known at `as_of`.

        Args:
            sessions: In order.
            as_of: Later splits do not count.
            codes: Only these; all when None.
        """
        parts = [self._session_rows(session, codes) for session in sessions]
        rows = pl.concat(parts) if parts else self._session_rows(date.min, codes)
        return self._adjusted(rows, as_of).select(BARS)

    def bars_of_code(self, codes: Sequence[str], sessions: Sequence[date], as_of: date) -> pl.DataFrame:
        """Return the official rows of codes over consecutive sessions: by code, then session."""
        if not sessions:
            return self.bars_of((), as_of)
        first = bisect_left(self.days, sessions[0])
        begin, end = self.starts[first], self.starts[first + len(sessions)]
        wanted = self.bars.slice(begin, end - begin).filter(pl.col("Code").is_in(codes))
        dates = pl.DataFrame({"Date": sessions}, schema={"Date": pl.Date})
        inside = (pl.col("Date") >= pl.col("ListedFrom")) & (pl.col("Date") <= pl.col("ListedTo").fill_null(date.max))
        grid = self.spans.filter(pl.col("Code").is_in(codes)).join(dates, how="cross").filter(inside)
        rows = grid.select("Date", "Code").join(wanted, on=["Date", "Code"], how="left")
        return self._adjusted(rows.sort("Date", "Code"), as_of).select(BARS).sort("Code", "Date")

    def master_of(self, day: date) -> pl.DataFrame:
        """Return the official master rows of a day."""
        rows = self.listed(day).join(self.master, on="Code", how="inner", maintain_order="left")
        return rows.with_columns(pl.lit(day).alias("Date")).select(MASTER)

    def _session_rows(self, session: date, codes: Sequence[str] | None) -> pl.DataFrame:
        traded = self.traded(session)
        listed = pl.concat([self.listed(session), traded.select("Code")]).unique().sort("Code")
        rows = listed.join(traded, on="Code", how="left", maintain_order="left")
        rows = rows.with_columns(pl.lit(session).alias("Date"))
        return rows if codes is None else rows.filter(pl.col("Code").is_in(codes))

    def _adjusted(self, rows: pl.DataFrame, as_of: date) -> pl.DataFrame:
        """Add AdjO .. AdjVo: each row times the factors of the splits after it."""
        later = self._splits.filter(pl.col("Date") <= as_of).sort("Code", "Date")
        later = later.with_columns(pl.col("AdjFactor").cum_prod(reverse=True).over("Code").alias("level"))
        levels = later.select("Code", pl.col("Date").alias("split"), "level").sort("split")
        untraded = pl.col("AdjFactor").fill_null(1.0), pl.col(FLAGS).fill_null("0")
        rows = rows.with_columns(untraded).join_asof(
            levels, left_on="Date", right_on="split", by="Code", strategy="forward", allow_exact_matches=False,
            check_sortedness=False,
        )  # fmt: skip
        level = pl.col("level").fill_null(1.0)
        return rows.with_columns(
            *((pl.col(price) * level).alias(f"Adj{price}") for price in PRICES),
            (pl.col("Vo") / level).alias("AdjVo"),
        )

    @cached_property
    def _tables(self) -> _Tables:
        return _Tables()

    @cached_property
    def _splits(self) -> pl.DataFrame:
        return self.bars.select("Date", "Code", "AdjFactor").filter(pl.col("AdjFactor") != 1.0)


class _Tables:
    """The files that were read, by name. Reading one takes the lock: answers come from several threads."""

    def __init__(self) -> None:
        self._read: dict[str, pl.DataFrame] = {}
        self._lock = Lock()

    def read(self, folder: Path, name: str, endpoint: str, by: str) -> pl.DataFrame:
        with self._lock:
            if name not in self._read:
                path = folder / f"{name}.parquet"
                names = FIELDS[endpoint]
                table = (
                    pl.read_parquet(path) if path.is_file() else pl.DataFrame(schema=dict.fromkeys(names, pl.String))
                )
                rows = statement_rows(table) if name == "statements" else table_rows(table, names)
                self._read[name] = rows.sort(by, maintain_order=True)
            return self._read[name]


def load_market(folder: Path) -> Market:
    """Return the market in a folder: `bars.parquet`, `master*.parquet`, `topix.parquet` and what else it has.

    Raises:
        MarketFolderError: A file is missing or lacks a column.
    """
    bars = _sorted_bars(_read(folder, "bars.parquet"))
    master = pl.concat([pl.read_parquet(path) for path in _masters(folder)], how="diagonal_relaxed")
    master = master.unique("Code", keep="last", maintain_order=True).sort("Code")
    bars = _flagged(bars, master)
    counts = bars.group_by("Date", maintain_order=True).len()
    days, sizes = counts["Date"].to_list(), counts["len"].to_list()
    if days[0] < SYSTEM_FAILURE < days[-1] and SYSTEM_FAILURE not in days:
        place = bisect_left(days, SYSTEM_FAILURE)
        days.insert(place, SYSTEM_FAILURE)
        sizes.insert(place, 0)
    _read(folder, "topix.parquet")
    return Market(
        bars, [0, *accumulate(sizes)], days, _spans(bars, master), master_rows(master), folder,
        invented=(folder / TRUTH).is_file(),
    )  # fmt: skip


def _sorted_bars(bars: pl.DataFrame) -> pl.DataFrame:
    if missing := [name for name in _NEEDED if name not in bars.columns]:
        raise MarketFolderError(f"bars.parquet lacks the column(s) {missing}; it has {bars.columns}.")
    return bars if bars["Date"].is_sorted() else bars.sort("Date", "Code")


def _flagged(bars: pl.DataFrame, master: pl.DataFrame) -> pl.DataFrame:
    """Return the columns that are served; where limit flags were not recorded, with what the rules give."""
    flagged = bars if set(FLAGS) <= set(bars.columns) else with_limit_flags(bars, master)
    return flagged.select(*_NEEDED, pl.col(FLAGS).cast(pl.String))


def _spans(bars: pl.DataFrame, master: pl.DataFrame) -> pl.DataFrame:
    """Return from when to when each code was listed: as the master says, else from its first bar to its last trace.

    A code in a list of issues was listed on the list's day, even if it did not trade; what was there on the last
    session or later still is.
    """
    seen = bars.group_by("Code").agg(pl.col("Date").min().alias("first"), pl.col("Date").max().alias("last"))
    told = master.with_columns(pl.lit(None, pl.Date).alias(n) for n in _LISTING if n not in master.columns)
    both = seen.join(
        told.select("Code", *_LISTING, pl.col("Date").alias("snapshot")), on="Code", how="full", coalesce=True
    )
    last_trace = pl.max_horizontal("last", "snapshot")
    ended = pl.when(last_trace < bars["Date"].max()).then(last_trace)
    return both.select(
        "Code",
        pl.coalesce("ListedFrom", "first").alias("ListedFrom"),
        pl.when(pl.col("ListedFrom").is_not_null()).then("ListedTo").otherwise(ended).alias("ListedTo"),
    ).sort("Code")


def _read(folder: Path, name: str) -> pl.DataFrame:
    path = folder / name
    if not path.is_file():
        raise MarketFolderError(
            f"{folder} holds no {name}. A market folder has bars.parquet, master*.parquet and topix.parquet; "
            "`tosho simulate market` writes one."
        )
    return pl.read_parquet(path)


def _masters(folder: Path) -> list[Path]:
    if not (found := sorted(folder.glob("master*.parquet"))):
        raise MarketFolderError(f"{folder} holds no master*.parquet, so nobody would know what its codes are.")
    return found
