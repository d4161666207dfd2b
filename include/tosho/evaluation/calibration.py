"""Do forecast quantiles and intervals hold what they say? Shares are counted within the session, then averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Bounds, Float64s, Floats, slices
from tosho.dataset.samples import Samples
from tosho.evaluation.significance import newey_west

ROLLING = 60
"""Sessions over which coverage is judged."""

PROMISED, LOW, HIGH = 0.90, 0.88, 0.92
"""Coverage that an interval promises, and the bounds within which it holds."""


class ForecastShapeError(ValueError):
    """Forecasts are not of the shape that was asked for."""


@dataclass(frozen=True)
class Calibration:
    """For each horizon and level, the mean share of returns at or below the forecast quantile, and its error.

    `found` and `error` are `[horizons, levels]`; perfect is `found == levels`.
    """

    levels: tuple[float, ...]
    found: Float64s
    error: Float64s


@dataclass(frozen=True)
class Coverage:
    """Share of each session's returns within their interval, `[sessions, horizons]`; NaN where none is known."""

    sessions: tuple[date, ...]
    daily: Float64s

    def mean(self) -> Float64s:
        """Return the mean over sessions, `[horizons]`."""
        return np.array([newey_west(self.daily[:, i], h).mean for i, h in enumerate(HORIZONS)])

    def rolling(self, window: int = ROLLING) -> Float64s:
        """Return the mean of the last `window` sessions, `[sessions, horizons]`; NaN until there are so many.

        A session without a share takes no part.
        """
        known = np.isfinite(self.daily)
        total, count = (_summed(x, window) for x in (np.where(known, self.daily, 0.0), known.astype(np.float64)))
        return _ratio(total, count)


def calibration(quantiles: Floats, samples: Samples, levels: Sequence[float]) -> Calibration:
    """Return how well quantile forecasts are calibrated.

    Args:
        quantiles: `[rows, horizons, levels]`, returns as fractions.
        samples: The rows; their returns are what was forecast.
        levels: Such as 0.05, in the order of the forecasts.

    Raises:
        ForecastShapeError: The forecasts are of another shape, or cross.
    """
    _demand(quantiles, (samples.rows, len(HORIZONS), len(levels)))
    if (np.diff(quantiles, axis=2) < 0).any():
        raise ForecastShapeError(
            f"{int((np.diff(quantiles, axis=2) < 0).any(axis=2).sum())} of {samples.rows * len(HORIZONS)} forecasts "
            "have a lower quantile above a higher one; none may. Order them where they are made."
        )
    below = [
        [newey_west(_shares(quantiles[:, i, k], samples.returns[:, i], samples.bounds), h) for k in range(len(levels))]
        for i, h in enumerate(HORIZONS)
    ]
    found, error = (np.array([[getattr(e, name) for e in row] for row in below]) for name in ("mean", "error"))
    return Calibration(tuple(levels), found, error)


def coverage(intervals: Floats, samples: Samples) -> Coverage:
    """Return how many returns lie within their interval, both ends included.

    Args:
        intervals: `[rows, horizons, 2]`, low and high.
        samples: The rows.

    Raises:
        ForecastShapeError: The intervals are of another shape.
    """
    _demand(intervals, (samples.rows, len(HORIZONS), 2))
    low, high = intervals[..., 0], intervals[..., 1]
    known = np.isfinite(samples.returns) & np.isfinite(low) & np.isfinite(high)
    within = np.where(known, (samples.returns >= low) & (samples.returns <= high), np.nan)
    return Coverage(samples.sessions, np.array([_share(within[rows]) for rows in slices(samples.bounds)]))


def _shares(quantile: Floats, returns: Floats, bounds: Bounds) -> Float64s:
    known = np.isfinite(quantile) & np.isfinite(returns)
    below = np.where(known, returns <= quantile, np.nan)
    return np.array([_share(below[rows, None])[0] for rows in slices(bounds)])


def _share(marks: Float64s) -> Float64s:
    known = np.isfinite(marks)
    return _ratio(np.where(known, marks, 0.0).sum(axis=0), known.sum(axis=0))


def _ratio(total: Float64s, count: Floats | npt.NDArray[np.int64]) -> Float64s:
    out: Float64s = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return out


def _summed(values: Float64s, window: int) -> Float64s:
    whole = np.cumsum(values, axis=0)
    out = np.full(values.shape, np.nan)
    out[window - 1 :] = whole[window - 1 :]
    out[window:] -= whole[:-window]
    return out


def _demand(found: Floats, shape: tuple[int, ...]) -> None:
    if found.shape != shape:
        raise ForecastShapeError(
            f"Forecasts of shape {found.shape} were given; for these rows it is {shape}. "
            "Give rows, horizons and levels in this order."
        )
