"""Walk-forward folds by session, with purged gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, NamedTuple

from tosho.contracts import HORIZONS

LONGEST = max(HORIZONS)
_SMALL_FOLDS = 3  # how many test folds a history has that is too short for the plan as it stands
_SMALL_TRAIN = 3  # their first training span, in test folds
_REHEARSALS = 3  # spans at most by which settings are chosen
_SMALLEST = 10  # sessions in a test fold below which nothing can be said


class PurgeError(ValueError):
    """A gap between spans is shorter than the labels' reach."""


class TooShortError(ValueError):
    """The history is too short to hold a single honest fold."""


def demand_purge(purge: int, horizon: int) -> None:
    """Do nothing where a gap is longer than the labels' reach: the rule of every split.

    Raises:
        PurgeError: It is shorter than horizon + 1 sessions.
    """
    if purge < horizon + 1:
        raise PurgeError(
            f"The purge is {purge} sessions and the longest horizon {horizon}; a label reaches "
            f"horizon + 1 sessions ahead, so the purge must be at least {horizon + 1}."
        )


class Span(NamedTuple):
    """Consecutive sessions, both ends included."""

    first: date
    last: date
    sessions: int

    def __str__(self) -> str:
        return f"{self.first}..{self.last} ({self.sessions})"


class Fold(NamedTuple):
    """Train, validate, test: in this order in time, a gap between each."""

    number: int
    train: Span
    validation: Span
    test: Span
    gap: int

    def __str__(self) -> str:
        spans = (
            f"train {self.train} | gap {self.gap} | validation {self.validation} | gap {self.gap} | test {self.test}"
        )
        return f"fold {self.number}: {spans}"


@dataclass(frozen=True)
class WalkForward:
    """Lengths in sessions. A label of session t reaches to the close of t + 1 + horizon, so a gap is at least that."""

    train: int = 735
    validation: int = 122
    test: int = 122
    step: int = 122
    horizon: int = LONGEST
    purge: int = 1 + LONGEST
    embargo: int = 2
    window: Literal["expanding", "rolling"] = "expanding"

    def __post_init__(self) -> None:
        demand_purge(self.purge, self.horizon)
        if self.step < self.test:
            raise PurgeError(
                f"The step is {self.step} sessions and the test fold {self.test}; test folds must not overlap, "
                "so the step is at least a test fold long."
            )
        if min(self.train, self.validation, self.test) < 1 or self.embargo < 0:
            raise PurgeError(f"A span of {self} is shorter than one session, or its embargo negative.")

    @property
    def gap(self) -> int:
        """Sessions left out between two spans."""
        return self.purge + self.embargo

    @property
    def needed(self) -> int:
        """Sessions that the first fold takes."""
        return self.train + self.validation + self.test + 2 * self.gap

    def fitted(self, available: int) -> WalkForward:
        """Return this plan where it fits the sessions at hand, and a smaller one where it does not.

        The smaller one has three test folds and keeps the gaps whole.

        Raises:
            TooShortError: Not even the smaller one fits.
        """
        if available >= self.needed:
            return self
        unit = min((available - 2 * self.gap) // (_SMALL_TRAIN + 1 + _SMALL_FOLDS), self.test, self.validation)
        if unit < _SMALLEST:
            least = 2 * self.gap + (_SMALL_TRAIN + 1 + _SMALL_FOLDS) * _SMALLEST
            raise TooShortError(
                f"There are {available} sessions with features and labels; walk-forward needs at least {least} "
                f"({self.gap} are left out twice in each fold). Take in a longer history."
            )
        train = available - 2 * self.gap - (1 + _SMALL_FOLDS) * unit
        return replace(self, train=train, validation=unit, test=unit, step=unit)

    def folds(self, sessions: Sequence[date]) -> tuple[Fold, ...]:
        """Return the folds over these sessions, oldest first; the last test fold ends with the last session.

        ::

            train ......|gap|validation|gap|test|
            train ............|gap|validation|gap|test|          (expanding)

        Raises:
            TooShortError: The first fold does not fit.
        """
        if len(sessions) < self.needed:
            raise TooShortError(f"{len(sessions)} sessions are given and the first fold needs {self.needed}.")
        return tuple(self._folds(sessions))

    def _folds(self, sessions: Sequence[date]) -> Iterator[Fold]:
        spare = (len(sessions) - self.needed) % self.step  # the oldest sessions only lengthen training
        starts = range(spare, len(sessions) - self.needed + 1, self.step)
        for number, start in enumerate(starts, 1):
            end_of_train = start + self.train
            validation = end_of_train + self.gap
            test = validation + self.validation + self.gap
            begin = 0 if self.window == "expanding" else start
            yield Fold(
                number,
                _span(sessions, begin, end_of_train),
                _span(sessions, validation, validation + self.validation),
                _span(sessions, test, test + self.test),
                self.gap,
            )


class Rehearsal(NamedTuple):
    """What a setting may be chosen by: it trains, and is scored on the validation sessions; nothing is tested."""

    train: Span
    validation: Span

    def __str__(self) -> str:
        return f"train {self.train} | validation {self.validation}"


def rehearsals(sessions: Sequence[date], first: Fold) -> tuple[Rehearsal, ...]:
    """Return the spans to choose settings by, oldest first: all before the first of the test folds, by a gap at least.

    ::

        train ..|gap|validation|
        train .............|gap|validation|
        train ........................|gap|validation|gap|first test fold     (training and validation of fold 1)

    Later folds are not rehearsed: what they train and validate on are test sessions of earlier ones, and settings
    chosen by these would have seen what they are then tested on. An earlier rehearsal ends a validation span before
    the next one, and trains on a third of fold 1's sessions at least.

    Args:
        sessions: All sessions over which the folds were made.
        first: The first of these folds.
    """
    begin, end = sessions.index(first.train.first), sessions.index(first.validation.last) + 1
    length, gap = first.validation.sessions, first.gap
    ends = [end - i * length for i in range(_REHEARSALS)]
    starts = [(at - length - gap, at) for at in ends if at - length - gap - begin >= first.train.sessions / 3]
    return tuple(
        Rehearsal(_span(sessions, begin, trained), _span(sessions, at - length, at)) for trained, at in reversed(starts)
    )


def _span(sessions: Sequence[date], begin: int, end: int) -> Span:
    return Span(sessions[begin], sessions[end - 1], end - begin)
