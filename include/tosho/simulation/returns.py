"""Returns before the exchange's rules: market, sectors, fat-tailed clustered shocks, and the drift of the signal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import Final

import numpy as np

from tosho.simulation.listing import Universe
from tosho.simulation.sectors import SECTORS
from tosho.simulation.signal import ATTENTION, OVERSHOOT, UNREST, States, drift
from tosho.simulation.streams import Panel, Streams, autoregressive, persistence_of
from tosho.simulation.variants import PEER_VOLATILITY, Variant, common_returns, draw_groups, lag_behind_peers

PREMIUM: Final = 0.0002
"""Expected return of the market a session."""
MARKET_VOLATILITY: Final = 0.008
SECTOR_VOLATILITY: Final = 0.003
MEMORY_OF_VOLATILITY: Final = 20
"""Half-life of the market's log volatility, in sessions."""
MARKET_SWING, SHARED_SWING, CODE_SWING = 0.35, 0.13, 0.20
"""Standard deviations of log volatility: the market's, and a code's own, by what moves all codes and it alone."""
USUAL_VOLATILITY, SPREAD = 0.0175, 0.32
"""What unrest is measured against: the middle of log volatility across codes, and its standard deviation."""
DEGREES: Final = 5.0
"""Of freedom of the shocks' Student t."""
LARGEST: Final = 8.0
"""Shocks are cut at so many standard deviations, on both sides alike: their mean stays zero."""


@dataclass(frozen=True)
class Returns:
    """Returns as the economy makes them, `[sessions, codes]`, as fractions, no nulls.

    Attributes:
        total: Close to close, before ticks, limits and halts.
        volatility: Standard deviation of `total` without the drift, as of that session.
        surprise: The idiosyncratic shock in its own standard deviations.
        states: What the drift came from.
    """

    total: Panel
    volatility: Panel
    surprise: Panel
    states: States


def draw_returns(streams: Streams, universe: Universe, sessions: int, variant: Variant = Variant.PLAIN) -> Returns:
    """Return what happens to every code in every session, listed or not."""
    codes = len(universe.codes)
    mood = _market_mood(streams, sessions)
    swing = _process(streams, "unrest", UNREST.half_life, sessions, codes)
    level = universe.volatility * np.exp(CODE_SWING * swing + SHARED_SWING * mood[:, None])
    surprise = _student(streams, "shock", (sessions, codes))
    shock = level * surprise
    states = _states(streams, universe, swing, shock)
    market_volatility = MARKET_VOLATILITY * np.exp(MARKET_SWING * mood)[:, None]
    market = market_volatility * _student(streams, "market", (sessions, 1))
    sector = _sector_returns(streams, universe, sessions)
    found = Returns(
        total=drift(states) + universe.beta * market + sector + shock,
        volatility=np.sqrt(level**2 + (universe.beta * market_volatility) ** 2 + SECTOR_VOLATILITY**2),
        surprise=surprise,
        states=states,
    )
    return _with_peers(found, streams, universe, shock) if variant is Variant.NEIGHBOURS else found


def _with_peers(returns: Returns, streams: Streams, universe: Universe, shock: Panel) -> Returns:
    """Return the returns of a market whose codes move with their peers and catch up with them."""
    groups = draw_groups(streams, universe)
    states = replace(returns.states, lag=lag_behind_peers(groups, shock))
    caught_up = drift(states) - drift(returns.states)
    return replace(
        returns,
        total=returns.total + common_returns(streams, groups, len(shock)) + caught_up,
        volatility=np.sqrt(returns.volatility**2 + np.where(groups >= 0, PEER_VOLATILITY, 0.0) ** 2),
        states=states,
    )


def _states(streams: Streams, universe: Universe, swing: Panel, shock: Panel) -> States:
    sessions, codes = shock.shape
    before = universe.volatility * streams.open("overshoot before").standard_normal(codes)
    usual = np.log(universe.volatility / USUAL_VOLATILITY) / SPREAD
    return States(
        overshoot=autoregressive(shock, OVERSHOOT.persistence, before),
        attention=_process(streams, "attention", ATTENTION.half_life, sessions, codes),
        unrest=usual + CODE_SWING * swing / SPREAD,
        usual_unrest=usual,
        scale=universe.volatility,
        carry=universe.beta * PREMIUM,
    )


def _process(streams: Streams, name: str, half_life: float, sessions: int, codes: int) -> Panel:
    start = streams.open(f"{name} before").standard_normal(codes)
    shocks = streams.open(name).standard_normal((sessions, codes))
    return autoregressive(shocks, persistence_of(half_life), start)


def _market_mood(streams: Streams, sessions: int) -> Panel:
    return _process(streams, "mood", MEMORY_OF_VOLATILITY, sessions, 1)[:, 0]


def _sector_returns(streams: Streams, universe: Universe, sessions: int) -> Panel:
    """Return each code's sector return; funds have none."""
    by_sector = SECTOR_VOLATILITY * streams.open("sectors").standard_normal((sessions, len(SECTORS) + 1))
    by_sector[:, -1] = 0.0
    return np.take(by_sector, universe.sector, axis=1)


def _student(streams: Streams, name: str, shape: tuple[int, int]) -> Panel:
    """Return Student t shocks of unit variance, cut at LARGEST."""
    draws = streams.open(name).standard_t(DEGREES, shape) * sqrt((DEGREES - 2) / DEGREES)
    return np.clip(draws, -LARGEST, LARGEST)
