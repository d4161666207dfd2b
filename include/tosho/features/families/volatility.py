"""C. Volatility: how much a code's price moves. Deviations are by year (x sqrt 252), as fractions.

Source: FEATURES.md, 37-56; Parkinson (1980), Garman and Klass (1980), Rogers and Satchell (1991), Yang and Zhang
(2000), RiskMetrics (1996), Wilder (1978). Flat windows have volatility zero, and null where they would divide.
"""

from __future__ import annotations

import math

import polars as pl

from tosho.features import indicators
from tosho.features.columns import CLOSE, HIGH, LOW, OPEN
from tosho.features.families.returns import logret
from tosho.features.spec import Scope, feature, intermediate
from tosho.features.windows import (
    ANNUAL,
    SESSIONS_A_YEAR,
    SPANS,
    decayed,
    deviation,
    kurtosis,
    mean,
    skewness,
    variance,
    wilder,
    zscore,
)

DECAY = 0.94
"""RiskMetrics' lambda for daily data; as an EMA its span is 2 / 0.06 - 1 = 32.3 sessions."""

EWMA_WINDOW = math.ceil(SPANS * (2 / (1 - DECAY) - 1))


@intermediate(Scope.SERIES)
def range_log() -> pl.Expr:
    """Logarithm of the session's range: ln(H / L)."""
    return (HIGH / LOW).log()


@intermediate(Scope.SERIES)
def body_log() -> pl.Expr:
    """Logarithmic return from open to close: ln(C / O)."""
    return (CLOSE / OPEN).log()


@intermediate(Scope.SERIES)
def overnight_log() -> pl.Expr:
    """Logarithmic return from the close before to the open: ln(O_t / C_{t-1})."""
    return (OPEN / CLOSE.shift(1)).log()


@intermediate(Scope.SERIES)
def rogers_satchell_term() -> pl.Expr:
    """One session's ln(H/C) ln(H/O) + ln(L/C) ln(L/O): a variance that a drift does not disturb."""
    return (HIGH / CLOSE).log() * (HIGH / OPEN).log() + (LOW / CLOSE).log() * (LOW / OPEN).log()


@intermediate(Scope.SERIES)
def true_range() -> pl.Expr:
    """Largest of H - L, |H - C_{t-1}| and |L - C_{t-1}|, in adjusted yen; null where the close before is."""
    return indicators.true_range(HIGH, LOW, CLOSE)


@intermediate(Scope.SERIES)
def atr_14() -> pl.Expr:
    """Average true range: Wilder's average over 14 sessions, in adjusted yen."""
    return wilder(true_range(), 14)


@feature(Scope.SERIES, windows=(5, 10, 20, 60))
def vol(window: int) -> pl.Expr:
    """Volatility over {window} sessions: sd_{window}(l) sqrt(252)."""
    return deviation(logret(1), window) * ANNUAL


@feature(Scope.SERIES, windows=(20, 60))
def parkinson(window: int) -> pl.Expr:
    """Parkinson's range volatility: sqrt(252 / (4 n ln 2) sum ln(H/L)^2), n = {window}."""
    return (mean(range_log() * range_log(), window) * (SESSIONS_A_YEAR / (4 * math.log(2)))).sqrt()


@feature(Scope.SERIES, windows=(20, 60))
def rogers_satchell(window: int) -> pl.Expr:
    """Rogers and Satchell's: sqrt(252 / n sum [ln(H/C) ln(H/O) + ln(L/C) ln(L/O)]), n = {window}."""
    return (mean(rogers_satchell_term(), window) * SESSIONS_A_YEAR).sqrt()


@feature(Scope.SERIES, windows=(20, 60))
def yang_zhang(window: int) -> pl.Expr:
    """Yang and Zhang's: sqrt(252 (s_o^2 + k s_c^2 + (1 - k) s_rs^2)), n = {window}, k = 0.34 / (1.34 + (n+1)/(n-1)).

    s_o^2 and s_c^2 are the sample variances of ln(O_t / C_{t-1}) and ln(C / O), s_rs^2 the mean of the Rogers and
    Satchell terms.
    """
    k = 0.34 / (1.34 + (window + 1) / (window - 1))
    overnight, body = variance(overnight_log(), window), variance(body_log(), window)
    return ((overnight + k * body + (1 - k) * mean(rogers_satchell_term(), window)) * SESSIONS_A_YEAR).sqrt()


@feature(Scope.SERIES)
def garman_klass_20() -> pl.Expr:
    """Garman and Klass': sqrt(252 / 20 sum [ln(H/L)^2 / 2 - (2 ln 2 - 1) ln(C/O)^2]); null if that sum is negative."""
    term = 0.5 * range_log() * range_log() - (2 * math.log(2) - 1) * body_log() * body_log()
    return (mean(term, 20) * SESSIONS_A_YEAR).sqrt()


@feature(Scope.SERIES)
def ewma_vol() -> pl.Expr:
    """RiskMetrics' volatility: sqrt(252 sum w_k l_{t-k}^2), w_k ~ 0.94^k normalised over 130 sessions (4 x span)."""
    return decayed(logret(1) * logret(1), decay=DECAY, window=EWMA_WINDOW).sqrt() * ANNUAL


@feature(Scope.SERIES)
def vov_20() -> pl.Expr:
    """Volatility of volatility: sd_20(vol_20), not scaled again."""
    return deviation(vol(20), 20)


@feature(Scope.SERIES, windows=((5, 20), (20, 60)))
def vol_ratio(short: int, long: int) -> pl.Expr:
    """Volatility now over that of the longer window: vol_{short} / vol_{long}."""
    return vol(short) / vol(long)


@feature(Scope.SERIES)
def downside_vol_20() -> pl.Expr:
    """Volatility of the losses: sqrt(252) sqrt(mean_20(min(l, 0)^2))."""
    loss = logret(1).clip(upper_bound=0)
    return mean(loss * loss, 20).sqrt() * ANNUAL


@feature(Scope.SERIES)
def skew_60() -> pl.Expr:
    """Sample skewness of l over 60 sessions (G1, adjusted Fisher-Pearson); null where l does not vary."""
    return skewness(logret(1), 60)


@feature(Scope.SERIES)
def kurt_60() -> pl.Expr:
    """Sample excess kurtosis of l over 60 sessions (G2, 0 for a normal law); null where l does not vary."""
    return kurtosis(logret(1), 60)


@feature(Scope.SERIES)
def natr_14() -> pl.Expr:
    """Average true range as a fraction of the close: ATR14 / C, Wilder's average over 4 x 27 sessions."""
    return atr_14() / CLOSE


@feature(Scope.SERIES)
def vol_z252() -> pl.Expr:
    """vol_20 in deviations from its year: z_252(vol_20)."""
    return zscore(vol(20), 252)
