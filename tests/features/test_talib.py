"""Technical features against TA-Lib, where its definitions coincide with ours: an oracle that we did not write."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import talib

from features.small_market import STEADY, SmallMarket
from tosho.features import local
from tosho.features.panel import build_panel
from tosho.features.plan import plan
from tosho.features.sets import feature_set

EXACT, CUT_OFF = 1e-9, 3e-3
"""Relative to the largest value. TA-Lib's recursive averages begin with the series; ours hold four spans, beyond which
lies e^-8 of the weight, and a smoothed ratio of two of them a little more."""

RECURSIVE = ("px_ema", "rsi", "natr", "adx", "plus_di", "minus_di", "macd")

Values = np.ndarray


def over(values: Values, base: Values) -> Values:
    return values / base - 1


def answers(h: Values, low: Values, c: Values, v: Values) -> dict[str, Values]:
    """TA-Lib's answers for our features, in their units."""
    return {
        **{f"ret_{n}": talib.ROCP(c, n) for n in (1, 2, 5, 10, 20, 60, 120)},
        **{f"px_sma_{n}": over(c, talib.SMA(c, n)) for n in (5, 10, 20, 60, 120)},
        **{f"px_ema_{n}": over(c, talib.EMA(c, n)) for n in (5, 20, 60)},
        **{f"vol_{n}": deviation(c, n) for n in (5, 10, 20, 60)},
        **{f"rsi_{n}": talib.RSI(c, n) for n in (7, 14)},
        "dist_high_252": over(c, talib.MAX(h, 252)),
        "dist_low_252": over(c, talib.MIN(low, 252)),
        "drawdown_60": over(c, talib.MAX(c, 60)),
        "lin_slope_20": talib.LINEARREG_SLOPE(np.log(c), 20) * 252,
        "lin_r2_20": talib.CORREL(np.log(c), np.arange(c.size, dtype=float), 20) ** 2,
        "aroon_osc_25": talib.AROONOSC(h, low, 25),
        "stoch_k_14": talib.STOCHF(h, low, c, 14, 3)[0],
        "stoch_d_3": talib.STOCHF(h, low, c, 14, 3)[1],
        "williams_r_14": talib.WILLR(h, low, c, 14),
        "cci_20": talib.CCI(h, low, c, 20),
        "mfi_14": talib.MFI(h, low, c, v, 14),
        "natr_14": talib.ATR(h, low, c, 14) / c,
        "adx_14": talib.ADX(h, low, c, 14),
        "plus_di_14": talib.PLUS_DI(h, low, c, 14),
        "minus_di_14": talib.MINUS_DI(h, low, c, 14),
        "macd": talib.MACD(c, 12, 26, 9)[0] / c,
        "macd_sig": talib.MACD(c, 12, 26, 9)[1] / c,
        "macd_hist": talib.MACD(c, 12, 26, 9)[2] / c,
    }


def deviation(c: Values, n: int) -> Values:
    """Sample deviation by year of logarithmic returns; TA-Lib's is of the population."""
    returns = np.log(c[1:] / c[:-1])
    return np.append(np.nan, talib.STDDEV(returns, n) * np.sqrt(n / (n - 1) * 252))


@pytest.fixture(scope="module")
def rows(market: SmallMarket) -> pl.DataFrame:
    panel = build_panel(market.bars, market.shares, market.securities).filter(pl.col("code") == STEADY)
    passes = plan(feature_set("core"))
    index = local.compute_market(market.indices, passes, panel["session"].unique())
    made = local.compute_series(panel, index, passes, stored_as=pl.Float64())
    return made.join(panel.select("session", "high", "low", "close", "volume"), on="session")


@pytest.fixture(scope="module")
def theirs(rows: pl.DataFrame) -> dict[str, Values]:
    return answers(*(rows[name].to_numpy() for name in ("high", "low", "close", "volume")))


NAMES = tuple(answers(*np.ones((4, 300))))


@pytest.mark.parametrize("name", NAMES)
def test_it_gives_the_same(rows: pl.DataFrame, theirs: dict[str, Values], name: str) -> None:
    ours = rows[name].to_numpy()
    both = ~np.isnan(ours) & ~np.isnan(theirs[name])
    assert both.sum() > 700
    bound = CUT_OFF if name.startswith(RECURSIVE) else EXACT
    np.testing.assert_allclose(ours[both], theirs[name][both], rtol=0, atol=bound * np.abs(ours[both]).max())
