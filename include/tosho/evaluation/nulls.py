"""Tests that a training run has to pass before its figures mean anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Bounds, Floats, rank_correlations, slices
from tosho.evaluation.ic import HorizonResult

TOO_GOOD = 0.10
"""Mean daily rank IC above which a leak is suspected: the best published models of daily returns stay below 0.08."""

STANDARD_ERRORS = 3.0


@dataclass(frozen=True)
class NullTest:
    """One test: what was found, the bound, and whether it held."""

    name: str
    found: float
    bound: float
    passed: bool
    sentence: str


def nothing_from_nothing(scores: Floats, returns: Floats, bounds: Bounds) -> NullTest:
    """Return whether scores learnt from shuffled labels, against shuffled labels, show a rank IC of zero.

    Args:
        scores: `[rows]`.
        returns: `[rows]`, shuffled within the session.
        bounds: The sessions' rows.
    """
    daily = rank_correlations(scores, returns, bounds)
    both = np.isfinite(scores) & np.isfinite(returns)
    counts = np.array([both[rows].sum() for rows in slices(bounds)], dtype=np.int64)
    pairs = int(counts[np.isfinite(daily)].sum())  # of the sessions that the mean is taken over, and no others
    found = float(np.nanmean(daily)) if np.isfinite(daily).any() else 0.0
    bound = STANDARD_ERRORS / max(pairs, 1) ** 0.5
    return NullTest(
        "shuffled labels",
        found,
        bound,
        abs(found) < bound,
        f"Labels shuffled within the session gave a rank IC of {found:+.4f}; the bound is {bound:.4f} "
        f"({STANDARD_ERRORS:g} standard errors of {pairs} pairs).",
    )


def leak_is_seen(found: float) -> NullTest:
    """Return whether a model that was given tomorrow's return as a feature is recognised by its rank IC."""
    return NullTest(
        "planted leak",
        found,
        TOO_GOOD,
        found > TOO_GOOD,
        f"With the label planted as a feature the rank IC was {found:+.4f}; the alarm rings above {TOO_GOOD}.",
    )


def no_suspected_leak(results: Sequence[HorizonResult]) -> NullTest:
    """Return whether every horizon's mean daily rank IC is believable."""
    found = max((r.rank_ic for r in results), default=0.0)
    worst = max(results, key=lambda r: r.rank_ic).horizon if results else HORIZONS[0]
    return NullTest(
        "suspected leak",
        found,
        TOO_GOOD,
        not found > TOO_GOOD,
        f"The highest mean daily rank IC is {found:+.4f}, of horizon {worst}; above {TOO_GOOD} a leak is suspected.",
    )
