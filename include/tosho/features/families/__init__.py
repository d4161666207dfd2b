"""The families of features, one module each. Importing this package fills the registry."""

from tosho.features.families import (
    candles,
    dates,
    market,
    oscillators,
    ranks,
    relative,
    returns,
    sectors,
    trend,
    volatility,
    volume,
)

_IN_ORDER = (returns, candles, volatility, trend, oscillators, volume, market, relative, sectors, ranks, dates)

CORE = tuple(module.__name__.rpartition(".")[2] for module in _IN_ORDER)
"""Families of set 1, in the order of FEATURES.md."""
