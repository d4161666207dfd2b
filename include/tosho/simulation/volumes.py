"""Shares and yen that change hands: the attention state made visible, with noise, and the shares outstanding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tosho.simulation.listing import ETF, REIT, Universe
from tosho.simulation.prices import Prices
from tosho.simulation.returns import Returns
from tosho.simulation.streams import Panel, Streams, autoregressive
from tosho.simulation.variants import Variant, log_regimes

SEEN: Final = 0.7
"""Log volume for each standard deviation of attention."""
NOISE: Final = 0.15
"""Standard deviation of what log volume does without a reason."""
EXCITED: Final = 0.08
"""Log volume for each standard deviation by which the session's move exceeds the usual."""
MARKET_WIDE: Final = 0.10
LOTS: Final = {REIT: 1.0, ETF: 10.0}
STOCK_LOT: Final = 100.0


@dataclass(frozen=True)
class Volumes:
    """`[sessions, codes]`: shares traded, what they cost in yen, and the shares outstanding after the split, if any."""

    shares: Panel
    turnover_yen: Panel
    outstanding: Panel


def draw_volumes(
    streams: Streams, universe: Universe, prices: Prices, returns: Returns, variant: Variant = Variant.PLAIN
) -> Volumes:
    """Return the volumes of every session; where nobody traded they mean nothing, like the prices."""
    shape = prices.close.shape
    everywhere = autoregressive(streams.open("busy").standard_normal((shape[0], 1)), 0.8, np.zeros(1))
    log_volume = (
        SEEN * returns.states.attention
        + EXCITED * (np.abs(returns.surprise) - 0.7)
        + MARKET_WIDE * everywhere
        + NOISE * streams.open("volume").standard_normal(shape)
    )
    if variant is Variant.REGIMES:
        log_volume += log_regimes(streams, *shape)
    outstanding = np.asarray(np.round(universe.shares / np.cumprod(prices.factor, axis=0)), dtype=np.float64)
    lot = np.select([universe.product == kind for kind in LOTS], list(LOTS.values()), STOCK_LOT)
    wanted = universe.turnover_rate * outstanding * np.exp(log_volume)
    shares = np.maximum(np.round(wanted / lot), 1.0) * lot
    return Volumes(shares, np.round(shares * _average_price(streams, prices)), outstanding)


def _average_price(streams: Streams, prices: Prices) -> Panel:
    """Return the volume-weighted price: somewhere between low and high, near the middle of the four."""
    middle = (prices.open + prices.high + prices.low + prices.close) / 4
    lean = streams.open("average price").standard_normal(middle.shape)
    return np.clip(middle + 0.1 * lean * (prices.high - prices.low), prices.low, prices.high)
