"""Has a feature's distribution moved further than markets move?

Two distances beside the session(s) before, so chosen that a crash is no drift and a changed unit is:

- shape: the population stability index (PSI) over the reference's deciles, of the values as they are and of the
  values less their session's median; the smaller of the two counts. The whole market falling moves the first but
  not the second; a skewed level or a flag moves the second but not the first.
- place: how far the session's median lies outside the middle 99 % of the reference, in widths of it. This sees a
  constant added, which the second shape does not. The range of whole numbers is taken as 20 at least.

A feature with one value for all codes of a session or of a sector is not judged, nor is one with fewer than FEWEST
values. On the real market of 2014-2018, crashes of 2015, 2016 and 2018 included, the shape of at most
8 % of the features of set `core` moved by more than 1 from one session to the next, none by more than 4, and no
median left the reference's range by a tenth of it. With 50 codes a crash moves three times as many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

Values = npt.NDArray[np.float64]

FEWEST = 30
_BINS = 10
_SECTORS = 40
"""A column of no more distinct values than this has one a sector: 33 of them move together in a crash."""
_COUNT_RANGE = 20.0
"""A count, such as sessions since the listing, goes up by one each session even where all codes have the same."""
_PRIOR = 0.5
"""Half a value is added to each bin: an empty one says little among 50 codes and much among 4,000."""


class Distance(NamedTuple):
    """How far a feature moved: `shape` is a PSI, `place` is in widths of the reference's range."""

    shape: float
    place: float

    def __str__(self) -> str:
        """Return both as text."""
        return f"PSI {self.shape:.2f}, median {max(self.place, 0.0):.2f} ranges outside"


def distances(frame: pl.DataFrame, reference: pl.DataFrame, names: Sequence[str]) -> dict[str, Distance]:
    """Return how far each feature moved; those that cannot be judged have no entry.

    Each column is sorted once, and all that is asked of it is read off its order.

    Args:
        frame: One session: session, code and the features.
        reference: One or more sessions before it, same columns.
        names: The features to judge.
    """
    sessions = [_matrix(part, names) for part in reference.partition_by("session")] or [_matrix(reference, names)]
    now, before = _sorted(_matrix(frame, names)), _sorted(np.concatenate(sessions))
    centred = _sorted(np.concatenate([part - _medians(_sorted(part)) for part in sessions]))
    varied = np.any([_varies(_sorted(part)) for part in sessions], axis=0)
    return {
        name: Distance(min(psi(b, n), psi(c, n - _median(n))), _place(b, n))
        for name, varies, n, b, c in zip(names, varied, _columns(now), _columns(before), _columns(centred), strict=True)
        if varies and min(len(n), len(b)) >= FEWEST
    }


def psi(reference: Values, now: Values) -> float:
    """Return the population stability index over the reference's deciles. Ties share a bin; both sorted, no nulls."""
    edges = np.unique(_quantiles(reference, np.arange(1, _BINS) / _BINS))
    expected, found = _shares(reference, edges), _shares(now, edges)
    return float(((found - expected) * np.log(found / expected)).sum())


def _shares(values: Values, edges: Values) -> Values:
    below = np.searchsorted(values, edges, side="right")
    held = np.diff(below, prepend=0, append=len(values))
    return np.asarray((held + _PRIOR) / (len(values) + _PRIOR * len(held)))


def _place(reference: Values, now: Values) -> float:
    low, high = _quantiles(reference, np.array([0.005, 0.995]))
    middle = _median(now)
    whole = not np.mod(reference, 1).any() and not np.mod(now, 1).any()
    return float(max(low - middle, middle - high) / max(high - low, _COUNT_RANGE if whole else 1e-12))


def _quantiles(values: Values, shares: Values) -> Values:
    """Return quantiles of sorted values, linear between neighbours."""
    at = shares * (len(values) - 1)
    left = at.astype(np.int64)
    right = np.minimum(left + 1, len(values) - 1)
    return np.asarray(values[left] + (values[right] - values[left]) * (at - left))


def _median(values: Values) -> float:
    return float(_quantiles(values, np.array([0.5]))[0])


def _matrix(frame: pl.DataFrame, names: Sequence[str]) -> Values:
    """Return `[codes, features]`, null as NaN."""
    return frame.select(pl.col(name).cast(pl.Float64).fill_null(np.nan) for name in names).to_numpy()


def _sorted(values: Values) -> Values:
    """Return each column in its own order, NaN last."""
    return np.sort(values, axis=0)


def _columns(values: Values) -> list[Values]:
    """Return the columns of a sorted matrix, each without its NaN."""
    known = np.count_nonzero(~np.isnan(values), axis=0)
    return [values[:count, place] for place, count in enumerate(known)]


def _medians(values: Values) -> Values:
    return np.array([_median(column) if len(column) else np.nan for column in _columns(values)])


def _varies(values: Values) -> list[bool]:
    """Tell of each sorted column whether codes have values of their own, not one of the market or of a sector."""
    return [_own(column) for column in _columns(values)]


def _own(column: Values) -> bool:
    distinct = np.count_nonzero(np.diff(column)) + (len(column) > 0)
    if not np.mod(column, 1).any():  # flags and counts have few values by nature
        return bool(distinct > 1)
    return bool(distinct > _SECTORS or 2 * distinct > len(column))
