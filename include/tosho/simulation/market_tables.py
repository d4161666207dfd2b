"""The arrays of a synthetic market as the long tables of a market folder, ordered by session and code."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from tosho.simulation.listing import Flags, Floats, Universe
from tosho.simulation.prices import Prices
from tosho.simulation.streams import Panel
from tosho.simulation.volumes import Volumes


def bars_table(sessions: list[date], universe: Universe, prices: Prices, volumes: Volumes) -> pl.DataFrame:
    """Return unadjusted daily bars, named as J-Quants names them, one row a listed code and session.

    A session without a trade is a row of nulls. `UL` and `LL` are "1" where a price touched the limit, else "0".
    """
    listed = universe.listed(len(sessions))
    traded = pl.Series(prices.traded[listed])
    values = {
        "O": prices.open,
        "H": prices.high,
        "L": prices.low,
        "C": prices.close,
        "Vo": volumes.shares,
        "Va": volumes.turnover_yen,
    }
    rows = keys(sessions, universe, listed).with_columns(
        *(pl.Series(name, value[listed]) for name, value in values.items()),
        pl.Series("AdjFactor", prices.factor[listed]),
        _flag("UL", prices.high >= prices.high_limit, listed),
        _flag("LL", prices.low <= prices.low_limit, listed),
    )
    return rows.with_columns(
        *(pl.when(traded).then(name).alias(name) for name in values),
        *(pl.when(traded).then(name).otherwise(pl.lit("0")).alias(name) for name in ("UL", "LL")),
    )


def topix_table(sessions: list[date], points: Floats) -> pl.DataFrame:
    """Return TOPIX, one row a session."""
    return pl.DataFrame({"Date": sessions, **{name: points[:, place] for place, name in enumerate("OHLC")}})


def forecasts_table(sessions: list[date], universe: Universe, forecasts: dict[int, Panel]) -> pl.DataFrame:
    """Return the forecasts of a perfect model, `oracle_h` by horizon, for every listed code and session."""
    listed = universe.listed(len(sessions))
    columns = [pl.Series(f"oracle_{h}", forecast[listed].astype(np.float32)) for h, forecast in forecasts.items()]
    return keys(sessions, universe, listed).with_columns(columns)


def keys(sessions: list[date], universe: Universe, rows: Flags) -> pl.DataFrame:
    """Return Date and Code of every place that `rows`, `[sessions, codes]`, marks, by session and code."""
    session, code = np.nonzero(rows)
    return pl.DataFrame(
        {"Date": pl.Series(sessions, dtype=pl.Date).gather(session), "Code": pl.Series(universe.codes).gather(code)}
    )


def _flag(name: str, hit: Flags, rows: Flags) -> pl.Series:
    return pl.Series(name, np.where(hit[rows], "1", "0"))
