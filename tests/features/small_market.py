"""A market small enough to see through, with everything that makes windows hard. Deterministic."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from tosho import calendar

FIRST, LAST = date(2015, 1, 5), date(2018, 12, 28)
STEADY, HALTED, FLAT, YOUNG, GONE, THIN = CODES = ("13010", "72030", "83060", "99840", "135A0", "45020")
SESSIONS = 960
MOVES = 890
"""The session, by place, from which THIN is listed in the sector of STEADY."""


@dataclass(frozen=True)
class SmallMarket:
    bars: pl.DataFrame
    indices: pl.DataFrame
    shares: pl.DataFrame
    securities: pl.DataFrame
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)  # what records are made of, by name

    @property
    def sessions(self) -> list[date]:
        return self.bars["session"].unique().sort().to_list()

    def until(self, session: date) -> "SmallMarket":
        return self.each(lambda frame: frame.filter(pl.col("session") <= session))

    def since(self, session: date) -> "SmallMarket":
        return self.each(lambda frame: frame.filter(pl.col("session") >= session))

    def without(self, code: str, sessions: list[date]) -> "SmallMarket":
        """The market in which a code has neither bar nor listing in some sessions."""
        gone = (pl.col("code") == code) & pl.col("session").is_in(sessions)
        return replace(self, bars=self.bars.filter(~gone), securities=self.securities.filter(~gone))

    def each(self, change) -> "SmallMarket":
        """The market with every table changed."""
        names = ("bars", "indices", "shares", "securities")
        return replace(self.each_table(change), **{name: change(getattr(self, name)) for name in names})

    def each_table(self, change) -> "SmallMarket":
        """The market with those changed that records are made of."""
        return replace(self, tables={name: change(frame) for name, frame in self.tables.items()})


def small_market(seed: int = 3) -> SmallMarket:
    """Six codes over 960 sessions.

    STEADY trades always and splits twice; HALTED has rows of nulls and sessions without a row; FLAT stands still for
    100 sessions; YOUNG is listed late; GONE leaves early; THIN has sessions without volume or range, and changes its
    sector. All move with the market, so that some are neighbours in the graph of correlations.
    """
    draw = np.random.default_rng(seed)
    days = calendar.sessions(FIRST, LAST)[:SESSIONS]
    market = np.random.default_rng(seed + 1).normal(0, 0.012, SESSIONS)
    bars = pl.concat([_bars(code, days, market, draw) for code in CODES])
    bars = bars.filter(~((pl.col("code") == HALTED) & pl.col("place").is_in([300, 301, 880, 940])))
    bars = bars.filter(~((pl.col("code") == YOUNG) & (pl.col("place") < 500)))
    bars = bars.filter(~((pl.col("code") == GONE) & (pl.col("place") > 930)))
    return SmallMarket(bars.drop("place").sort("session", "code"), _index(days, draw), _shares(days), _listing(bars))


def _bars(code: str, days: list[date], market: np.ndarray, draw: np.random.Generator) -> pl.DataFrame:
    n = len(days)
    step = draw.standard_t(4, n) * 0.012 + market
    volume = np.round(np.exp(draw.normal(11, 0.6, n))) * 100
    if code == FLAT:
        step[400:500] = step[880:920] = 0
    close = np.round(1500 * np.exp(np.cumsum(step)), 1)
    opening = np.round(close * np.exp(draw.normal(0, 0.006, n)), 1)
    high = np.round(np.maximum(opening, close) * (1 + np.abs(draw.normal(0, 0.005, n))), 1)
    low = np.round(np.minimum(opening, close) * (1 - np.abs(draw.normal(0, 0.005, n))), 1)
    if code in {FLAT, THIN}:
        still = slice(400, 500) if code == FLAT else slice(850, 860)
        opening[still] = high[still] = low[still] = close[still]
    if code == THIN:
        volume[[700, 705, 900]] = 0
    split = np.ones(n)
    split[{STEADY: [350, 870], GONE: [200, 650, 800], THIN: [500]}.get(code, [])] = {GONE: 1 / 3, THIN: 10}.get(
        code, 0.5
    )
    factor = np.cumprod(split)
    frame = pl.DataFrame({"session": days, "code": [code] * n, "place": np.arange(n)}).with_columns(
        *(
            pl.Series(name, x * factor)
            for name, x in zip(("open", "high", "low", "close"), (opening, high, low, close), strict=True)
        ),
        pl.Series("volume", volume / factor),
        pl.Series("turnover_yen", np.round(volume * (high + low + 2 * close) / 4)),
        pl.Series("adj_factor", split),
        pl.Series("upper_limit_hit", draw.random(n) < 0.03),
        pl.Series("lower_limit_hit", draw.random(n) < 0.03),
    )
    if code != HALTED:
        return frame
    empty = pl.col("place").is_in([100, 450, 451, 700, 890])
    traded = ("open", "high", "low", "close", "volume", "turnover_yen", "upper_limit_hit", "lower_limit_hit")
    return frame.with_columns(pl.when(~empty).then(pl.col(name)).alias(name) for name in traded)


def _index(days: list[date], draw: np.random.Generator) -> pl.DataFrame:
    n = len(days)
    close = np.round(1400 * np.exp(np.cumsum(draw.normal(0, 0.01, n))), 2)
    opening = np.round(close * np.exp(draw.normal(0, 0.004, n)), 2)
    return pl.DataFrame(
        {
            "session": days,
            "index_code": ["0000"] * n,
            "open": opening,
            "high": np.maximum(opening, close) + 2.5,
            "low": np.minimum(opening, close) - 2.5,
            "close": close,
        }
    )


def _shares(days: list[date]) -> pl.DataFrame:
    rows = [(days[place], code, 1e8 + 1e6 * place) for code in CODES for place in range(2, len(days), 63)]
    frame = pl.DataFrame(rows, schema=["session", "code", "shares_outstanding"], orient="row")
    known_at = pl.Series("known_at", [datetime(d.year, d.month, d.day, 6, tzinfo=UTC) for d in frame["session"]])
    return frame.with_columns(known_at.dt.cast_time_unit("us"))


def _listing(bars: pl.DataFrame) -> pl.DataFrame:
    spans = bars.group_by("code").agg(pl.col("session").min().alias("first"), pl.col("session").max().alias("last"))
    days = bars.select("session").unique()
    rows = spans.join(days, how="cross").filter(pl.col("session").is_between("first", "last"))
    sectors = dict(zip(CODES, ("0050", "3700", "7050", "5250", "5250", "3700"), strict=True))
    moved = (pl.col("code") == THIN) & (pl.col("session") >= days["session"].sort()[MOVES])
    segments = dict(zip(CODES, ("0111", "0111", "0111", "0113", "0113", "0112"), strict=True))
    scales = dict(zip(CODES, ("TOPIX Small 1", "TOPIX Core30", "TOPIX Large70", "-", "-", "TOPIX Mid400"), strict=True))
    return rows.select(
        "session",
        "code",
        pl.when(moved).then(pl.lit("0050")).otherwise(pl.col("code").replace_strict(sectors)).alias("sector33"),
        pl.col("code").replace_strict(segments).alias("segment"),
        pl.col("code").replace_strict(scales).alias("scale"),
    ).sort("session", "code")
