"""A small market with everything that could make two engines differ: splits, halts, codes that come and go."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from features.record_tables import record_tables
from tosho import calendar
from tosho.contracts import features_contract
from tosho.features import local, panel
from tosho.features.inputs import FACT, Published
from tosho.features.plan import plan
from tosho.features.sets import FeatureSet
from tosho.storage import Files, Lake, Manifest

LAST = date(2024, 12, 30)
SEED = 4
"""Of a simulation in which something of every table is told in the last sessions."""


def sessions(count: int) -> list[date]:
    return [calendar.offset(LAST, n) for n in range(1 - count, 1)]


def bars(days: list[date], codes: int = 40, seed: int = 3) -> pl.DataFrame:
    """Long bars, unadjusted. Every fifth code halts at times (half the halts leave no row at all)."""
    rng, n = np.random.default_rng(seed), len(days)
    market = np.random.default_rng(seed + 1).normal(0, 0.015, n)  # some are neighbours in the graph of correlations
    return pl.concat([_one(code, i, days, market, rng) for i, code in enumerate(codes_of(codes))])


def codes_of(count: int) -> list[str]:
    return [f"{1300 + 7 * i}{'A' if i % 11 == 3 else '0'}" for i in range(count)]


def _one(code: str, i: int, days: list[date], market: np.ndarray, rng: np.random.Generator) -> pl.DataFrame:
    n = len(days)
    first = n // 3 if i % 7 == 2 else 0  # listed late
    last = n - n // 5 if i % 7 == 5 else n  # delisted early
    factor = np.ones(n)
    if i % 4 in {0, 1}:
        factor[[n // 6, n // 2, n - 3]] = (1 / 3, 0.5, 1 / 1.1)  # splits, one just before the end
    close = (500 + 30 * i) * np.exp(np.cumsum(rng.normal(0, 0.02, n) + market)) * np.cumprod(factor)
    spread = np.abs(rng.normal(0, 0.01, (2, n)))
    open_ = close * np.exp(rng.normal(0, 0.005, n))
    volume = np.round(rng.lognormal(11, 1, n)) * (rng.random(n) > 0.02)
    frame = pl.DataFrame(
        {
            "session": days,
            "code": [code] * n,
            "open": open_,
            "high": np.maximum(open_, close) * (1 + spread[0]),
            "low": np.minimum(open_, close) * (1 - spread[1]),
            "close": close,
            "volume": volume,
            "turnover_yen": volume * close,
            "adj_factor": factor,
            "upper_limit_hit": rng.random(n) < 0.01,
            "lower_limit_hit": rng.random(n) < 0.01,
        }
    )[first:last]
    halted = pl.Series(rng.random(frame.height) < (0.04 if i % 5 == 0 else 0))
    unsaid = pl.Series(rng.random(frame.height) < 0.5) & (frame["adj_factor"] == 1.0)
    emptied = pl.when(~halted).then(pl.col("open", "high", "low", "close", "volume", "turnover_yen"))
    there = ~pl.col("session").is_in(away(i, days))
    return frame.with_columns(emptied).filter(~(halted & unsaid)).filter(there)


def away(i: int, days: list[date]) -> list[date]:
    """Sessions in which a code is neither listed nor traded, and comes back: long ago, or near the end."""
    n = len(days)
    return days[n // 8 : n // 2] if i % 9 == 4 else days[n - n // 8 : n - n // 16] if i % 9 == 6 else []


def untold(i: int, days: list[date]) -> list[date]:
    """Sessions in which a code trades and no listing tells of it: its sector is known for 65 sessions more."""
    return days[-90:] if i % 8 == 3 else days[-30:] if i % 8 == 6 else []


def securities(bars: pl.DataFrame) -> pl.DataFrame:
    """What was listed at each session: every code from its first row to its last, but when it was away or untold."""
    days = pl.DataFrame({"session": bars["session"].unique().sort()})
    listed = bars.group_by("code").agg(first=pl.col("session").min(), last=pl.col("session").max())
    sessions = days["session"].to_list()
    numbers = {code: (int(code[:4]) - 1300) // 7 for code in listed["code"].sort()}
    absent = [(code, day) for code, i in numbers.items() for day in {*away(i, sessions), *untold(i, sessions)}]
    gone = pl.DataFrame(absent, schema={"code": pl.String, "session": pl.Date}, orient="row")
    number = pl.col("code").str.slice(0, 4).cast(pl.Int32)
    return (
        listed.join(days, how="cross")
        .filter(pl.col("session").is_between("first", "last"))
        .join(gone, on=["code", "session"], how="anti")
        .select(
            "session",
            "code",
            name="code",
            name_en="code",
            sector17=(number % 3 + 1).cast(pl.String),
            sector33=pl.format("{}", (number % 5) * 100 + 50),
            scale=pl.lit("TOPIX Small 1"),
            segment=pl.when(number % 2 == 0).then(pl.lit("0111")).otherwise(pl.lit("0112")),
            margin_class=pl.lit("1"),
            product=pl.lit("011"),
        )
    )


def indices(days: list[date], seed: int = 5) -> pl.DataFrame:
    close = 2500 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, len(days))))
    return pl.DataFrame(
        {
            "session": days,
            "index_code": ["0000"] * len(days),
            "open": close * 0.999,
            "high": close * 1.01,
            "low": close * 0.99,
            "close": close,
        }
    )


def shares(bars: pl.DataFrame, seed: int = 9) -> pl.DataFrame:
    """Statements, two in a session: each code's first at its second row, and of every other code some later."""
    rng = np.random.default_rng(seed)
    rows = []
    for i, ((code,), own) in enumerate(bars.group_by("code", maintain_order=True)):
        for place in sorted({1, *rng.integers(1, own.height, 4 * (i % 2)).tolist()}):
            session = own["session"][place]
            known = datetime(session.year, session.month, session.day, 6, 30, tzinfo=UTC)
            rows += [(session, code, known + timedelta(hours=h), float(rng.integers(10, 99)) * 1e6) for h in (0, 1)]
    return pl.DataFrame(
        rows,
        schema={
            "session": pl.Date,
            "code": pl.String,
            "known_at": pl.Datetime("us", "UTC"),
            "shares_outstanding": pl.Float64,
        },
        orient="row",
    )


def new_lake(folder: Path) -> Lake:
    """Return a lake in a folder, with nothing in it."""
    return Lake(Files(f"file://{folder}/lake"))


def publish(folder: Path, count: int, codes: int, told: int = 0) -> Lake:
    """Put a market into a new lake and return it; records are told of the newest `told` of its `count` sessions."""
    lake, days = new_lake(folder), sessions(count)
    prices = bars(days, codes)
    listed = securities(prices)
    tables = {"bars": prices, "securities": listed, "indices": indices(days)}
    if told:
        sectors = listed["sector33"].unique().sort().to_list()
        tables |= record_tables(folder / "simulated", days[-told:], codes_of(codes), sectors, SEED)
    parts = [
        (name, session, rows)
        for name, frame in {**tables, "shares": shares(prices)}.items()
        for (session,), rows in frame.partition_by("session", as_dict=True).items()
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda part: lake.publish(*part), parts))
    return lake


def publish_locally(lake: Lake, target: Lake, wanted: FeatureSet, sessions: list[date]) -> dict[date, Manifest]:
    """Publish what the local engine makes of the whole market at once; manifests tell the bytes."""
    passes = plan(wanted)
    tables = {
        name: lake.read_many(name, there)
        for name in dict.fromkeys(("bars", "securities", "shares", "indices", *passes.tables))
        if (there := lake.sessions(name))
    }
    prices = panel.build_panel(tables["bars"], tables["shares"], tables["securities"])
    frame = local.compute(prices, tables.get("indices"), wanted, sessions, tables)
    facts = {"feature_set": wanted.name, "number": wanted.number}
    published, reach = Published.of(lake, sessions[-1], kinds=passes.records()), passes.rows_before
    return {
        session: target.publish(
            "features",
            session,
            rows,
            contract=features_contract(wanted.names),
            facts=facts | {FACT: published.made_from(session, reach)},
        )
        for (session,), rows in frame.partition_by("session", as_dict=True).items()
    }
