"""Is a portfolio's Sharpe ratio more than the best of many tries would show by chance? And how deep did it fall?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from purgedcv import deflated_sharpe_ratio

from tosho.dataset.cross_section import Float64s

LEAST_SESSIONS = 20
"""Sessions below which skew and tails of a return cannot be told, and the deflated Sharpe ratio is NaN."""

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Trials:
    """How many ways were tried before the one that is shown.

    Args:
        count: Ways whose figures somebody could have shown instead: models, settings, horizons.
        variance: Of their Sharpe ratios, a session each. None where they were not kept: then what chance alone
            spreads over ways without any skill is taken, 1 / (sessions - 1).
    """

    count: int
    variance: float | None = None

    def __post_init__(self) -> None:
        if self.count < 1 or (self.variance is not None and not 0 <= self.variance < np.inf):
            raise ValueError(
                f"{self} was asked for; there is at least the trial that is shown, and a variance is a finite number "
                "of at least 0. Count the models that were tried, this one included."
            )

    def __str__(self) -> str:
        if self.variance is None:
            return f"{self.count} trials; how their Sharpe ratios spread was not kept, and what chance spreads is taken"
        return f"{self.count} trials, whose Sharpe ratios have the variance {self.variance:.3g} a session"


def sharpe(returns: Float64s) -> float:
    """Return mean over standard deviation (n - 1) of returns, one session each. NaN is left out; NaN if none varies."""
    known = returns[np.isfinite(returns)]
    return float(known.mean() / known.std(ddof=1)) if _varies(known) else float("nan")


def deflated(returns: Float64s, trials: Trials) -> float:
    """Return the probability that the true Sharpe ratio is above what the best of the trials has by chance.

    After Bailey and Lopez de Prado (2014): it allows for the number of trials, the length, skew and tails of the
    series. Returns must not overlap. NaN for fewer than 20 sessions, or where none varies.
    """
    known = returns[np.isfinite(returns)].astype(np.float64)
    if known.size < LEAST_SESSIONS or not _varies(known):
        return float("nan")
    variance = 1 / (known.size - 1) if trials.variance is None else trials.variance
    return float(deflated_sharpe_ratio(known, trials.count, variance))


def drawdown(returns: Float64s) -> float:
    """Return the deepest fall of the summed returns from an earlier height, as a fraction of the capital; at least 0.

    Returns are added and not compounded: the capital at work is the same each session. NaN counts as standing still.
    """
    curve = np.concatenate([[0.0], np.nancumsum(returns)])
    return float((np.maximum.accumulate(curve) - curve).max())


def _varies(known: Float64s) -> bool:
    return known.size > 1 and bool(known.std() > _ROUNDING * np.abs(known).max())
