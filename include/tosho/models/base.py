"""What every model is to the rest of the house, gradient boosting and networks alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from tosho.dataset.cross_section import Float64s
from tosho.dataset.samples import Columns, Samples

Progress = Callable[[str], None]
"""Told a sentence whenever a part of the work is done."""


class Fitted(NamedTuple):
    """First and last session that something was fitted on."""

    first: date
    last: date


class NotFittableError(ValueError):
    """There is nothing to learn from."""


class Forecaster(Protocol):
    """A fitted model: a score for every row and horizon, the higher the better."""

    @property
    def kind(self) -> str:
        """The name under which its bundle is read back, such as `lightgbm`."""

    @property
    def columns(self) -> Columns:
        """The features that it was fitted on."""

    @property
    def context(self) -> int:
        """Sessions before the scored one that `predict` has to be given as well; 0 where a row says all."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """Distributions whose version decides what it predicts."""

    @property
    def scalers(self) -> Mapping[str, Fitted]:
        """What was fitted to sessions beside the weights (means, limits, kept columns); empty where nothing was.

        A run keeps these with its folds, and is refused where one reaches beyond the training span.
        """

    def predict(self, samples: Samples) -> Float64s:
        """Return scores, `[rows, horizons]`."""

    def importance(self) -> Mapping[str, float]:
        """Return each feature's share of what the model uses; shares sum to 1."""

    def to_files(self) -> dict[str, bytes]:
        """Return the model as named files, equal for equal models."""


class Learner(Protocol):
    """How a model is fitted. Its settings are its fields, so that a run can log them whole."""

    @property
    def kind(self) -> str:
        """The name of the models that it fits."""

    @property
    def parts(self) -> int:
        """How often one fit tells its progress."""

    def brief(self) -> Learner:
        """Return the same learner with little effort, for tests that need no good model."""

    def settings(self) -> dict[str, object]:
        """Return every setting, by name."""

    def fit(self, train: Samples, validation: Samples, progress: Progress) -> Forecaster:
        """Return a model fitted on `train` and stopped by its rank IC on `validation`."""

    def refit(self, samples: Samples, fitted: Sequence[Forecaster], progress: Progress) -> Forecaster:
        """Return a model fitted on all samples for as long as the fitted ones took, with nothing held back."""


@runtime_checkable
class Ablatable(Protocol):
    """A learner of models that are made of blocks, each of which can be left out."""

    def ablations(self) -> Mapping[str, Learner]:
        """Return the same learner without one of its blocks each, by what is left out."""


@runtime_checkable
class Resumable(Protocol):
    """A learner whose fit, where it was killed, goes on from checkpoints."""

    def kept_in(self, folder: Path) -> Learner:
        """Return the same learner with its checkpoints in a folder."""
