"""Statistics within a session, over flat arrays whose rows are grouped by session.

`bounds` has one entry more than there are sessions: rows `bounds[i]:bounds[i + 1]` are those of session i.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Float64s = npt.NDArray[np.float64]
Bounds = npt.NDArray[np.int64]

MIN_PAIRS = 20
"""A session with fewer pairs has no correlation: it is null, not zero."""


def slices(bounds: Bounds) -> Iterator[slice]:
    """Yield the rows of each session in turn."""
    for first, end in pairwise(bounds.tolist()):
        yield slice(first, end)


def counts_to_bounds(counts: npt.NDArray[np.integer]) -> Bounds:
    """Return the bounds of sessions that have this many rows.

    >>> counts_to_bounds(np.array([3, 2])).tolist()
    [0, 3, 5]
    """
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def bounds_of(kept: npt.NDArray[np.bool_], bounds: Bounds) -> Bounds:
    """Return the bounds that remain when only the rows marked in `kept` stay; a session may become empty."""
    before = np.concatenate([[0], np.cumsum(kept)])
    return before[bounds].astype(np.int64)


def average_ranks(values: Floats) -> Float64s:
    """Return ranks from 0, ties sharing their mean rank. `values` holds no NaN.

    >>> average_ranks(np.array([5.0, 1.0, 5.0])).tolist()
    [1.5, 0.0, 1.5]
    """
    order = np.argsort(values)
    ascending = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ascending[1:] != ascending[:-1]])) if values.size else order
    ends = np.append(starts[1:], values.size)
    ranks = np.empty(values.size)
    ranks[order] = np.repeat((starts + ends - 1) / 2, ends - starts)
    return ranks


def z_scores(values: Floats, bounds: Bounds, limit: float) -> Float64s:
    """Return each value's distance from its session's mean in standard deviations, held within `limit`.

    NaN stays NaN. A session in which nothing differs is NaN throughout: it teaches no order.
    """
    scores = np.full(values.shape, np.nan)
    for rows in slices(bounds):
        known = np.isfinite(values[rows])
        if known.sum() > 1:
            x = values[rows][known].astype(np.float64)
            spread = x.std()
            if spread > 0:
                scores[rows][known] = np.clip((x - x.mean()) / spread, -limit, limit)
    return scores


def correlations(scores: Floats, returns: Floats, bounds: Bounds) -> Float64s:
    """Return the Pearson correlation of each session, `[sessions]`, over pairs in which neither side is NaN."""
    return np.array([_correlation(*_pairs(scores[rows], returns[rows])) for rows in slices(bounds)])


def rank_correlations(scores: Floats, returns: Floats, bounds: Bounds) -> Float64s:
    """Return the Spearman correlation of each session, `[sessions]`, over pairs in which neither side is NaN."""
    pairs = (_pairs(scores[rows], returns[rows]) for rows in slices(bounds))
    return np.array([_correlation(average_ranks(a), average_ranks(b)) for a, b in pairs])


def shuffled(values: Floats, bounds: Bounds, seed: int) -> Floats:
    """Return the values with the rows of each session in another order; the columns of a row stay together."""
    rng = np.random.default_rng(seed)
    out = values.copy()
    for rows in slices(bounds):
        out[rows] = rng.permutation(out[rows], axis=0)
    return out


def _pairs(scores: Floats, returns: Floats) -> tuple[Float64s, Float64s]:
    both = np.isfinite(scores) & np.isfinite(returns)
    return scores[both].astype(np.float64), returns[both].astype(np.float64)


def _correlation(a: Float64s, b: Float64s) -> float:
    if a.size < MIN_PAIRS:
        return np.nan
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else np.nan
