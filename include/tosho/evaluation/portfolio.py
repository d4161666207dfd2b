"""What the order of the scores would have earned, before costs."""

from __future__ import annotations

import numpy as np

from tosho.dataset.cross_section import Bounds, Float64s, Floats, average_ranks, slices


def quantile_returns(scores: Floats, returns: Floats, bounds: Bounds, quantiles: int = 10) -> Float64s:
    """Return the mean return of each quantile of the scores, `[sessions, quantiles]`, lowest scores first.

    Rows without a return are left out. NaN for a session that has fewer rows than quantiles.
    """
    daily = [_buckets(scores[rows], returns[rows], quantiles) for rows in slices(bounds)]
    return np.array(daily).reshape(-1, quantiles)


def spread(by_quantile: Float64s) -> Float64s:
    """Return the highest quantile's return less the lowest one's, `[sessions]`."""
    return np.asarray(by_quantile[:, -1] - by_quantile[:, 0])


def slope(scores: Floats, returns: Floats, bounds: Bounds) -> float:
    """Return how much return above the session's mean goes with one standard deviation of score, as a fraction.

    The mean over sessions of each session's own regression. Never below zero: scores that did not order
    returns promise none.
    """
    daily = [_slope(scores[rows], returns[rows]) for rows in slices(bounds)]
    known = [x for x in daily if np.isfinite(x)]
    return max(0.0, float(np.mean(known))) if known else 0.0


def _buckets(scores: Floats, returns: Floats, quantiles: int) -> Float64s:
    known = np.isfinite(returns) & np.isfinite(scores)
    if known.sum() < quantiles:
        return np.full(quantiles, np.nan)
    ranks = average_ranks(scores[known])
    bucket = np.minimum((ranks * quantiles / ranks.size).astype(np.int64), quantiles - 1)
    rows = np.bincount(bucket, minlength=quantiles)
    total = np.bincount(bucket, weights=returns[known], minlength=quantiles)
    out: Float64s = np.divide(total, rows, out=np.full(quantiles, np.nan), where=rows > 0)
    return out


def _slope(scores: Floats, returns: Floats) -> float:
    known = np.isfinite(returns)
    if known.sum() < 3 or scores[known].std() == 0:  # noqa: PLR2004 - a line through two points fits anything
        return float("nan")
    z = (scores - scores.mean()) / scores.std()  # over all rows, as at scoring
    x, y = z[known] - z[known].mean(), returns[known] - returns[known].mean()
    return float(x @ y / (x @ x))
