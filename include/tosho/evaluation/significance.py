"""Is a mean of daily figures more than luck, when labels overlap?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tosho.dataset.cross_section import Float64s

SIGNIFICANT = 2.0
"""Standard errors that a mean has to lie from zero to count as proven."""

_ROUNDING = 1e-12


class Estimate(NamedTuple):
    """A mean of daily figures, its standard error, how many days it rests on, and the lag allowed for."""

    mean: float
    error: float
    sessions: int
    lag: int

    @property
    def t(self) -> float:
        """The mean in standard errors; NaN where there is no spread, beyond rounding, to measure it by."""
        return self.mean / self.error if self.error > _ROUNDING * abs(self.mean) else float("nan")

    @property
    def beats_zero(self) -> bool:
        """Tell whether the mean is above zero by two standard errors; an unknown t does not."""
        return self.t >= SIGNIFICANT


def newey_west(daily: Float64s, lag: int) -> Estimate:
    """Return the mean of a daily series with a standard error that allows for correlation up to `lag` sessions.

    Bartlett weights, as Newey and West (1987). NaN is left out. A series with fewer than three values has no
    error, hence no t. The lag is at most half the series, beyond which autocovariances are noise.
    """
    x = daily[np.isfinite(daily)]
    if x.size < 3:  # noqa: PLR2004 - a spread needs more than a pair
        return Estimate(float(x.mean()) if x.size else float("nan"), float("nan"), x.size, lag)
    used = min(lag, x.size // 2)
    u = x - x.mean()
    variance = u @ u / x.size
    for apart in range(1, used + 1):
        variance += 2 * (1 - apart / (used + 1)) * (u[apart:] @ u[:-apart]) / x.size
    return Estimate(float(x.mean()), float(np.sqrt(max(variance, 0.0) / x.size)), x.size, used)
