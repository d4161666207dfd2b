"""Markets in which one thing more is planted, so that a part of a model can be shown to be worth its place.

| variant | what is planted | what it is for |
|---|---|---|
| plain | nothing more | |
| neighbours | groups of peers that move together; who lags its peers catches up | a graph of correlations |
| regimes | each code's usual volume jumps now and then, in some eras far more | a normalisation by window |

Groups are no sectors: only correlation shows them. What common movement they share cancels in the difference between
a code and its peers, so that the lag is visible to whoever sees the peers' returns beside the code's own, and half of
it to who sees the own alone. In eras of wide regimes a ratio of volume to its past mean says little for weeks after a
jump, while attention, from which the drift comes, is what it was.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tosho.simulation.listing import Universe
from tosho.simulation.signal import CATCH_UP
from tosho.simulation.streams import Panel, Streams, autoregressive

PEERS: Final = 12
"""Codes in a group, or a few more; codes that come to the market later are in none."""
PEER_VOLATILITY: Final = 0.021
"""What the codes of a group share, daily: with it two of them have a correlation of about 0.6."""

REGIME_LASTS: Final = 60
"""Sessions between two jumps of a code's usual volume, on average."""
ERA: Final = 250
CALM, WIDE = 0.4, 1.5
"""Standard deviation of log usual volume across codes, in the first era of so many sessions and every other one after
it, and in the eras between."""


class Variant(StrEnum):
    """What is planted beside the signal."""

    PLAIN = "plain"
    NEIGHBOURS = "neighbours"
    REGIMES = "regimes"


def draw_groups(streams: Streams, universe: Universe) -> NDArray[np.int64]:
    """Return the number of each code's group of peers, `[codes]`; -1 for a code without any."""
    there = np.flatnonzero(universe.first == 0)
    shuffled = streams.open("peers").permutation(there)
    groups = np.full(universe.first.size, -1, dtype=np.int64)
    for number, members in enumerate(np.array_split(shuffled, max(there.size // PEERS, 1))):
        groups[members] = number
    return groups


def common_returns(streams: Streams, groups: NDArray[np.int64], sessions: int) -> Panel:
    """Return what each code shares with its peers, `[sessions, codes]`, as fractions; 0 for a code without any."""
    by_group = PEER_VOLATILITY * streams.open("peers' returns").standard_normal((sessions, int(groups.max()) + 2))
    by_group[:, -1] = 0.0
    return np.take(by_group, groups, axis=1)


def lag_behind_peers(groups: NDArray[np.int64], shocks: Panel) -> Panel:
    """Return how far each code lags, `[sessions, codes]`: a decaying sum of the peers' mean shocks less its own.

    In return units, as the shocks; 0 for a code without peers.
    """
    behind = np.zeros_like(shocks)
    for number in range(int(groups.max()) + 1):
        members = np.flatnonzero(groups == number)
        own = shocks[:, members]
        if members.size > 1:
            behind[:, members] = (own.sum(axis=1, keepdims=True) - own) / (members.size - 1) - own
    return autoregressive(behind, CATCH_UP.persistence, np.zeros(groups.size))


def log_regimes(streams: Streams, sessions: int, codes: int) -> Panel:
    """Return by how much a code's usual log volume is off its mean, `[sessions, codes]`: constant between jumps."""
    levels = streams.open("regimes").standard_normal((sessions, codes))
    jumps = streams.open("jumps").random((sessions, codes)) < 1 / REGIME_LASTS
    for session in range(1, sessions):
        levels[session] = np.where(jumps[session], levels[session], levels[session - 1])
    wide = np.arange(sessions) // ERA % 2 == 1
    return np.where(wide, WIDE, CALM)[:, None] * levels
