"""A training run's folds, each of which a process may fit for itself: how many there are, and one of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from math import isfinite

from tosho.config import Settings
from tosho.dataset.splits import Fold, WalkForward
from tosho.evaluation.ic import daily_ic, summarise
from tosho.observability.log import logger
from tosho.observability.progress import Progress
from tosho.steps.beginning import begin
from tosho.steps.counter import Counter
from tosho.steps.preparation import full_sessions
from tosho.steps.request import Options, Request
from tosho.storage import Lake

log = logger(__name__)


class NoSuchFoldError(LookupError):
    """A fold was asked for that a run does not have."""


def of_run(  # noqa: PLR0913 - as `train`
    settings: Settings,
    first: date,
    last: date,
    models: Sequence[str],
    plan: WalkForward | None = None,
    dataset: str = "",
) -> dict[str, list[dict[str, object]]]:
    """Label a range and return, as `folds`, each fold of each kind of model that training on it has; none is fitted.

    Args:
        settings: The installation, with the feature set.
        first: First session of the range.
        last: Last one.
        models: The kinds.
        plan: How training splits.
        dataset: The published rows that training maps.

    Raises:
        PanelMissingError: There is no such dataset.
        OtherDataError: The dataset is of other data.
        NothingToTrainOnError: No session has both features and labels.
        NeverFullError: In no session are enough features known.
        TooShortError: There are too few of them for a fold.
        ColumnsError: A session's features are not those of the set that is asked for.
    """
    full = full_sessions(settings, Lake.of(settings), first, last, dataset)
    folds = (plan or WalkForward()).fitted(len(full)).folds(full)
    for fold in folds:
        log.info("%s", fold)
    return {"folds": [{"model": model, "fold": fold.number} for model in models for fold in folds]}


def fit(settings: Settings, first: date, last: date, number: int, options: Options) -> dict[str, object]:
    """Fit one fold of a training run, keep its model and what that says of the fold's test sessions; tell it in short.

    `steps.training.train` with the same options takes it from there, as long as no other range is trained. A fold that
    is finished is not fitted again, and a network that was killed goes on from its checkpoint.

    Args:
        settings: The installation.
        first: First session of the range.
        last: Last one.
        number: Of the fold, from 1.
        options: Those of the run; a fold depends on learner, plan and dataset.

    Raises:
        NoSuchFoldError: The run has no fold of this number.
        NothingToTrainOnError: No session has both features and labels.
        TooShortError: There are too few of them for a fold.
        ColumnsError: A session's features are not those of the set that is asked for.
        CollapsedError: A network's watchdog found that its scores have become a constant.
        CheckpointError: A network's checkpoint cannot be read.
    """
    began = time.monotonic()
    run = begin(settings, first, last, Request.of(options))
    learner, fold = run.request.learner, _numbered(run.data.folds, number)
    found = run.shelf.find(learner, run.data.samples, fold)
    part = found or run.shelf.fit(learner, run.data.samples, fold, Counter(Progress("fit"), learner.parts))
    results = summarise(daily_ic(part.scores, part.test))
    return {
        "model": learner.kind,
        "fold": str(fold),
        "rank_ic": {str(r.horizon): round(r.rank_ic, 5) if isfinite(r.rank_ic) else None for r in results},
        "rows": part.test.rows,
        "is_new": found is None,
        "seconds": round(time.monotonic() - began, 1),
    }


def _numbered(folds: Sequence[Fold], number: int) -> Fold:
    found = next((fold for fold in folds if fold.number == number), None)
    if found is None:
        raise NoSuchFoldError(
            f"Fold {number} was asked for; on this range the folds are 1 to {len(folds)}. Ask for one of them, or, "
            "where the lake has changed since the folds were counted, count again."
        )
    return found
