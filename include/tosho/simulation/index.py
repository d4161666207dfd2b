"""TOPIX: the stocks of the first segment, weighted by market value; chained, so listings and splits leave no jump."""

from __future__ import annotations

from typing import Final

import numpy as np

from tosho.simulation.listing import Floats, Universe
from tosho.simulation.prices import Prices
from tosho.simulation.returns import MARKET_VOLATILITY
from tosho.simulation.streams import Panel, Streams

FIRST_CLOSE: Final = 2_000.0


def topix(streams: Streams, universe: Universe, prices: Prices, outstanding: Panel) -> Floats:
    """Return open, high, low and close, `[sessions, 4]`, points of two decimals. Untraded codes stand still."""
    member = universe.is_stock & (universe.segment == "0111")
    listed = universe.listed(len(outstanding))
    held = listed[1:] & listed[:-1] & member
    value = outstanding * prices.last
    before = np.sum(held * value[:-1], axis=1)
    opening = np.where(prices.traded, prices.open * outstanding, np.vstack([value[:1], value[:-1]]))
    close = FIRST_CLOSE * np.cumprod(np.append(1.0, np.sum(held * value[1:], axis=1) / before))
    opened = np.append(close[0], close[:-1] * np.sum(held * opening[1:], axis=1) / before)
    room = MARKET_VOLATILITY / 2 * streams.open("topix").standard_exponential((len(close), 2))
    high = np.maximum(opened, close) * (1 + room[:, 0])
    low = np.minimum(opened, close) * (1 - room[:, 1])
    return np.round(np.stack([opened, high, low, close], axis=1), 2)
