from pathlib import Path

import polars as pl
import pytest

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "tse_2014_2018"


@pytest.fixture(scope="session")
def real_splits():
    """Return the real bars of 2014-2018, those of codes that split or merged, ordered by code and session."""
    if not REAL.exists():
        pytest.skip("the real market is not at hand: ../shared/data/tse_2014_2018")
    names = {"Date": "session", "Code": "code", "O": "open", "H": "high", "L": "low", "C": "close", "Vo": "volume"}
    bars = pl.scan_parquet(REAL / "bars.parquet").rename(names | {"AdjFactor": "adj_factor"})
    split = bars.filter(pl.col("adj_factor") != 1).select("code").unique()
    kept = bars.join(split, on="code", how="semi").select(*names.values(), "adj_factor")
    return kept.sort("code", "session").collect()
