"""Features as numbers that networks can take: by session, across codes; and through time what all codes share.

Within a session nothing is fitted: a value's place among the session's codes needs no other session. A column that is
one value a session has no such place. It is scaled by its mean and deviation over a fitted range of sessions, which is
stored with the panel, and `audit` refuses a range that a training fold does not cover.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tosho.dataset.cross_section import average_ranks
from tosho.dataset.panel_files import Fitted
from tosho.dataset.samples import Columns

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Float32s: TypeAlias = npt.NDArray[np.float32]
Method = Literal["rank", "robust_z"]

MISSING_SHARE: Final = "missing_share"
"""The column that follows a set's own: the share of them that are null in the row."""

SCALED: Final = "scaler of what all codes share"
_MAD: Final = 1.4826  # standard deviations of a normal distribution in its median absolute deviation
_LEAST_FITTED: Final = 20


class FittedBeyondError(ValueError):
    """Something was fitted on sessions that a training fold does not hold."""


class NothingToFitError(ValueError):
    """Too few sessions are known for a scaler."""


@dataclass(frozen=True)
class Normaliser:
    """How a session's features become numbers around 0 of spread 1, within `limit`.

    `rank` gives the place among the session's codes, evenly spread, of variance 1. `robust_z` gives the distance from
    the session's median in deviations (MAD, or the standard deviation where half of the values are equal).
    """

    method: Method = "rank"
    limit: float = 3.0

    def __call__(self, values: Floats) -> Float32s:
        """Return one session's features normalised, `[codes, features + 1]`: NaN becomes 0, and is counted at the end.

        A column in which nothing differs is 0. Infinite values are the outermost.

        Args:
            values: `[codes, features]`, one session; NaN where a feature is null.
        """
        scores = np.zeros((values.shape[0], values.shape[1] + 1), np.float32)
        one = _ranked if self.method == "rank" else _robust
        for i, column in enumerate(np.ascontiguousarray(values.T, dtype=np.float64)):
            known = ~np.isnan(column)
            if known.any():
                scores[known, i] = np.clip(one(column[known]), -self.limit, self.limit)
        scores[:, -1] = missing_share(values)
        return scores

    def __str__(self) -> str:
        return f"{self.method} within the session, held at {self.limit:g}; null is 0"


def missing_share(values: Floats) -> Float32s:
    """Return the share of each row's features that are NaN, `[codes]`."""
    share: Float32s = np.isnan(values).mean(axis=1).astype(np.float32)
    return share


def with_missing_share(columns: Columns) -> Columns:
    """Return the columns of a normalised panel of these features.

    >>> with_missing_share(Columns("core", 1, ("ret_1",))).names
    ('ret_1', 'missing_share')
    """
    return columns._replace(names=(*columns.names, MISSING_SHARE))


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of columns that are one value a session, over a fitted range of sessions.

    Args:
        names: The columns, in the order of the numbers.
        mean: 0 for a column that was never known in the range.
        deviation: 0 for such a one, and for one that did not change: it is 0 wherever it is scaled.
        fitted: The range.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    fitted: Fitted

    @classmethod
    def fit(cls, names: Sequence[str], values: Floats, sessions: Sequence[date]) -> Scaler:
        """Return the scaler of these sessions.

        Args:
            names: The columns.
            values: `[sessions, columns]`, NaN where null.
            sessions: In order; all of the training fold's, and no other.

        Raises:
            NothingToFitError: There are fewer than 20 sessions.
        """
        if len(sessions) < _LEAST_FITTED:
            raise NothingToFitError(
                f"A scaler was to be fitted on {len(sessions)} sessions; it needs {_LEAST_FITTED}. Widen the range."
            )
        known = [column[np.isfinite(column)] for column in values.astype(np.float64).T]
        return cls(
            tuple(names),
            tuple(float(x.mean()) if x.size else 0.0 for x in known),
            tuple(float(x.std()) if x.size else 0.0 for x in known),
            Fitted(SCALED, sessions[0], sessions[-1], len(sessions)),
        )

    def __call__(self, values: Floats, limit: float) -> Float32s:
        """Return `[..., columns]` in deviations from the fitted mean, held within `limit`; NaN becomes 0."""
        mean, deviation = np.array(self.mean), np.array(self.deviation)
        moved = deviation > 0
        scores = np.where(moved, (values - mean) / np.where(moved, deviation, 1), 0)
        return np.clip(np.where(np.isnan(scores), 0, scores), -limit, limit).astype(np.float32)


def audit(fitted: Iterable[Fitted], until: date) -> None:
    """Do nothing when all that was fitted knew no session after the last one of a training.

    Sessions before the training's first are no leak: a rolling window leaves them behind.

    Raises:
        FittedBeyondError: Something was fitted on a later session.
    """
    for each in fitted:
        if each.last > until:
            raise FittedBeyondError(
                f"The {each.what} was fitted on {each.first} to {each.last} ({each.sessions} sessions); the training "
                f"ends with {until} and what it uses may be fitted up to {until}. Build the dataset with a split "
                "whose first fold trains no longer than that."
            )


def _ranked(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Even places from -sqrt(3) to sqrt(3): a uniform distribution of mean 0 and variance 1."""
    return ((average_ranks(values) + 0.5) / values.size - 0.5) * math.sqrt(12)


def _robust(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.zeros_like(values)
    middle = np.median(finite)
    spread = _MAD * np.median(np.abs(finite - middle)) or finite.std()
    return (values - middle) / spread if spread > 0 else np.zeros_like(values)
