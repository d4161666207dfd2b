"""Is one model better than another on the very same sessions, or was its time only easier?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    common = sorted(set(ours.sessions) & set(theirs.sessions))
    a, b = ours.on(common), theirs.on(common)
    by_horizon = tuple(newey_west(a.rank[:, i] - b.rank[:, i], h) for i, h in enumerate(HORIZONS))
    return Paired(by_horizon, newey_west(a.overall() - b.overall(), max(HORIZONS)))


def gains(whole: DailyIC, without: Mapping[str, DailyIC]) -> dict[str, Paired]:
    """Return what each block adds: the whole model's rank IC less that of the model without it, by what is left out."""
    return {name: paired(whole, less) for name, less in without.items()}
