"""Combinatorial purged splits: the final check, in which every session is tested by several models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import comb
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from purgedcv import CombinatorialPurgedCV, apply_embargo, purge

from tosho.dataset.cross_section import Float64s
from tosho.dataset.splits import LONGEST, PurgeError, TooShortError, demand_purge

Places = npt.NDArray[np.int64]

_SMALLEST = 10  # sessions below which a part of a split says nothing


class Combination(NamedTuple):
    """A split, as places in the sessions: some blocks are tested, the rest is trained on but for the gaps."""

    number: int
    train: Places
    validation: Places
    test: Places


@dataclass(frozen=True)
class Combinatorial:
    """Blocks of sessions, of which each few are tested by a model trained on the others.

    After Lopez de Prado, Advances in Financial Machine Learning (2018), chapter 12; splits and paths are purgedcv's.
    Models are trained on sessions after the tested ones too, so this tells how much a result owes to the one history
    that there was, and not what could have been earned.

    Args:
        blocks: Into which the sessions are parted.
        tested: Blocks that a model is tested on at once.
        validation: Sessions held back for early stopping: the end of the longest stretch of training sessions.
        horizon: Longest horizon, sessions.
        purge: Sessions left out on either side of what is tested or validated.
        embargo: Sessions left out after it on top.
    """

    blocks: int = 6
    tested: int = 2
    validation: int = 60
    horizon: int = LONGEST
    purge: int = 1 + LONGEST
    embargo: int = 2

    def __post_init__(self) -> None:
        demand_purge(self.purge, self.horizon)
        if not 1 <= self.tested < self.blocks or self.validation < 1 or self.embargo < 0:
            raise PurgeError(
                f"{self} was asked for; at least one block and not all are tested, validation has a session and the "
                "embargo is not negative. Set them so."
            )

    @property
    def splits(self) -> int:
        """How many models are fitted."""
        return comb(self.blocks, self.tested)

    def over(self, sessions: Sequence[date]) -> tuple[Combination, ...]:
        """Return the splits of these sessions.

        Raises:
            TooShortError: There are too few sessions for a block, or nothing is left to train on.
        """
        if len(sessions) < self.blocks * _SMALLEST:
            raise TooShortError(
                f"{len(sessions)} sessions are given; {self.blocks} blocks need at least {self.blocks * _SMALLEST}. "
                "Take in a longer history or ask for fewer blocks."
            )
        return tuple(self._over(len(sessions)))

    def paths(self, tested: Sequence[Float64s], sessions: int) -> Float64s:
        """Return the series of all splits as whole histories, `[paths, sessions]`.

        Args:
            tested: For each split, in order, a figure for each of its tested sessions.
            sessions: How many there are.
        """
        return np.asarray(self._splitter(sessions).reconstruct_paths(list(tested)), dtype=np.float64)

    def _over(self, sessions: int) -> Iterator[Combination]:
        splits = self._splitter(sessions).split(np.empty((sessions, 0)))
        for number, (around, test) in enumerate(splits, 1):
            train, validation = self._held_back(around, sessions)
            if min(train.size, validation.size) < min(_SMALLEST, self.validation):
                raise TooShortError(
                    f"Of {sessions} sessions, split {number} leaves {train.size} to train and {validation.size} to "
                    f"validate on; the bound is {_SMALLEST}. Take in a longer history or ask for fewer blocks."
                )
            yield Combination(number, train, validation, test)

    def _held_back(self, around: Places, sessions: int) -> tuple[Places, Places]:
        stretches = np.split(around, np.flatnonzero(np.diff(around) > 1) + 1)
        validation = max(stretches, key=len)[-self.validation :]
        times, ends = self._times(sessions)
        rest = np.setdiff1d(around, validation)
        purged = purge(rest, validation, times, ends)
        after = self.purge + self.embargo
        return apply_embargo(purged, validation, times, ends, embargo_observations=after), validation

    def _splitter(self, sessions: int) -> CombinatorialPurgedCV:
        times, ends = self._times(sessions)
        return CombinatorialPurgedCV(
            self.blocks,
            self.tested,
            prediction_times=times,
            evaluation_times=ends,
            embargo_observations=self.purge + self.embargo,  # it counts from the tested block, the purge included
        )

    def _times(self, sessions: int) -> tuple[npt.NDArray[np.timedelta64], npt.NDArray[np.timedelta64]]:
        """Return places as times. There an end is not part of its label: one more leaves out `purge` sessions."""
        times = np.arange(sessions).astype("timedelta64[D]")
        return times, times + np.timedelta64(self.purge + 1, "D")
