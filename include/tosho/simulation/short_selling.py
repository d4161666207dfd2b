"""Short selling: its share of each sector's turnover, and the positions that holders must report."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import polars as pl

from tosho.calendar.xtks import SYSTEM_FAILURE
from tosho.ingest import plans
from tosho.simulation.fields import FIELDS
from tosho.simulation.listing import Universe
from tosho.simulation.sectors import FUNDS, SECTORS
from tosho.simulation.streams import Panel, Streams, autoregressive, persistence_of

RESTRICTED, FREE = 0.36, 0.07
"""Usual shares of the turnover that is sold short, with and without a limit on the price."""
SECTOR_SWING, SECTOR_HALF_LIFE = 0.12, 5

HOLDERS: Final = 25
HOLDERS_A_CODE: Final = 0.8
USUAL, SPREAD, SWING, HALF_LIFE = 0.004, 0.5, 0.4, 120
"""A position as a share of the outstanding shares: its middle, how holders differ, how it moves, and its memory."""
STEP: Final = 0.001
REPORTED: Final = 5
"""Steps from which a position is reported, once when it gets there, then whenever it moves into another step."""
DISCLOSED_AFTER: Final = 2
UNIT: Final = 100


def short_ratio_table(streams: Streams, universe: Universe, sessions: list[date], turnover_yen: Panel) -> pl.DataFrame:
    """Return the yen sold by each of the 33 sectors and the funds, a session: not short, short with and without limit.

    The three add up to the turnover of the sector's codes. `turnover_yen` is `[sessions, codes]`, 0 without a trade.
    """
    sectors = [sector.code for sector in (*SECTORS, FUNDS)]
    member = np.equal.outer(universe.sector % len(sectors), np.arange(len(sectors))).astype(np.float64)
    total = turnover_yen @ member  # whole yen below 2^53: exact in any order
    shape = (len(sessions), len(sectors))
    swing = (
        np.exp(SECTOR_SWING * autoregressive(streams.open(name).standard_normal(shape), memory, np.zeros(shape[1])))
        for name in ("short with limit", "short without limit")
        for memory in (persistence_of(SECTOR_HALF_LIFE),)
    )
    short = [
        np.floor(total * np.minimum(share * each, 0.45)) for share, each in zip((RESTRICTED, FREE), swing, strict=True)
    ]
    columns = {"SellExShortVa": total - short[0] - short[1], "ShrtWithResVa": short[0], "ShrtNoResVa": short[1]}
    day, sector = np.indices(shape)
    return pl.DataFrame(
        {
            "Date": pl.Series(sessions, dtype=pl.Date).gather(day.ravel()),
            "S33": pl.Series(sectors).gather(sector.ravel()),
            **{name: values.ravel() for name, values in columns.items()},
        }
    ).filter(pl.col("Date") != SYSTEM_FAILURE)


def short_sale_report_table(
    streams: Streams, universe: Universe, sessions: list[date], outstanding: Panel
) -> pl.DataFrame:
    """Return the reports on short positions of half a percent and more, disclosed by the last session.

    A holder reports a position when it first reaches 0.5 %, whenever it moves into another tenth of a percent above,
    and when it falls below. `outstanding` is `[sessions, codes]`, shares.
    """
    code, holder, usual = _pairs(streams, universe)
    shape = (len(sessions), len(code))
    start = streams.open("short positions before").standard_normal(len(code))
    swing = autoregressive(streams.open("short positions").standard_normal(shape), persistence_of(HALF_LIFE), start)
    ratio = np.round(usual * np.exp(SWING * swing), 4)
    there = universe.listed(len(sessions))[:, code]
    level = np.where(there, np.floor(ratio / STEP + 1e-9), 0.0)
    before = np.vstack([np.zeros_like(level[:1]), level[:-1]])
    told = there & (level != before) & (np.maximum(level, before) >= REPORTED)
    told[len(sessions) - DISCLOSED_AFTER :] = False
    day, pair = np.nonzero(told)
    shares = np.round(ratio[told] * outstanding[:, code][told])
    days = pl.Series(sessions, dtype=pl.Date).cast(pl.String)
    names = pl.Series([f"Simulated Capital {n:02d} LLC" for n in range(HOLDERS)])
    rows = pl.DataFrame(
        {
            "DiscDate": days.gather(day + DISCLOSED_AFTER),
            "CalcDate": days.gather(day),
            "Code": pl.Series(universe.codes).gather(code[pair]),
            "SSName": names.gather(holder[pair]),
            "ShrtPosToSO": ratio[told],
            "ShrtPosShares": shares,
            "ShrtPosUnits": np.floor(shares / UNIT),
            "pair": pair,
        }
    )
    managed = pl.col("SSName").str.ends_with("0 LLC")
    previous = rows.with_columns(
        pl.col("CalcDate").shift(1).over("pair").fill_null("").alias("PrevRptDate"),
        pl.col("ShrtPosToSO").shift(1).over("pair").alias("PrevRptRatio"),
        pl.lit("架空市1-1").alias("SSAddr"),
        pl.when(managed).then(pl.lit("Simulated Advisers Ltd")).otherwise(pl.lit("")).alias("DICName"),
        pl.when(managed).then(pl.lit("架空市2-2")).otherwise(pl.lit("")).alias("DICAddr"),
        pl.when(managed).then(pl.lit("Simulated Fund")).otherwise(pl.lit("")).alias("FundName"),
        pl.lit("").alias("Notes"),
    )
    return previous.sort("DiscDate", "Code", "SSName").select(FIELDS[plans.SHORT_SALE_REPORT])


def _pairs(streams: Streams, universe: Universe) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return who is short in what: places of codes and of holders, and each one's usual position."""
    fixed = streams.open("short sellers")
    chosen = fixed.random((len(universe.codes), HOLDERS)) < HOLDERS_A_CODE / HOLDERS
    code, holder = np.nonzero(chosen & universe.is_stock[:, None])
    usual = USUAL * np.exp(SPREAD * fixed.standard_normal((len(universe.codes), HOLDERS))[code, holder])
    return code, holder, usual
