"""The tables of a small sound market, and of the real one where it is at hand."""

from pathlib import Path

import polars as pl
import pytest

from quality.sound_market import CODES, SESSION, bars_of
from tosho import calendar
from tosho.contracts import BARS, INDICES, SECURITIES
from tosho.simulation.market_folder import load_market

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "tse_2014_2018"


@pytest.fixture
def sound():
    """Return the arguments of `after_ingest` for a session without a fault."""
    previous = bars_of(calendar.previous_session(SESSION), 1)
    blank = dict.fromkeys(("margin_class", "product")) | {"name_en": "A", "sector17": "1", "scale": "-"}
    securities = pl.DataFrame({"session": SESSION, "code": CODES, "name": "A", "sector33": "1", "segment": "0111"})
    topix = {"session": SESSION, "index_code": "0000", "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0}
    return {
        "bars": bars_of(SESSION, 2, previous["close"].to_numpy()),
        "securities": SECURITIES.conform(securities.with_columns(pl.lit(v).alias(k) for k, v in blank.items())),
        "indices": INDICES.conform(pl.DataFrame([topix])),
        "previous_bars": previous,
        "quarantined": {},
        "session": SESSION,
    }


@pytest.fixture(scope="session")
def real_market():
    """Return the real bars of 2014-2018 in long form, with a function that makes one session's tables of them."""
    if not REAL.exists():
        pytest.skip("the real market is not at hand: ../shared/data/tse_2014_2018")
    names = {"Date": "session", "Code": "code", "O": "open", "H": "high", "L": "low", "C": "close", "Vo": "volume"}
    names |= {"Va": "turnover_yen", "AdjFactor": "adj_factor", "UL": "upper_limit_hit", "LL": "lower_limit_hit"}
    bars = load_market(REAL).bars.rename(names).with_columns(pl.col("upper_limit_hit", "lower_limit_hit") == "1")
    spans = bars.group_by("code").agg(first=pl.col("session").min(), last=pl.col("session").max())
    master = pl.read_parquet(next(REAL.glob("master*.parquet")))
    topix = pl.read_parquet(REAL / "topix.parquet")

    def tables(session):
        """Bars with a row of nulls for each listed code that did not trade, as J-Quants has them; listing; TOPIX."""
        listed = spans.filter((pl.col("first") <= session) & (pl.col("last") >= session)).select("code")
        rows = listed.join(bars.filter(pl.col("session") == session), on="code", how="left")
        rows = rows.with_columns(
            pl.lit(session).alias("session"),
            pl.col("adj_factor").fill_null(1.0),
        )
        securities = master.join(listed, left_on="Code", right_on="code", how="semi").select(
            pl.lit(session).alias("session"),
            pl.col("Code").alias("code"),
            pl.col("CompanyName").alias("name"),
            pl.col("Sector33Code").cast(pl.String).alias("sector33"),
            pl.col("MarketCodeName").alias("segment"),
            pl.col("Sector17Code").cast(pl.String).alias("sector17"),
            pl.col("ScaleCategory").alias("scale"),
            pl.col("CompanyName").alias("name_en"),
            *(pl.lit(None, pl.String).alias(c) for c in ("margin_class", "product")),
        )
        points = topix.filter(pl.col("Date") == session).select(
            pl.col("Date").alias("session"),
            pl.lit("0000").alias("index_code"),
            *(pl.col(c).alias(n) for c, n in {"O": "open", "H": "high", "L": "low", "C": "close"}.items()),
        )
        return BARS.check(rows), SECURITIES.check(securities).good, INDICES.check(points).good

    return tables
