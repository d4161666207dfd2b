"""A learner's trial: what its models say of sessions they have not seen, and the tests that make this believable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s, shuffled
from tosho.dataset.samples import Samples
from tosho.dataset.splits import Fold
from tosho.evaluation.ic import DailyIC, HorizonResult, daily_ic, summarise
from tosho.evaluation.nulls import NullTest, leak_is_seen, no_suspected_leak, nothing_from_nothing
from tosho.models.base import Forecaster, Learner, Progress
from tosho.models.walk import Walk, Walked, stacked, walk

_LEAK_ROWS = 60_000  # enough to see a leak, and quick


@dataclass(frozen=True)
class Trial:
    """Out-of-sample rows and scores `[rows, horizons]` of all folds, each session's IC, and the tests of the run."""

    parts: tuple[Walked, ...]
    tested: Samples
    scores: Float64s
    daily: DailyIC
    tests: tuple[NullTest, ...]

    @property
    def results(self) -> tuple[HorizonResult, ...]:
        """The figures of each horizon, over all folds."""
        return summarise(self.daily)

    @property
    def models(self) -> tuple[Forecaster, ...]:
        """Each fold's model."""
        return tuple(part.model for part in self.parts)

    def by_fold(self) -> list[tuple[Fold, tuple[HorizonResult, ...]]]:
        """Return the figures of each horizon, fold by fold."""
        return [(part.fold, summarise(daily_ic(part.scores, part.test))) for part in self.parts]


def run(learner: Learner, samples: Samples, folds: Sequence[Fold], progress: Progress, walked: Walk = walk) -> Trial:
    """Return what the learner's models show, fold after fold. `walked` may know folds that are finished already."""
    parts = tuple(walked(learner, samples, folds, progress))
    tested, scores = stacked(parts)
    daily = daily_ic(scores, tested)
    tests = (
        no_suspected_leak(summarise(daily)),
        shuffled_labels(learner, samples, folds[-1], progress),
        planted_leak(learner, samples, folds[-1], progress),
    )
    return Trial(parts, tested, scores, daily, tests)


def shuffled_labels(learner: Learner, samples: Samples, fold: Fold, progress: Progress) -> NullTest:
    """Return whether a model fitted to labels shuffled within the session finds nothing in shuffled labels."""
    (tested,) = _briefly(
        learner, replace(samples, returns=shuffled(samples.returns, samples.bounds, 0)), fold, progress
    )
    return nothing_from_nothing(tested.scores[:, 0], tested.test.returns[:, 0], tested.test.bounds)


def planted_leak(learner: Learner, samples: Samples, fold: Fold, progress: Progress) -> NullTest:
    """Return whether the alarm rings for a model whose first feature is the return that it is to predict."""
    of_the_fold = samples.between(fold.train.first, fold.test.last)  # what it trains and tests on is what is thinned
    few = of_the_fold.thinned(_LEAK_ROWS, seed=0)
    features = few.features.copy()
    features[:, 0] = few.returns[:, 0]
    (tested,) = _briefly(learner, replace(few, features=features), fold, progress)
    daily = daily_ic(tested.scores, tested.test)
    return leak_is_seen(float(np.nanmean(daily.rank[:, HORIZONS.index(1)])))


def _briefly(learner: Learner, samples: Samples, fold: Fold, progress: Progress) -> list[Walked]:
    return list(walk(learner.brief(), samples, [fold], lambda what: progress(f"test, {what}")))
