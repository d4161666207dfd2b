"""A synthetic market in memory: who is listed, what they return, the prices printed, the shares that change hands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tosho import calendar
from tosho.contracts import HORIZONS
from tosho.simulation.index import topix
from tosho.simulation.listing import Floats, Universe, draw_universe
from tosho.simulation.prices import Prices, print_prices
from tosho.simulation.returns import Returns, draw_returns
from tosho.simulation.signal import expected_return
from tosho.simulation.streams import Panel, Streams
from tosho.simulation.variants import Variant
from tosho.simulation.volumes import Volumes, draw_volumes

FEWEST_CODES, MOST_CODES = 50, 8_000
FEWEST_SESSIONS = 30


class MarketSizeError(ValueError):
    """A market is asked for that is too small to mean anything or too large for the codes there are."""


@dataclass(frozen=True)
class Market:
    """A market in memory. Arrays are `[sessions, codes]`."""

    streams: Streams
    sessions: list[date]
    universe: Universe
    returns: Returns
    prices: Prices
    volumes: Volumes
    topix: Floats

    def forecasts(self) -> dict[int, Panel]:
        """Return E[y_h | what is known at the close of t] by horizon."""
        return {horizon: expected_return(self.returns.states, horizon) for horizon in HORIZONS}


def draw_market(*, codes: int, sessions: int, last: date, seed: int, variant: Variant = Variant.PLAIN) -> Market:
    """Return a market in memory; same arguments, same numbers.

    Raises:
        MarketSizeError: Codes or sessions are out of bounds.
    """
    if not (FEWEST_CODES <= codes <= MOST_CODES and sessions >= FEWEST_SESSIONS):
        raise MarketSizeError(
            f"A market of {codes} codes and {sessions} sessions was asked for; the bounds are {FEWEST_CODES} to "
            f"{MOST_CODES} codes and at least {FEWEST_SESSIONS} sessions. Ask within them."
        )
    newest = last if calendar.is_session(last) else calendar.previous_session(last)
    days = calendar.sessions(calendar.offset(newest, 1 - sessions), newest)
    streams = Streams(seed)
    universe = draw_universe(streams, codes, days)
    returns = draw_returns(streams, universe, sessions, variant)
    prices = print_prices(streams, universe, days, returns)
    volumes = draw_volumes(streams, universe, prices, returns, variant)
    points = topix(streams, universe, prices, volumes.outstanding)
    return Market(streams, days, universe, returns, prices, volumes, points)
