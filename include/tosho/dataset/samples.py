"""What models learn from and predict on: rows grouped by session, as arrays."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tosho.dataset.cross_section import Bounds, Float64s, bounds_of, z_scores

TARGET_LIMIT = 3.0
"""Standard deviations of a session's returns at which training targets are held."""


class ColumnsError(ValueError):
    """Features are not those that were asked for: another set, number or order of columns."""


class Columns(NamedTuple):
    """The features of a numbered set, in their order."""

    feature_set: str
    number: int
    names: tuple[str, ...]

    def demand(self, found: Columns, where: str) -> None:
        """Do nothing when the other side has the same columns.

        Raises:
            ColumnsError: Set, number, names or order differ; the sentence names the first difference.
        """
        if (found.feature_set, found.number) != (self.feature_set, self.number):
            raise ColumnsError(
                f"{where} holds feature set {found.feature_set!r} number {found.number}; asked for was "
                f"{self.feature_set!r} number {self.number}. Compute the features again or use a model of that number."
            )
        if found.names != self.names:
            pairs = zip(self.names, found.names, strict=False)
            at = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(self.names), len(found.names)))
            raise ColumnsError(
                f"{where} has {len(found.names)} columns and asked for were {len(self.names)}; they differ first at "
                f"place {at}: found {found.names[at : at + 1]}, asked {self.names[at : at + 1]}. "
                "Order is part of the contract; compute the features again."
            )


@dataclass(frozen=True)
class Samples:
    """Rows of consecutive sessions.

    Args:
        columns: Which features the columns of `features` are.
        sessions: In order.
        bounds: `[sessions + 1]`; rows `bounds[i]:bounds[i + 1]` are session i's, ordered by code.
        codes: `[rows]`, bytes of five characters.
        features: `[rows, features]` float32; NaN where the feature is null.
        returns: `[rows, horizons]` float32, fractions; NaN where the label is null or not known.
        static: `[rows, 3]` uint8, numbers of sector33, segment and scale, 0 unknown; None where nobody asked.
    """

    columns: Columns
    sessions: tuple[date, ...]
    bounds: Bounds
    codes: npt.NDArray[np.bytes_]
    features: npt.NDArray[np.float32]
    returns: npt.NDArray[np.float32]
    static: npt.NDArray[np.uint8] | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.features)

    def between(self, first: date, last: date) -> Samples:
        """Return the sessions from `first` to `last`, both included, without copying a row."""
        a, b = bisect_left(self.sessions, first), bisect_right(self.sessions, last)
        rows = slice(int(self.bounds[a]), int(self.bounds[b]))
        return Samples(
            self.columns,
            self.sessions[a:b],
            self.bounds[a : b + 1] - self.bounds[a],
            self.codes[rows],
            self.features[rows],
            self.returns[rows],
            None if self.static is None else self.static[rows],
        )

    def where(self, kept: npt.NDArray[np.bool_]) -> Samples:
        """Return a copy of the marked rows; sessions stay, even where none of their rows do."""
        return replace(
            self,
            bounds=bounds_of(kept, self.bounds),
            codes=self.codes[kept],
            features=self.features[kept],
            returns=self.returns[kept],
            static=None if self.static is None else self.static[kept],
        )

    def thinned(self, rows: int, seed: int) -> Samples:
        """Return at most `rows` rows, drawn evenly and without replacement; all of them where there are no more."""
        if self.rows <= rows:
            return self
        kept = np.zeros(self.rows, dtype=bool)
        kept[np.random.default_rng(seed).choice(self.rows, rows, replace=False)] = True
        return self.where(kept)

    def target(self, i: int) -> Float64s:
        """Return what models are fitted to for horizon i, `[rows]`: z-scores within the session, winsorised at 3.

        NaN where the return is null.
        """
        return z_scores(self.returns[:, i], self.bounds, TARGET_LIMIT)

    def unseen(self) -> tuple[str, ...]:
        """Return the names of features that are null in every row."""
        null = np.ones(len(self.columns.names), dtype=bool)
        for first in range(0, self.rows, 100_000):
            null &= np.isnan(self.features[first : first + 100_000]).all(axis=0)
        return tuple(name for name, empty in zip(self.columns.names, null, strict=True) if empty)
