"""Fit, stop and predict, fold after fold: a score out of sample comes from a model that had not seen its session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from tosho.dataset.cross_section import Float64s, counts_to_bounds
from tosho.dataset.samples import Samples
from tosho.dataset.splits import Fold
from tosho.models.base import Forecaster, Learner, Progress


class Walked(NamedTuple):
    """A fold's model and what it said of the sessions it was tested on: `scores` is `[rows of test, horizons]`."""

    fold: Fold
    model: Forecaster
    test: Samples
    scores: Float64s


Walk = Callable[[Learner, Samples, Sequence[Fold], Progress], Iterator[Walked]]
"""Fits and tests fold after fold, as `walk` does."""


def walk(learner: Learner, samples: Samples, folds: Sequence[Fold], progress: Progress) -> Iterator[Walked]:
    """Yield each fold's model and its out-of-sample scores, oldest first."""
    for fold in folds:
        train, validation = (samples.between(span.first, span.last) for span in (fold.train, fold.validation))
        model = learner.fit(train, validation, _told(progress, fold))
        yield Walked(fold, model, *predicted(model, samples, fold.test.first, fold.test.last))


def stacked(parts: Sequence[Walked]) -> tuple[Samples, Float64s]:
    """Return the test rows of all folds as one, with their scores and without their features, which are large."""
    tests = [part.test for part in parts]
    bounds = counts_to_bounds(np.concatenate([np.diff(test.bounds) for test in tests]))
    whole = Samples(
        tests[0].columns._replace(names=()),
        tuple(session for test in tests for session in test.sessions),
        bounds,
        codes=np.concatenate([test.codes for test in tests]),
        features=np.empty((int(bounds[-1]), 0), dtype=np.float32),
        returns=np.concatenate([test.returns for test in tests]),
    )
    return whole, np.concatenate([part.scores for part in parts])


def predicted(model: Forecaster, samples: Samples, first: date, last: date) -> tuple[Samples, Float64s]:
    """Return the rows of these sessions and their scores; the sessions before that the model must see are given too."""
    test = samples.between(first, last)
    begin = max(0, samples.sessions.index(first) - model.context)
    seen = samples.between(samples.sessions[begin], last)
    return test, model.predict(seen)[seen.rows - test.rows :]


def _told(progress: Progress, fold: Fold) -> Progress:
    return lambda what: progress(f"fold {fold.number}, {what}")
