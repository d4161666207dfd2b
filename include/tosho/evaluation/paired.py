"""Is one model better than another on the very same sessions, or was its time only easier?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tosho.contracts import HORIZONS
from tosho.evaluation.ic import DailyIC
from tosho.evaluation.significance import Estimate, newey_west


@dataclass(frozen=True)
class Paired:
    """The difference of two models' daily rank IC on their common sessions: by horizon, and over all of them."""

    by_horizon: tuple[Estimate, ...]
    overall: Estimate


def paired(ours: DailyIC, theirs: DailyIC) -> Paired:
    """Return by how much our rank IC is higher than theirs, with Newey-West errors; the lag is the horizon.

    Sessions that only one of them has are left out, and so are those in which either figure is NaN.
    """
    a, b = on_common(ours, theirs)
    by_horizon = tuple(newey_west(a.rank[:, i] - b.rank[:, i], h) for i, h in enumerate(HORIZONS))
    return Paired(by_horizon, newey_west(a.overall() - b.overall(), max(HORIZONS)))


def on_common(ours: DailyIC, theirs: DailyIC) -> tuple[DailyIC, DailyIC]:
    """Return both series on the sessions that both have, in order."""
    first, second = ({s: i for i, s in enumerate(daily.sessions)} for daily in (ours, theirs))
    common = sorted(first.keys() & second.keys())
    return _at(ours, [first[s] for s in common]), _at(theirs, [second[s] for s in common])


def _at(daily: DailyIC, places: list[int]) -> DailyIC:
    rows = np.array(places, dtype=np.int64)
    return DailyIC(tuple(daily.sessions[i] for i in places), daily.pearson[rows], daily.rank[rows])
