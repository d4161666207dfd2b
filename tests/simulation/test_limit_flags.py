"""Limit flags that a recording lacks: as the exchange's rules give them, and as a synthetic market has them."""

from datetime import date

import polars as pl
import pytest

from tosho.simulation.limit_flags import FLAGS, with_limit_flags
from tosho.simulation.market import simulate
from tosho.simulation.market_folder import load_market
from tosho.simulation.price_rules import NoPriceRulesError

DAYS = [date(2018, 11, 14), date(2018, 11, 15), date(2018, 11, 16)]
BOTH, NEITHER, UP, DOWN = ("1", "1"), ("0", "0"), ("1", "0"), ("0", "1")


def flags(*bars, days=DAYS, scale="-"):
    """Return UL and LL of one code's (high, low, close, factor)."""
    high, low, close, factor = zip(*bars, strict=True)
    frame = pl.DataFrame({"Date": days[: len(bars)], "H": high, "L": low, "C": close, "AdjFactor": factor})
    frame = frame.with_columns(pl.lit("13010").alias("Code"), pl.col("H", "L", "C").cast(pl.Float64))
    master = pl.DataFrame({"Code": ["13010"], "ScaleCategory": [scale]})
    return with_limit_flags(frame, master).select(FLAGS).rows()


def test_a_price_touches_the_limits_around_the_close_before():
    assert flags((950, 950, 950, 1.0), (1100, 800, 1000, 1.0)) == [NEITHER, BOTH]  # 950 may move by 150
    assert flags((950, 950, 950, 1.0), (1099, 801, 1000, 1.0)) == [NEITHER, NEITHER]


def test_the_base_of_an_ex_date_is_the_close_times_the_factor():
    assert flags((1900, 1900, 1900, 1.0), (1100, 1000, 1000, 0.5)) == [NEITHER, UP]
    assert flags((475, 475, 475, 1.0), (900, 800, 820, 2.0)) == [NEITHER, DOWN]


def test_a_session_without_a_trade_touches_nothing_and_the_base_is_the_last_close():
    assert flags((950, 950, 950, 1.0), (None, None, None, 1.0), (1100, 1000, 1000, 1.0)) == [NEITHER, NEITHER, UP]


def test_fine_ticks_give_a_finer_limit():
    """From 3,000 yen on prices go by 5 in general and by 0.5 for TOPIX 100."""
    bars = ((3002, 3002, 3002, 1.0), (3700, 3600, 3650, 1.0))  # up to 3,702
    assert flags(*bars) == [NEITHER, UP]
    assert flags(*bars, scale="TOPIX Core30") == [NEITHER, NEITHER]


def test_sessions_before_the_first_known_rules_are_refused():
    with pytest.raises(NoPriceRulesError, match="2010-01-04"):
        flags((950, 950, 950, 1.0), days=[date(2009, 12, 30)])


def test_they_are_those_that_a_synthetic_market_has(tmp_path):
    simulate(tmp_path, codes=1000, sessions=500)
    told = load_market(tmp_path).bars
    pl.read_parquet(tmp_path / "bars.parquet").drop(FLAGS).write_parquet(tmp_path / "bars.parquet")
    derived = load_market(tmp_path).bars
    hit = told.filter(pl.col("UL") == "1").height, told.filter(pl.col("LL") == "1").height
    assert min(hit) > 3
    assert derived.equals(told)
