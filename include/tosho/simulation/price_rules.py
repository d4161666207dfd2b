"""What the TSE allows a price to be: ticks and daily limits, as dated tables.

Source: TSE, Business Regulations, rule 14 (fine ticks for TOPIX 100 in the form of 2015-09-24, for all of TOPIX 500
from 2023-06-05) and the rules on price limits (in force since 2010-01-04). The two intermediate forms of the table for
TOPIX 100 in 2014 and 2015 are left out: until 2015-09-24 every issue has the standard ticks.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Prices = NDArray[np.float64]


class Steps(NamedTuple):
    """A value by price band: `values[k]` holds up to `bounds[k]`, the last one above all bounds."""

    bounds: tuple[float, ...]
    values: tuple[float, ...]


class PriceRules(NamedTuple):
    """The rules of one period, and which scale categories have the fine ticks in it."""

    start: date
    standard: Steps
    fine: Steps
    fine_scales: frozenset[str]


class NoPriceRulesError(ValueError):
    """A session lies before the first known price rules."""


_TICK_BOUNDS: Final = (1e3, 3e3, 5e3, 1e4, 3e4, 5e4, 1e5, 3e5, 5e5, 1e6, 3e6, 5e6, 1e7, 3e7, 5e7)
_STANDARD: Final = Steps(
    _TICK_BOUNDS, (1, 1, 5, 10, 10, 50, 100, 100, 500, 1_000, 1_000, 5_000, 10_000, 10_000, 50_000, 100_000)
)
_FINE_2015: Final = Steps(
    _TICK_BOUNDS, (0.1, 0.5, 0.5, 1, 5, 5, 10, 50, 50, 100, 500, 500, 1_000, 5_000, 5_000, 10_000)
)
_FINE_2023: Final = Steps(
    _TICK_BOUNDS, (0.1, 0.5, 1, 1, 5, 10, 10, 50, 100, 100, 500, 1_000, 1_000, 5_000, 10_000, 10_000)
)
_TOPIX100: Final = frozenset({"TOPIX Core30", "TOPIX Large70"})

RULES: Final = (
    PriceRules(date(2010, 1, 4), _STANDARD, _STANDARD, frozenset()),
    PriceRules(date(2015, 9, 24), _STANDARD, _FINE_2015, _TOPIX100),
    PriceRules(date(2023, 6, 5), _STANDARD, _FINE_2023, _TOPIX100 | {"TOPIX Mid400"}),
)

LIMITS: Final = Steps(
    (
        *(100, 200, 500, 700, 1e3, 1.5e3, 2e3, 3e3, 5e3, 7e3),
        *(1e4, 1.5e4, 2e4, 3e4, 5e4, 7e4, 1e5, 1.5e5, 2e5, 3e5, 5e5, 7e5),
        *(1e6, 1.5e6, 2e6, 3e6, 5e6, 7e6, 1e7, 1.5e7, 2e7, 3e7, 5e7),
    ),
    (
        *(30, 50, 80, 100, 150, 300, 400, 500, 700, 1e3),
        *(1.5e3, 3e3, 4e3, 5e3, 7e3, 1e4, 1.5e4, 3e4, 4e4, 5e4, 7e4, 1e5),
        *(1.5e5, 3e5, 4e5, 5e5, 7e5, 1e6, 1.5e6, 3e6, 4e6, 5e6, 7e6, 1e7),
    ),
)
"""How far a price may move from the base price: `values[k]` for a base below `bounds[k]`."""


def rules_on(session: date) -> PriceRules:
    """Return the rules in force on a session.

    Raises:
        NoPriceRulesError: The session lies before the first known rules.
    """
    in_force = [rules for rules in RULES if rules.start <= session]
    if not in_force:
        raise NoPriceRulesError(
            f"Price rules for {session} were asked for; they are known from {RULES[0].start} on. "
            "Choose a later session, or add the older tables to tosho/simulation/price_rules.py."
        )
    return in_force[-1]


def tick_size(price: Prices, steps: Steps) -> Prices:
    """Return the tick at a price, both in yen. A bound belongs to the band below it."""
    return np.asarray(steps.values)[np.searchsorted(steps.bounds, price, side="left")]


def tick_sizes(price: Prices, fine: NDArray[np.bool_], rules: PriceRules) -> Prices:
    """Return each issue's tick, by the fine table where `fine` says so."""
    return np.where(fine, tick_size(price, rules.fine), tick_size(price, rules.standard))


def to_tick(price: Prices, tick: Prices) -> Prices:
    """Return prices rounded to the nearest tick, never below one tick. Order is kept within an issue."""
    return np.round(np.maximum(np.round(price / tick), 1.0) * tick, 1)


def limit_width(base: Prices) -> Prices:
    """Return how far, in yen, the price may move from the base price within the session."""
    return np.asarray(LIMITS.values)[np.searchsorted(LIMITS.bounds, base, side="right")]


def limits(base: Prices, fine: NDArray[np.bool_], rules: PriceRules) -> tuple[Prices, Prices]:
    """Return the lowest and the highest price of the session, in yen, on the tick grid and at least one tick."""
    width = limit_width(base)
    high = base + width
    high_tick = tick_sizes(high, fine, rules)
    low_tick = tick_sizes(np.maximum(base - width, 1e-9), fine, rules)
    low = np.maximum(np.ceil((base - width) / low_tick - 1e-9), 1.0) * low_tick
    return np.round(low, 1), np.round(np.floor(high / high_tick + 1e-9) * high_tick, 1)
