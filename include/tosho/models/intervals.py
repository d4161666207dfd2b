"""What a calibrated model says of a row beside its score: quantiles of what follows, and how sure it is."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tosho.dataset.cross_section import Bounds, Float64s, Floats, z_scores
from tosho.dataset.samples import Columns, Samples

INTERVALS = "intervals.npz"
"""The file of a bundle that holds them."""

VOLATILITY = ("vol_20",)
"""Features that tell how much a code moves, the first that a set has."""

SIZE = ("adv20", "log_va")
"""Features that tell how much of a code is traded, the first that a set has."""

Buckets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """Buckets of volatility, and within each of them buckets of size; bounds are those of the calibration rows.

    Args:
        volatility: Place of the feature among the columns; -1 where the set has none.
        size: The same of size.
        low: `[volatility buckets - 1]`, where the next bucket of volatility begins.
        lower: `[volatility buckets, size buckets - 1]`, where within it the next bucket of size begins.
    """

    volatility: int
    size: int
    low: Float64s
    lower: Float64s

    @property
    def buckets(self) -> int:
        """How many there are."""
        return len(self.lower) * self.sizes

    @property
    def sizes(self) -> int:
        """Buckets of size within one of volatility."""
        return int(self.lower.shape[1]) + 1

    def of(self, features: Floats) -> Buckets:
        """Return the bucket of rows of features, `[rows]`."""
        return self.of_traits(*traits(self.volatility, self.size, features))

    def of_traits(self, volatility: Float64s, size: Float64s) -> Buckets:
        """Return the bucket of rows by what `traits` says of them, `[rows]`."""
        outer = np.searchsorted(self.low, volatility, side="right")
        inner = np.zeros_like(outer)
        for bucket, begins in enumerate(self.lower):
            there = outer == bucket
            inner[there] = np.searchsorted(begins, size[there], side="right")
        return outer * self.sizes + inner


@dataclass(frozen=True)
class Intervals:
    """Quantiles and confidence by bucket, as calibration found them.

    Args:
        grid: The buckets.
        offsets: `[horizons, buckets, quantiles]`, fractions: what is added to the expected return.
        confidence: `[horizons, buckets]`, in [0, 1]: the share of the training period's rows with a wider interval.
    """

    grid: Grid
    offsets: Float64s
    confidence: Float64s

    def of(self, features: Floats, expected: Float64s) -> tuple[Float64s, Float64s]:
        """Return quantiles `[rows, horizons, quantiles]` of the return above the session's mean, and confidence.

        Args:
            features: `[rows, features]`.
            expected: `[rows, horizons]`, the expected return above the session's mean.
        """
        buckets = self.grid.of(features)
        offsets = self.offsets[:, buckets].swapaxes(0, 1)
        return expected[:, :, None] + offsets, self.confidence[:, buckets].T

    def told_apart(self, columns: Columns) -> str:
        """Return by what the buckets are told apart, as a sentence."""
        found = [columns.names[at] for at in (self.grid.volatility, self.grid.size) if at >= 0]
        if not found:
            return (
                f"Feature set {columns.feature_set} has no volatility ({', '.join(VOLATILITY)}) and no size "
                f"({', '.join(SIZE)}) that is ever known: one bucket holds all, and every row of a horizon has the "
                "same confidence."
            )
        return f"Intervals are calibrated in {self.grid.buckets} buckets of {' and '.join(found)}."

    def to_bytes(self) -> bytes:
        """Return the intervals as a file, equal for equal intervals."""
        grid, buffer = self.grid, io.BytesIO()
        places = np.array([grid.volatility, grid.size])
        np.savez(
            buffer,
            places=places,
            low=grid.low,
            lower=grid.lower,
            offsets=self.offsets,
            confidence=self.confidence,
        )
        return buffer.getvalue()

    @classmethod
    def of_bytes(cls, data: bytes) -> Intervals:
        """Return the intervals that `to_bytes` wrote."""
        with np.load(io.BytesIO(data)) as kept:
            volatility, size = (int(place) for place in kept["places"])
            grid = Grid(volatility, size, kept["low"], kept["lower"])
            return cls(grid, kept["offsets"], kept["confidence"])


def traits(volatility: int, size: int, features: Floats) -> tuple[Float64s, Float64s]:
    """Return volatility and size of rows, without a NaN: unknown is the highest volatility and the smallest size."""
    nothing = np.zeros(len(features))
    first = features[:, volatility].astype(np.float64) if volatility >= 0 else nothing
    second = features[:, size].astype(np.float64) if size >= 0 else nothing
    return np.where(np.isnan(first), np.inf, first), np.where(np.isnan(second), -np.inf, second)


def place_of(candidates: Sequence[str], samples: Samples) -> int:
    """Return the place of the first of some features that the samples have and ever know; -1 where there is none."""
    names = samples.columns.names
    known = (names.index(name) for name in candidates if name in names)
    return next((at for at in known if not np.isnan(samples.features[:, at]).all()), -1)


def expected_returns(scores: Float64s, bounds: Bounds, slopes: Sequence[float]) -> Float64s:
    """Return what scores `[rows, horizons]` promise above the session's mean, as fractions.

    A session whose scores are all the same promises nothing.
    """
    by_horizon = [z_scores(scores[:, i], bounds, np.inf) * slope for i, slope in enumerate(slopes)]
    return np.nan_to_num(np.stack(by_horizon, axis=1), nan=0.0)


def above_the_mean(returns: Floats, bounds: Bounds) -> Float64s:
    """Return returns `[rows, horizons]` less their session's mean over the rows that have one; NaN stays NaN."""
    counts = np.diff(bounds)
    session = np.repeat(np.arange(len(counts)), counts)
    out = returns.astype(np.float64)
    for i in range(out.shape[1]):
        known = np.isfinite(out[:, i])
        total = np.bincount(session[known], weights=out[known, i], minlength=len(counts))
        rows = np.bincount(session[known], minlength=len(counts))
        out[:, i] -= (total / np.maximum(rows, 1))[session]
    return out
