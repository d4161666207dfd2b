"""From returns to bars that the exchange would print: ticks, daily limits, splits, halts, open, high and low."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tosho.simulation import price_rules
from tosho.simulation.listing import Flags, Floats, Universe
from tosho.simulation.returns import Returns
from tosho.simulation.streams import Panel, Streams

OVERNIGHT: Final = 0.35
"""Share of a session's variance that falls between the last close and the open."""
INTRADAY_ROUGHNESS: Final = 0.9
"""Variance of the path between open and close, against that of a Brownian bridge."""

HALTS_A_SESSION: Final = 1e-4
LONGEST_HALT: Final = 3

SPLITS: Final = ((0.5, 0.65), (0.333333, 0.12), (0.2, 0.12), (0.1, 0.11))
CONSOLIDATIONS: Final = ((5.0, 0.4), (10.0, 0.6))
"""Adjustment factors with their shares: forward splits of dear issues, reverse ones of cheap issues."""
DEAR, CHEAP = 2_500.0, 200.0
SPLITS_A_SESSION, CONSOLIDATIONS_A_SESSION = 0.15 / 245, 0.30 / 245


@dataclass(frozen=True)
class Prices:
    """Unadjusted prices, `[sessions, codes]`, yen. Where `traded` is false the four prices mean nothing.

    Attributes:
        factor: 0.5 on the ex-date of a 1:2 split, else 1.
        low_limit, high_limit: What the session's prices could not leave.
        last: The last close known, carried over sessions without a trade and adjusted for splits.
    """

    traded: NDArray[np.bool_]
    open: Panel
    high: Panel
    low: Panel
    close: Panel
    factor: Panel
    low_limit: Panel
    high_limit: Panel
    last: Panel


class _Step(NamedTuple):
    """One session's row of every array of `Prices` but the first."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    factor: Floats
    low_limit: Floats
    high_limit: Floats
    last: Floats


def print_prices(streams: Streams, universe: Universe, sessions: list[date], returns: Returns) -> Prices:
    """Return the prices of every listed code; a limit cuts a move short, and what it cuts off is lost."""
    listed = universe.listed(len(sessions))
    traded = listed & ~_untraded(streams, universe, len(sessions))
    steps = list(_walk(streams, universe, sessions, returns, traded))
    return Prices(traded, *(np.stack(rows) for rows in zip(*steps, strict=True)))


def _walk(
    streams: Streams, universe: Universe, sessions: list[date], returns: Returns, traded: Flags
) -> Iterator[_Step]:
    paths = _paths(streams, returns)
    chances = streams.open("splits").random((len(sessions), 2, len(universe.codes)))
    value = universe.price
    last = price_rules.to_tick(value, np.ones_like(value))
    for place, session in enumerate(sessions):
        rules = price_rules.rules_on(session)
        fine = np.isin(universe.scale, sorted(rules.fine_scales))
        factor = np.where(traded[place] & (universe.first < place), _split(last, *chances[place]), 1.0)
        before, value = value * factor, value * factor * (1 + returns.total[place])
        base = price_rules.to_tick(last * factor, price_rules.tick_sizes(last * factor, fine, rules))
        floor, ceiling = price_rules.limits(base, fine, rules)
        new = universe.first == place if place else np.zeros_like(fine)  # a first price is free
        floor, ceiling = np.where(new, 0.1, floor), np.where(new, 1e9, ceiling)
        opened, high, low, close = (
            np.clip(price_rules.to_tick(price, price_rules.tick_sizes(price, fine, rules)), floor, ceiling)
            for price in (*(before * paths[:, place]), value)
        )
        value = np.where(traded[place], np.clip(value, floor, ceiling), value)
        last = np.where(traded[place], close, last * factor)
        yield _Step(opened, high, low, close, factor, floor, ceiling, last)


def _paths(streams: Streams, returns: Returns) -> Panel:
    """Return open, high and low as multiples of the last close, `[3, sessions, codes]`.

    The open splits the session's return in two parts that are independent given volatility; high and low are the
    extremes of a Brownian bridge from open to close, drawn by inverting their distribution.
    """
    shape = returns.total.shape
    noise = np.sqrt(OVERNIGHT * (1 - OVERNIGHT)) * streams.open("overnight").standard_normal(shape)
    whole = np.log1p(np.maximum(returns.total, -0.9))
    overnight = OVERNIGHT * whole + noise * returns.volatility
    rest = whole - overnight
    variance = INTRADAY_ROUGHNESS * (1 - OVERNIGHT) * returns.volatility**2
    above, below = (
        np.sqrt(rest**2 + 2 * variance * streams.open(name).standard_exponential(shape)) for name in ("high", "low")
    )
    return np.asarray(np.exp(np.stack([overnight, overnight + (rest + above) / 2, overnight + (rest - below) / 2])))


def _split(last: Floats, chance: Floats, choice: Floats) -> Floats:
    """Return the adjustment factor of each code, 1 for nearly all."""
    forward = (last > DEAR) & (chance < SPLITS_A_SESSION)
    reverse = (last < CHEAP) & (chance < CONSOLIDATIONS_A_SESSION)
    return np.where(forward, _chosen(SPLITS, choice), np.where(reverse, _chosen(CONSOLIDATIONS, choice), 1.0))


def _chosen(factors: tuple[tuple[float, float], ...], choice: Floats) -> Floats:
    values, shares = zip(*factors, strict=True)
    return np.asarray(values)[np.searchsorted(np.cumsum(shares)[:-1], choice, side="right")]


def _untraded(streams: Streams, universe: Universe, sessions: int) -> Flags:
    """Return where a listed code has no trade: halted for up to LONGEST_HALT sessions, or nobody came."""
    shape = (sessions, len(universe.codes))
    starts = streams.open("halts").random(shape) < HALTS_A_SESSION
    length = streams.open("halt lengths").integers(1, LONGEST_HALT + 1, shape)
    idle = streams.open("idle").random(shape) < universe.idle
    for after in range(LONGEST_HALT):
        idle[after:] |= (starts & (length > after))[: sessions - after]
    return idle
