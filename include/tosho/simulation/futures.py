"""Index futures at their fair price, nearest three quarters, as derivatives/bars/daily/futures gives them."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from tosho.ingest import plans
from tosho.simulation.chance import chance
from tosho.simulation.derivatives import Month, Underlying, months, with_blocks
from tosho.simulation.fields import FIELDS
from tosho.simulation.listing import Floats
from tosho.simulation.options import DAYS_A_YEAR

CARRY: Final = -0.015
"""Interest less dividends, a year."""
EVERY, LISTED = 3, 3


class Future(NamedTuple):
    """A kind of index future: its product code, how its codes begin, its tick, yen a point, and a session's volume."""

    category: str
    prefix: str
    tick: float
    multiplier: float
    busiest: float


NIKKEI_FUTURES: Final = (
    Future("NK225F", "161", 10.0, 1_000.0, 30_000.0),
    Future("NK225MF", "167", 5.0, 100.0, 700_000.0),
)
TOPIX_FUTURES: Final = (Future("TOPIXF", "169", 0.5, 10_000.0, 60_000.0),)


def futures_table(nikkei: Underlying, topix: Underlying) -> pl.DataFrame:
    """Return one row a contract and session."""
    kinds = [(nikkei, kind) for kind in NIKKEI_FUTURES] + [(topix, kind) for kind in TOPIX_FUTURES]
    rows = pl.concat(_rows(kind, index) for index, kind in kinds)
    return rows.sort("Date", "Code").select(FIELDS[plans.FUTURES])


def _rows(kind: Future, index: Underlying) -> pl.DataFrame:
    rows = pl.concat(_month(kind, index, month) for month in months(index.sessions, EVERY, LISTED))
    busy = kind.busiest / 20.0 ** pl.col("rank")
    rows = rows.with_columns(
        (busy * (0.6 + 0.8 * chance(31))).floor().alias("Vo"),
        (6 * busy * (0.8 + 0.4 * chance(32))).floor().alias("OI"),
        pl.when(pl.col("rank") == 0).then(pl.lit("1")).otherwise(pl.lit("0")).alias("CCMFlag"),
        pl.lit(kind.category).alias("ProdCat"),
    )
    return with_blocks(rows, kind.multiplier)


def _month(kind: Future, index: Underlying, month: Month) -> pl.DataFrame:
    days = pl.Series("Date", index.sessions, dtype=pl.Date).gather(month.places)
    years = (np.datetime64(month.last) - days.to_numpy()).astype(float) / DAYS_A_YEAR
    fair = np.exp(CARRY * years)

    def price(level: Floats) -> Floats:
        return np.asarray(np.round(level[month.places] * fair / kind.tick) * kind.tick)

    night, opened, close = price(index.before), price(index.open), price(index.close)
    blocks = {
        "EO": night, "EH": np.maximum(night, opened), "EL": np.minimum(night, opened), "EC": opened,
        "AO": opened, "AH": price(index.high), "AL": price(index.low), "AC": close, "Settle": close,
    }  # fmt: skip
    return pl.DataFrame({"Date": days, **blocks, "rank": month.rank}).with_columns(
        pl.lit(f"{kind.prefix}{month.name[2:4]}{month.name[5:]}18").alias("Code"), pl.lit(month.name).alias("CM"),
        pl.lit(str(month.last)).alias("LTD"), pl.lit(str(month.settled)).alias("SQD"),
    )  # fmt: skip
