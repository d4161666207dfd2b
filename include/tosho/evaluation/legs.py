"""What a ranking buys and sells short: the weights of a session's codes, for a given order of scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tosho.dataset.cross_section import Float64s, Floats

_STEEPEST, _FLATTEST = 2.0, 1.0
_ROUNDING = 1e-12


class Legs(Protocol):
    """A rule by which places in a ranking become weights."""

    def size(self, codes: int) -> int:
        """Return how many codes each leg holds of a universe of so many."""

    def places(self, codes: int) -> Float64s:
        """Return the weight of each place, `[codes]`, lowest score first: the top sums to 1, the bottom to -1."""


@dataclass(frozen=True)
class Tenths:
    """The highest part of the scores against the lowest, all codes alike; a tenth where `parts` is 10."""

    parts: int = 10

    def size(self, codes: int) -> int:
        """Return how many codes each leg holds."""
        return codes // self.parts

    def places(self, codes: int) -> Float64s:
        """Return the weight of each place, `[codes]`, lowest score first."""
        return _both(np.ones(self.size(codes)), codes)


@dataclass(frozen=True)
class Competition:
    """The legs of the JPX Tokyo Stock Exchange Prediction competition (Kaggle, 2022).

    200 codes on either side, the outermost with twice the weight of the innermost, linearly between. There were
    2,000 codes; a smaller universe holds a tenth of its own on either side.
    """

    most: int = 200
    least_share: float = 0.1

    def size(self, codes: int) -> int:
        """Return how many codes each leg holds."""
        return min(self.most, int(codes * self.least_share))

    def places(self, codes: int) -> Float64s:
        """Return the weight of each place, `[codes]`, lowest score first."""
        return _both(np.linspace(_FLATTEST, _STEEPEST, self.size(codes)), codes)


def weights(scores: Floats, legs: Legs) -> Float64s:
    """Return what is held of each code, `[codes]`: positive bought, negative sold short.

    Equal scores share the weights of their places, so that a constant prediction holds nothing. A code without a
    score (NaN) is not held.
    """
    held = np.zeros(scores.size)
    known = np.flatnonzero(np.isfinite(scores))
    _, place, codes = np.unique(scores[known], return_inverse=True, return_counts=True)
    starts = np.concatenate([[0], np.cumsum(codes)])
    summed = np.concatenate([[0.0], np.cumsum(legs.places(known.size))])
    shared = np.diff(summed[starts]) / np.maximum(codes, 1)
    held[known] = np.where(np.abs(shared) > _ROUNDING, shared, 0.0)[place]
    return held


def _both(outwards: Float64s, codes: int) -> Float64s:
    out = np.zeros(codes)
    if outwards.size:
        part = outwards / outwards.sum()
        out[-outwards.size :] += part
        out[: outwards.size] -= part[::-1]
    return out
