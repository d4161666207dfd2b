"""How well the best possible forecast of a synthetic market does: its rank IC by horizon, the bound for every model."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tosho.simulation.listing import Floats
from tosho.simulation.prices import Prices
from tosho.simulation.streams import Panel

FEWEST: Final = 10
"""Codes with a label that a session must have for its rank IC to count."""


class Attainable(NamedTuple):
    """Mean daily rank IC of E[y_h | information at t], its Newey-West standard error, and over how many sessions."""

    rank_ic: float
    standard_error: float
    sessions: int


def labels(prices: Prices, horizon: int) -> Panel:
    """Return y_h(t) = AdjC(t+1+h) / AdjC(t+1) - 1, `[sessions, codes]`; NaN without a trade at entry or exit."""
    adjusted: Panel = np.where(prices.traded, prices.close, np.nan) / np.cumprod(prices.factor, axis=0)
    realised = np.full_like(adjusted, np.nan)
    realised[: -1 - horizon] = adjusted[1 + horizon :] / adjusted[1:-horizon] - 1
    return realised


def attainable(forecast: Panel, realised: Panel, known: NDArray[np.bool_], horizon: int) -> Attainable:
    """Return the mean daily rank IC of a forecast over the sessions that have labels.

    Args:
        forecast: `[sessions, codes]`.
        realised: `[sessions, codes]`, NaN where the label is missing.
        known: `[sessions, codes]`, true where the forecast could be acted on: the code traded at t.
        horizon: Sessions by which labels overlap, hence the lag of the standard error.
    """
    usable = known & np.isfinite(realised)
    rows = zip(forecast, realised, usable, strict=True)
    daily = np.array([rank_ic(f[use], r[use]) for f, r, use in rows if use.sum() >= FEWEST])
    return Attainable(float(daily.mean()), _newey_west(daily, horizon), len(daily))


def rank_ic(forecast: Floats, realised: Floats) -> float:
    """Return Spearman's correlation of two samples, ties at their average rank."""
    return float(np.corrcoef(_ranks(forecast), _ranks(realised))[0, 1])


def _ranks(values: Floats) -> Floats:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray(np.cumsum(count) - (count - 1) / 2)[place]


def _newey_west(daily: Floats, lag: int) -> float:
    """Return the standard error of a mean whose terms are correlated up to `lag` apart (Bartlett weights)."""
    centred = daily - daily.mean()
    n = len(daily)
    variance = centred @ centred / n
    for apart in range(1, min(lag, n - 1) + 1):
        variance += 2 * (1 - apart / (lag + 1)) * (centred[apart:] @ centred[:-apart]) / n
    return float(np.sqrt(max(variance, 0.0) / n))
