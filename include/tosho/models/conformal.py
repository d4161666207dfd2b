"""Split-conformal calibration by bucket of volatility and size (Mondrian): crepes' door.

What a fold's model said of sessions that it was not fitted on is compared with what followed. Within a bucket, crepes'
conformal predictive system takes the quantiles from the order statistics of the residuals. Without a difficulty
estimate it adds the same to every prediction of a bucket: what it says of a prediction of zero is all there is to keep.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tosho.contracts import QUANTILES
from tosho.dataset.cross_section import Float64s
from tosho.dataset.samples import Samples
from tosho.models import intervals
from tosho.models.intervals import SIZE, VOLATILITY, Buckets, Grid, Intervals
from tosho.models.walk import Walked

LEAST = 100
"""Labelled rows below which no outer quantile can be told: a twentieth of them are five."""

_STEPS = 10  # in which a grid becomes coarser


class TooFewToCalibrateError(ValueError):
    """There are too few out-of-sample rows to say how wide an interval must be."""


@dataclass(frozen=True)
class Mondrian:
    """Settings: the finest grid, and the rows that each of its buckets must hold; with fewer it is made coarser."""

    volatility_buckets: int = 10
    size_buckets: int = 5
    least_rows: int = 1000

    def calibrate(self, samples: Samples, parts: Sequence[Walked], slopes: Sequence[float]) -> Intervals:
        """Return intervals whose quantiles are those of the folds' out-of-sample rows.

        Args:
            samples: All rows of the training period: the confidence of a row is its place among them.
            parts: The folds, each with the rows that its model was tested on and what it said of them.
            slopes: By horizon, the return that goes with a standard deviation of score.

        Raises:
            TooFewToCalibrateError: A horizon has fewer than LEAST labelled out-of-sample rows.
        """
        places = intervals.place_of(VOLATILITY, samples), intervals.place_of(SIZE, samples)
        rows = _residuals(parts, slopes, places)
        grid, buckets = self._finest(rows, places)
        offsets = np.stack([_quantiles(found, buckets, grid.buckets) for found in rows.residuals.T])
        counts = np.bincount(grid.of(samples.features), minlength=grid.buckets)
        return Intervals(grid, offsets, np.stack([_confidence(by_bucket, counts) for by_bucket in offsets]))

    def _finest(self, rows: _Residuals, places: tuple[int, int]) -> tuple[Grid, Buckets]:
        """Return the finest grid whose buckets all hold enough labelled rows, and the bucket of each row."""
        most = self.volatility_buckets if places[0] >= 0 else 1, self.size_buckets if places[1] >= 0 else 1
        known = np.isfinite(rows.residuals)
        for step in range(_STEPS, 0, -1):
            sizes = tuple(-(-buckets * step // _STEPS) for buckets in most)
            grid = _grid(rows, places, sizes)
            buckets = grid.of_traits(rows.volatility, rows.size)
            fewest = min(np.bincount(buckets[there], minlength=grid.buckets).min() for there in known.T)
            if fewest >= self.least_rows:
                break
        if fewest < LEAST:
            raise TooFewToCalibrateError(
                f"A horizon has {fewest} labelled rows out of sample to calibrate its intervals with; the bound is "
                f"{LEAST}. Train on a longer history."
            )
        return grid, buckets


class _Residuals(NamedTuple):
    """Out-of-sample rows: traits `[rows]`, and realised less expected return `[rows, horizons]`; NaN if unknown."""

    volatility: Float64s
    size: Float64s
    residuals: Float64s


def _residuals(parts: Sequence[Walked], slopes: Sequence[float], places: tuple[int, int]) -> _Residuals:
    known = [intervals.traits(*places, part.test.features) for part in parts]
    residuals = [
        intervals.above_the_mean(part.test.returns, part.test.bounds)
        - intervals.expected_returns(part.scores, part.test.bounds, slopes)
        for part in parts
    ]
    volatility, size = (np.concatenate(of_parts) for of_parts in zip(*known, strict=True))
    return _Residuals(volatility, size, np.concatenate(residuals))


def _grid(rows: _Residuals, places: tuple[int, int], sizes: tuple[int, ...]) -> Grid:
    """Return a grid of so many buckets of volatility, and within each so many of size, about equally full."""
    low = _edges(rows.volatility, sizes[0])
    outer = np.searchsorted(low, rows.volatility, side="right")
    return Grid(*places, low, np.stack([_edges(rows.size[outer == i], sizes[1]) for i in range(sizes[0])]))


def _edges(values: Float64s, buckets: int) -> Float64s:
    finite = values[np.isfinite(values)]
    wanted = np.arange(1, buckets) / buckets
    return np.quantile(finite, wanted) if finite.size else np.zeros(wanted.size)


def _quantiles(residuals: Float64s, buckets: Buckets, count: int) -> Float64s:
    """Return the quantiles of each bucket's residuals, `[buckets, quantiles]`; a doubt makes them wider."""
    with warnings.catch_warnings():  # its import has every UserWarning of the process shown from then on
        from crepes import ConformalPredictiveSystem  # with pandas and scikit-learn: seconds that a fold need not wait
    known = np.isfinite(residuals)
    system = ConformalPredictiveSystem().fit(residuals[known], bins=buckets[known])
    of_zero = system.predict_percentiles(
        np.zeros(count),
        bins=np.arange(count),
        lower_percentiles=[100 * q for q in QUANTILES if q <= 0.5],  # noqa: PLR2004 - the median
        higher_percentiles=[100 * q for q in QUANTILES if q > 0.5],  # noqa: PLR2004
    )
    return np.asarray(of_zero, dtype=np.float64)


def _confidence(quantiles: Float64s, counts: Buckets) -> Float64s:
    """Return 1 less the place of each bucket's width among those of all rows, `[buckets]`; ties share the middle."""
    widths = quantiles[:, -1] - quantiles[:, 0]
    narrower = (widths[None, :] < widths[:, None]) @ counts
    as_wide = (widths[None, :] == widths[:, None]) @ counts
    return np.asarray(1 - (narrower + as_wide / 2) / max(counts.sum(), 1), dtype=np.float64)
