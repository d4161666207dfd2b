"""The families of features, one module each. Importing this package fills the registry."""

from tosho.features.families import (
    candles,
    market,
    oscillators,
    ranks,
    relative,
    returns,
    trend,
    volatility,
    volume,
)

_IN_ORDER = (returns, candles, volatility, trend, oscillators, volume, market, relative, ranks)

CORE = tuple(module.__name__.rpartition(".")[2] for module in _IN_ORDER)
"""Families of set 1, in the order of FEATURES.md."""
