"""The planted signal: three states that everyone can see at the close, and the drift that each one causes later.

The drift of session u is set by the states of session u-2, so that whoever knows t can earn it from the close of t+1
on: the convention of the labels. Each state is a stationary AR(1) process, driven by nothing but its own shocks; the
expected return of any horizon is therefore known exactly, and with it the best rank IC that any model can attain.

| state | what one sees | drift | after |
|---|---|---|---|
| overshoot | a decaying sum of past idiosyncratic returns | against it | short-term reversal: Jegadeesh (1990) |
| attention | volume above its own past | with it | the high-volume premium: Gervais et al. (2001) |
| unrest | volatility above that of the other codes | against it | the low-volatility effect: Ang et al. (2006) |

What is promised is the mean. Over 20 sessions the median of a volatile code lies lower than its mean, so that medians
would rank a few percent better: the bound is that of the best forecast of returns, not of the best ranking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tosho.simulation.streams import Panel, persistence_of

DELAY: Final = 2
"""Sessions from the state to the drift that it causes."""


@dataclass(frozen=True)
class Effect:
    """How strongly a state moves prices, in daily idiosyncratic volatilities for each standard deviation of it."""

    strength: float
    half_life: float

    @property
    def persistence(self) -> float:
        """The share of the state that is left one session later."""
        return persistence_of(self.half_life)

    def reach(self, horizon: int) -> float:
        """Return how many sessions' worth of today's drift are still to come within the horizon."""
        kept = self.persistence
        return (1 - kept**horizon) / (1 - kept)


OVERSHOOT: Final = Effect(strength=-0.022, half_life=8)
ATTENTION: Final = Effect(strength=0.046, half_life=2)
UNREST: Final = Effect(strength=-0.011, half_life=40)
EFFECTS: Final = {"overshoot": OVERSHOOT, "attention": ATTENTION, "unrest": UNREST}
CATCH_UP: Final = Effect(strength=0.08, half_life=3)
"""In the variant with peers alone: who lags them catches up, as industries' laggards do (Hou 2007)."""


@dataclass(frozen=True)
class States:
    """What is known at the close of each session, `[sessions, codes]`, no nulls.

    Attributes:
        overshoot: Return units: standard deviation is the code's idiosyncratic volatility.
        attention: Standard deviations of abnormal volume.
        unrest: Standard deviations of log volatility across codes.
        usual_unrest: `[codes]`, the level to which unrest returns.
        scale: `[codes]`, daily idiosyncratic volatility at its usual level, as a fraction.
        carry: `[codes]`, expected return a session for bearing the market, as a fraction.
        lag: Return units: how far a code lags its peers; None in a market without peers.
    """

    overshoot: Panel
    attention: Panel
    unrest: Panel
    usual_unrest: Panel
    scale: Panel
    carry: Panel
    lag: Panel | None = None


def expected_return(states: States, horizon: int) -> Panel:
    """Return E[y_h | what is known at the close of t], as a fraction, `[sessions, codes]`.

    Compounding within the horizon is left out: it is of the order of the squared drift, below 1e-4.
    """
    passing = states.unrest - states.usual_unrest
    expected = np.asarray(
        OVERSHOOT.strength * OVERSHOOT.reach(horizon) * states.overshoot
        + ATTENTION.strength * ATTENTION.reach(horizon) * states.scale * states.attention
        + UNREST.strength * states.scale * (horizon * states.usual_unrest + UNREST.reach(horizon) * passing)
        + horizon * states.carry
    )
    return expected if states.lag is None else expected + CATCH_UP.strength * CATCH_UP.reach(horizon) * states.lag


def drift(states: States) -> Panel:
    """Return the expected return of every session as it comes, `[sessions, codes]`: what was caused `DELAY` before."""
    caused = expected_return(states, 1)
    late = np.empty_like(caused)
    late[:DELAY] = states.carry
    late[DELAY:] = caused[:-DELAY]
    return late
