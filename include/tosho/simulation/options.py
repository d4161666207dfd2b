"""Index options around the level of the day, at what Black and Scholes say: night, day, settlement, volatility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from tosho.ingest import plans
from tosho.simulation.books import Places
from tosho.simulation.chance import chance
from tosho.simulation.derivatives import Month, Underlying, months, with_blocks
from tosho.simulation.fields import FIELDS
from tosho.simulation.listing import Floats

RATE: Final = 0.0025
DAYS_A_YEAR: Final = 365.0
SESSIONS_A_YEAR: Final = 245
VOLATILITY, LEAST, MOST = 0.18, 0.10, 0.60
"""Where implied volatility starts, and between what it stays as it follows the index's own moves."""
MEMORY: Final = 0.96
SKEW, SMILE = 1.2, 3.0
PUT, CALL = "1", "2"
NO_UNDERLYING: Final = "-"


@dataclass(frozen=True)
class Product:
    """A kind of index option.

    Attributes:
        category: J-Quants' product code.
        prefixes: How the codes of puts and calls begin.
        step: Points between strikes.
        width: Strikes on either side of where the index has been.
        listed: Months at a time.
        multiplier: Yen a point.
        busiest: Contracts traded in a session at the money in the nearest month, about.
    """

    category: str
    prefixes: tuple[str, str]
    step: float
    width: int
    listed: int
    multiplier: float
    busiest: float


NIKKEI_OPTIONS: Final = Product("NK225E", ("13", "14"), 250.0, 12, 4, 1_000.0, 900.0)
TOPIX_OPTIONS: Final = Product("TOPIXE", ("15", "18"), 25.0, 5, 2, 10_000.0, 40.0)


def option_rows(product: Product, index: Underlying) -> pl.DataFrame:
    """Return one row a contract and session, with the columns of all endpoints of options."""
    volatility = _volatility(index)
    rows = pl.concat(
        _month_rows(product, index, month, volatility) for month in months(index.sessions, 1, product.listed)
    )
    busy = product.busiest * (-((pl.col("distance") / 0.05) ** 2)).exp() / (1 + 2 * pl.col("rank"))
    rows = rows.with_columns((busy * (0.2 + 1.6 * chance(22))).floor().alias("Vo"))
    rows = rows.with_columns((8 * busy * (0.7 + 0.6 * chance(23))).floor().alias("OI"))
    return with_blocks(rows, product.multiplier).with_columns(
        pl.lit(product.category).alias("ProdCat"),
        pl.lit(NO_UNDERLYING).alias("UndSSO"),
        pl.when(pl.col("rank") == 0).then(pl.lit("1")).otherwise(pl.lit("0")).alias("CCMFlag"),
    ).sort("Date", "Code")  # fmt: skip


def options_225_table(nikkei: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of Nikkei options as their own endpoint has them."""
    return nikkei.select(FIELDS[plans.OPTIONS_225])


def options_table(nikkei: pl.DataFrame, topix: pl.DataFrame) -> pl.DataFrame:
    """Return two months of Nikkei options and the TOPIX options, as the endpoint of all options has them."""
    near = nikkei.filter(pl.col("rank") <= 1)
    return pl.concat([near, topix]).sort("Date", "Code").select(FIELDS[plans.OPTIONS])


def _month_rows(product: Product, index: Underlying, month: Month, volatility: Floats) -> pl.DataFrame:
    reached = index.close[month.places]
    low = np.floor(np.minimum.accumulate(reached) / product.step) - product.width
    high = np.ceil(np.maximum.accumulate(reached) / product.step) + product.width
    ladder = np.arange(max(low.min(), 1.0), high.max() + 1)
    session, rung = np.nonzero((ladder >= low[:, None]) & (ladder <= high[:, None]))
    strike, place = product.step * ladder[rung], month.places[session]
    return pl.concat(_side(product, index, month, month.rank[session], place, strike, volatility[place], side)
                     for side in (PUT, CALL))  # fmt: skip


def _side(  # noqa: PLR0913 - what prices an option
    product: Product, index: Underlying, month: Month, rank: Places, place: Places, strike: Floats,
    base: Floats, side: str,
) -> pl.DataFrame:  # fmt: skip
    days = pl.Series("Date", index.sessions, dtype=pl.Date).gather(place)
    years = np.maximum((np.datetime64(month.last) - days.to_numpy()).astype(float), 0.5) / DAYS_A_YEAR
    distance = np.log(strike / index.close[place])
    implied = np.clip(base * (1 - SKEW * distance + SMILE * distance**2), 0.05, 1.5)

    def worth(level: Floats) -> Floats:
        return _black_scholes(level[place], strike, years, implied, side)

    night, opened, close = worth(index.before), worth(index.open), worth(index.close)
    ends = np.stack([worth(index.high), worth(index.low), opened, close])
    code = pl.Series("strike", (strike // 10).astype(np.int64))
    prefix = f"{product.prefixes[int(side) - 1]}{month.name[3]}{month.name[5:]}"
    prices = {
        "EO": night, "EH": np.maximum(night, opened), "EL": np.minimum(night, opened), "EC": opened,
        "AO": opened, "AH": ends.max(axis=0), "AL": ends.min(axis=0), "AC": close, "Settle": close,
    }  # fmt: skip
    return pl.DataFrame(
        {
            "Date": days,
            "Code": (prefix + code.cast(pl.String).str.zfill(4)),
            **{name: _on_ticks(value) for name, value in prices.items()},
            "Strike": strike,
            "Theo": np.round(close, 4),
            "BaseVol": np.round(100 * base, 4),
            "UnderPx": index.close[place],
            "IV": np.round(100 * implied, 4),
            "IR": np.full(len(place), 100 * RATE),
            "distance": distance,
            "rank": rank,
        }
    ).with_columns(
        pl.lit(side).alias("PCDiv"), pl.lit(month.name).alias("CM"),
        pl.lit(str(month.last)).alias("LTD"), pl.lit(str(month.settled)).alias("SQD"),
    )  # fmt: skip


def _volatility(index: Underlying) -> Floats:
    """Return the volatility that the market expects on each session, of what the index did until then."""
    variance, path = VOLATILITY**2, np.empty(len(index.close))
    for place, move in enumerate(np.log(index.close / index.before)):
        variance = MEMORY * variance + (1 - MEMORY) * SESSIONS_A_YEAR * move**2
        path[place] = variance
    return np.clip(np.sqrt(path), LEAST, MOST)


def _black_scholes(level: Floats, strike: Floats, years: Floats, volatility: Floats, side: str) -> Floats:
    spread = volatility * np.sqrt(years)
    above = (np.log(level / strike) + (RATE + volatility**2 / 2) * years) / spread
    later = strike * np.exp(-RATE * years)
    call = level * _normal(above) - later * _normal(above - spread)
    return np.maximum(call if side == CALL else call - level + later, 0.0)


def _normal(x: Floats) -> Floats:
    """Return the standard normal distribution, to 1e-7 (Abramowitz and Stegun, 26.2.17)."""
    t = 1 / (1 + 0.2316419 * np.abs(x))
    poly = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * poly
    return np.asarray(np.where(x > 0, 1 - tail, tail))


def _on_ticks(premium: Floats) -> Floats:
    """Return premiums on the grid: one yen up to a hundred, five above, never nothing."""
    return np.asarray(np.where(premium <= 100, np.maximum(np.round(premium), 1.0), 5 * np.round(premium / 5)))  # noqa: PLR2004
