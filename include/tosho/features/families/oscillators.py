"""E. Oscillators and bands: whether a move has gone far by the code's own measure. Scales are the customary ones.

Source: FEATURES.md, 81-102; Wilder (1978) for RSI and ADX, Appel's MACD, Lane's stochastics, Lambert's CCI, Bollinger
(2001), Connors and Alvarez (2012), Carter's squeeze. Wilder's averages over n run over 4 x (2n - 1) sessions.
"""

from __future__ import annotations

import polars as pl

from tosho.features import indicators
from tosho.features.columns import CLOSE, HIGH, LOW, VOLUME
from tosho.features.families.returns import down_streak, ret, up_streak
from tosho.features.families.trend import ema, sma
from tosho.features.families.volatility import atr_14
from tosho.features.spec import Scope, feature, intermediate
from tosho.features.windows import (
    both,
    deviation,
    direction,
    exponential,
    flag,
    highest,
    lowest,
    mean,
    mean_distance,
    rises,
    run_length,
    share_below,
    total,
    wilder,
)

SQUEEZE_CAP = 20
KELTNER_WIDTH, BOLLINGER_WIDTH = 1.5, 2.0


@feature(Scope.SERIES, windows=(2, 7, 14))
def rsi(window: int) -> pl.Expr:
    """Relative strength index in [0, 100], Wilder's averages over {window}: 100 G / (G + L); null if nothing moved."""
    return indicators.rsi(CLOSE, window)


@feature(Scope.SERIES)
def rsi14_delta5() -> pl.Expr:
    """Change of the RSI over a week: rsi_14_t - rsi_14_{t-5}."""
    return rsi(14) - rsi(14).shift(5)


@intermediate(Scope.SERIES)
def streak() -> pl.Expr:
    """Run length of the returns' sign, positive up and negative down, between -20 and 20."""
    return up_streak() - down_streak()


@feature(Scope.SERIES)
def connors_rsi() -> pl.Expr:
    """Connors' RSI (3, 2, 100) in [0, 100]: mean of RSI_3(C), RSI_2(streak) and 100 x the share of the 100 earlier
    ret_1 below this one. The streak is capped at 20.
    """
    return (indicators.rsi(CLOSE, 3) + indicators.rsi(streak(), 2) + 100 * share_below(ret(1), 100)) / 3


@intermediate(Scope.SERIES)
def macd_line() -> pl.Expr:
    """EMA12 - EMA26 of the close, in adjusted yen."""
    return exponential(CLOSE, 12) - exponential(CLOSE, 26)


@intermediate(Scope.SERIES)
def macd_signal() -> pl.Expr:
    """EMA9 of the MACD line, in adjusted yen."""
    return exponential(macd_line(), 9)


@feature(Scope.SERIES)
def macd() -> pl.Expr:
    """MACD as a fraction of the close: (EMA12 - EMA26) / C."""
    return macd_line() / CLOSE


@feature(Scope.SERIES)
def macd_sig() -> pl.Expr:
    """MACD's signal as a fraction of the close: EMA9(EMA12 - EMA26) / C."""
    return macd_signal() / CLOSE


@feature(Scope.SERIES)
def macd_hist() -> pl.Expr:
    """MACD less its signal, as a fraction of the close."""
    return (macd_line() - macd_signal()) / CLOSE


@feature(Scope.SERIES)
def macd_hist_slope_3() -> pl.Expr:
    """Change of macd_hist by session over the last 3: (macd_hist_t - macd_hist_{t-3}) / 3."""
    return (macd_hist() - macd_hist().shift(3)) / 3


@intermediate(Scope.SERIES)
def top_14() -> pl.Expr:
    """Highest high of 14 sessions."""
    return highest(HIGH, 14)


@intermediate(Scope.SERIES)
def bottom_14() -> pl.Expr:
    """Lowest low of 14 sessions."""
    return lowest(LOW, 14)


@feature(Scope.SERIES)
def stoch_k_14() -> pl.Expr:
    """Stochastic %K in [0, 100]: 100 (C - min14(L)) / (max14(H) - min14(L)), not smoothed."""
    return 100 * (CLOSE - bottom_14()) / (top_14() - bottom_14())


@feature(Scope.SERIES)
def stoch_d_3() -> pl.Expr:
    """Stochastic %D in [0, 100]: SMA_3(stoch_k_14)."""
    return mean(stoch_k_14(), 3)


@feature(Scope.SERIES)
def williams_r_14() -> pl.Expr:
    """Williams' %R in [-100, 0]: -100 (max14(H) - C) / (max14(H) - min14(L))."""
    return -100 * (top_14() - CLOSE) / (top_14() - bottom_14())


@intermediate(Scope.SERIES)
def typical_price() -> pl.Expr:
    """(H + L + C) / 3, in adjusted yen."""
    return (HIGH + LOW + CLOSE) / 3


@feature(Scope.SERIES)
def cci_20() -> pl.Expr:
    """Commodity channel index: (TP - SMA20(TP)) / (0.015 x mean_20 |TP - SMA20(TP)|), TP = (H + L + C) / 3."""
    return (typical_price() - mean(typical_price(), 20)) / (0.015 * mean_distance(typical_price(), 20))


@feature(Scope.SERIES)
def mfi_14() -> pl.Expr:
    """Money flow index in [0, 100]: 100 x the share of TP V where TP rose, of 14 sessions in which it moved."""
    change = typical_price() / typical_price().shift(1) - 1
    flow = typical_price() * VOLUME
    return 100 * total(flow * flag(rises(change)), 14) / total(flow * direction(change).abs(), 14)


@feature(Scope.SERIES)
def plus_di_14() -> pl.Expr:
    """Directional indicator up in [0, 100]: 100 x Wilder's average of H_t - H_{t-1} where that is positive and more
    than L_{t-1} - L_t, over ATR14.
    """
    up, down = HIGH - HIGH.shift(1), LOW.shift(1) - LOW
    return 100 * wilder(up * flag(both(up > down, up > 0)), 14) / atr_14()


@feature(Scope.SERIES)
def minus_di_14() -> pl.Expr:
    """Directional indicator down in [0, 100]: 100 x Wilder's average of L_{t-1} - L_t where that is positive and more
    than H_t - H_{t-1}, over ATR14.
    """
    up, down = HIGH - HIGH.shift(1), LOW.shift(1) - LOW
    return 100 * wilder(down * flag(both(down > up, down > 0)), 14) / atr_14()


@feature(Scope.SERIES)
def adx_14() -> pl.Expr:
    """Average directional index in [0, 100]: Wilder's average of 100 |+DI - -DI| / (+DI + -DI) over 14."""
    return wilder(100 * (plus_di_14() - minus_di_14()).abs() / (plus_di_14() + minus_di_14()), 14)


@intermediate(Scope.SERIES)
def deviation_20() -> pl.Expr:
    """Sample standard deviation of the close over 20 sessions, in adjusted yen."""
    return deviation(CLOSE, 20)


@feature(Scope.SERIES)
def bb_pctb_20_2() -> pl.Expr:
    """Bollinger's %b: 0 at the lower band SMA20 - 2 sd_20, 1 at the upper; null where the close stood still."""
    return (CLOSE - sma(20)) / (2 * BOLLINGER_WIDTH * deviation_20()) + 0.5


@feature(Scope.SERIES)
def bb_bw_20_2() -> pl.Expr:
    """Width of Bollinger's bands: 4 sd_20 / SMA20."""
    return 2 * BOLLINGER_WIDTH * deviation_20() / sma(20)


@feature(Scope.SERIES)
def keltner_pos_20_1_5() -> pl.Expr:
    """Place in Keltner's channel: 0 at EMA20 - 1.5 ATR14, 1 at EMA20 + 1.5 ATR14."""
    return (CLOSE - ema(20)) / (2 * KELTNER_WIDTH * atr_14()) + 0.5


@feature(Scope.SERIES)
def squeeze_on() -> pl.Expr:
    """1 where Bollinger's bands (20, 2) lie inside Keltner's channel (20, 1.5), else 0."""
    band, channel = BOLLINGER_WIDTH * deviation_20(), KELTNER_WIDTH * atr_14()
    return flag(both(sma(20) + band < ema(20) + channel, sma(20) - band > ema(20) - channel))


@feature(Scope.SERIES)
def squeeze_len() -> pl.Expr:
    """Sessions in a row with squeeze_on, up to this one; at most 20."""
    return run_length(squeeze_on() > 0, SQUEEZE_CAP)
