"""The families of features, one module each. Importing this package fills the registry."""

from types import ModuleType

from tosho.features.families import (
    alpha158,
    candles,
    dates,
    flows,
    fundamentals,
    graph,
    margin,
    market,
    means,
    options,
    oscillators,
    ranks,
    relative,
    returns,
    sectors,
    short_selling,
    trend,
    volatility,
    volume,
)


def _names(*modules: ModuleType) -> tuple[str, ...]:
    return tuple(module.__name__.rpartition(".")[2] for module in modules)


CORE = _names(returns, candles, volatility, trend, oscillators, volume, market, relative, sectors, ranks, dates)
"""Families of set 1, in the order of FEATURES.md: A to J and P."""

ALPHA158 = alpha158.FAMILIES
"""Families of set 2."""

FULL = (*CORE, *ALPHA158, *_names(flows, fundamentals, graph, means))
"""Families of set 3: sets 1 and 2, K, N, O and R."""

STANDARD = (*FULL, *_names(margin, short_selling, options))
"""Families of set 4: set 3, L, M and Q."""
