"""A long-short portfolio that follows the scores, session by session: what it earns, trades and costs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from tosho.calendar import offset
from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s, Floats, slices
from tosho.dataset.samples import Samples
from tosho.evaluation.legs import Legs, weights

_NEXT = HORIZONS.index(1)
_BOTH_LEGS_SWAPPED = 4.0  # each leg sells 1 and buys 1


@dataclass(frozen=True)
class Trading:
    """What trading is taken to cost and how figures are made yearly.

    Args:
        cost_bp: Basis points of the value traded, one way: commission, half the spread, impact.
        parts: The book holds the highest and the lowest of so many parts of the scores.
        sessions_per_year: Of the Tokyo Stock Exchange.
    """

    cost_bp: float = 10.0
    parts: int = 10
    sessions_per_year: int = 245

    def __post_init__(self) -> None:
        if not 0 <= self.cost_bp < 1e4 or self.parts < 2 or self.sessions_per_year < 1:  # noqa: PLR2004
            raise ValueError(
                f"{self} was asked for: a cost lies between 0 and 10,000 basis points, there are at least 2 parts "
                "and a year has at least one session. Set them so."
            )


@dataclass(frozen=True)
class Book:
    """A book's series, `[sessions]` each, as fractions of the capital of one leg.

    Args:
        horizon: Sessions that a position is held.
        sessions: The sessions whose scores are the newest in the book.
        gross: Return from the next close to the one after. NaN while the book is being built up: the first
            `horizon - 1` sessions of each run of consecutive sessions.
        traded: Value bought and sold, both legs, at the next close. NaN for one session more.
        unpriced: Share of what is held that has no return, because it was not traded or not listed any more: it is
            counted as standing still.
        held: Codes in each leg of the newest scores.
    """

    horizon: int
    sessions: tuple[date, ...]
    gross: Float64s
    traded: Float64s
    unpriced: Float64s
    held: npt.NDArray[np.int64]

    @property
    def turnover(self) -> Float64s:
        """Share of the book that is replaced, `[sessions]`: 1 where both legs are sold and bought anew."""
        return self.traded / _BOTH_LEGS_SWAPPED

    def net(self, cost_bp: float) -> Float64s:
        """Return what is left of the return after trading at this cost, `[sessions]`."""
        return self.gross - self.traded * cost_bp / 1e4


def book(scores: Floats, samples: Samples, horizon: int, legs: Legs) -> Book:
    """Return the book that holds each session's legs for `horizon` sessions, `1 / horizon` of the capital each.

    The legs of session t are bought at the close of t + 1 and sold at that of t + 1 + horizon, so that at any time
    there are `horizon` of them (Jegadeesh and Titman, 1993). Its returns are of one session each and do not overlap,
    whatever the horizon. Weights are kept as they were set: that prices move them apart is left out. Which codes are
    held depends on scores alone, never on whether a return is known.

    Args:
        scores: `[rows]`, of this horizon.
        samples: The rows; the one-session return is what the book earns.
        horizon: Sessions.
        legs: Which places are held.
    """
    codes, column = np.unique(samples.codes, return_inverse=True)
    series = np.full((3, len(samples.sessions)), np.nan)
    held = np.zeros(len(samples.sessions), dtype=np.int64)
    rows = list(slices(samples.bounds))
    for run in _runs(samples.sessions):
        cohorts: deque[Float64s] = deque(maxlen=horizon)
        before = np.zeros(codes.size)
        for i in run:
            newest = np.zeros(codes.size)
            newest[column[rows[i]]] = weights(scores[rows[i]], legs)
            cohorts.append(newest)
            now = np.sum(cohorts, axis=0) / horizon
            held[i] = legs.size(int(np.isfinite(scores[rows[i]]).sum()))
            if len(cohorts) == horizon:
                series[:, i] = _session(now, before, column[rows[i]], samples.returns[rows[i], _NEXT])
            if i - run[0] < horizon:
                series[1, i] = np.nan
            before = now
    gross, traded, unpriced = series
    return Book(horizon, samples.sessions, gross, traded, unpriced, held)


def _session(now: Float64s, before: Float64s, column: npt.NDArray[np.int64], returns: Floats) -> Float64s:
    known = np.isfinite(returns)
    priced = np.zeros(now.size, dtype=bool)
    priced[column[known]] = True
    gross = now[column[known]] @ returns[known]
    size = np.abs(now).sum()
    unpriced = np.abs(now[~priced]).sum() / size if size > 0 else np.nan
    return np.array([gross, np.abs(now - before).sum(), unpriced])


def _runs(sessions: Sequence[date]) -> Iterator[range]:
    """Yield the places of sessions that follow each other on the exchange."""
    begin = 0
    for i in range(1, len(sessions) + 1):
        if i == len(sessions) or sessions[i] != offset(sessions[i - 1], 1):
            yield range(begin, i)
            begin = i
