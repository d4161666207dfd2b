"""The returns of the codes that can have an edge, each as a vector of mean 0 and length 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tosho.features.compiled import compiled
from tosho.features.kernels import Array

Places: TypeAlias = npt.NDArray[np.int64]
Nodes: TypeAlias = npt.NDArray[np.int32]
Quick: TypeAlias = npt.NDArray[np.float32]
Masks: TypeAlias = npt.NDArray[np.uint64]

MIN_OBS = 40
SESSIONS, CODES = 64, 65_535
"""Most that a window may have: a bit of a mask for each session, a count of 16 bits for the others of a code."""


@dataclass(frozen=True)
class Series:
    """The nodes, those without a gap first; `place` says which code of the window each is.

    `values` are `[nodes, sessions]`, 0 in a gap; bit t of a node's `mask` says that it has session t. A session that no
    node has is left out: it is no gap.
    """

    values: Array
    mask: Masks
    place: Places
    whole: int

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return self.place.size

    def seen(self) -> Quick:
        """Return 1 where a node has a session and 0 elsewhere, `[nodes, sessions]`."""
        sessions = np.arange(self.values.shape[1], dtype=np.uint64)
        return (self.mask[:, None] >> sessions & np.uint64(1)).astype(np.float32)


def observed(window: Array) -> npt.NDArray[np.bool_]:
    """Return which codes of `[sessions, codes]` have enough returns to be in a graph."""
    return np.asarray(_looked_over(np.ascontiguousarray(window))[0] >= MIN_OBS)


def series_of(window: Array) -> Series:
    """Return the codes of a window, `[sessions, codes]`, that have enough returns and did move; NaN where is no return.

    Raises:
        ValueError: The window has more sessions or codes than the loops can hold.
    """
    _check(window)
    window = np.ascontiguousarray(window)
    count, moved = _looked_over(window)
    place = np.flatnonzero((count >= MIN_OBS) & moved)
    held = _held(window, place)
    whole = count[place] == held.size
    place = np.concatenate([place[whole], place[~whole]])
    return Series(*_standardised(window, place, held), place, int(np.count_nonzero(whole)))


def _check(window: Array) -> None:
    if window.ndim != 2 or window.shape[0] > SESSIONS or window.shape[1] > CODES:  # noqa: PLR2004 - a matrix
        raise ValueError(
            f"A graph was asked for of returns {window.shape}; its loops hold at most {SESSIONS} sessions of {CODES} "
            "codes. Give the newest sessions, or a part of the codes."
        )


@compiled("Tuple((int64[::1], boolean[::1]))(float64[:, ::1])")
def _looked_over(window: Array) -> tuple[Places, npt.NDArray[np.bool_]]:
    """Count each code's returns, and say whether two of them differ."""
    sessions, codes = window.shape
    count = np.zeros(codes, np.int64)
    highest, lowest = np.full(codes, -np.inf), np.full(codes, np.inf)
    for t in range(sessions):
        for code in range(codes):
            value = window[t, code]
            count[code] += value == value  # noqa: PLR0124 - not NaN
            if value > highest[code]:  # noqa: PLR1730 - false for NaN
                highest[code] = value
            if value < lowest[code]:  # noqa: PLR1730
                lowest[code] = value
    return count, highest > lowest


@compiled("int64[::1](float64[:, ::1], int64[::1])")
def _held(window: Array, place: Places) -> Places:
    """Return the sessions that any of these codes has."""
    found, held = 0, np.empty(window.shape[0], np.int64)
    for t in range(window.shape[0]):
        for code in place:
            if not np.isnan(window[t, code]):
                held[found] = t
                found += 1
                break
    return held[:found].copy()


@compiled("Tuple((float64[:, ::1], uint64[::1]))(float64[:, ::1], int64[::1], int64[::1])")
def _standardised(window: Array, place: Places, held: Places) -> tuple[Array, Masks]:
    """Return values and mask of `Series`. Sums go from the oldest session to the newest."""
    values, mask = np.zeros((place.size, held.size)), np.zeros(place.size, np.uint64)
    for node in range(place.size):
        own, count, total, squares = values[node], 0, 0.0, 0.0
        for t in range(held.size):
            value = window[held[t], place[node]]
            if not np.isnan(value):
                mask[node] |= np.uint64(1) << np.uint64(t)
                count += 1
                total += value
                own[t] = value
        mean = total / count
        for t in range(held.size):
            own[t] = own[t] - mean if mask[node] >> np.uint64(t) & np.uint64(1) else 0.0
            squares += own[t] * own[t]
        length = np.sqrt(squares)
        for t in range(held.size):
            own[t] /= length
    return values, mask
