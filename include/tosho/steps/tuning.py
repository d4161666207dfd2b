"""A search for better settings, judged by validation sessions alone, which goes on where it was when it was stopped."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import NamedTuple

from tosho.calendar import offset
from tosho.config import Settings
from tosho.dataset.assemble import fingerprint
from tosho.dataset.samples import Samples
from tosho.dataset.splits import Rehearsal, WalkForward, rehearsals
from tosho.features.columns import LISTING_AGE
from tosho.features.sets import feature_set
from tosho.models.base import Learner
from tosho.models.kinds import sees_listings
from tosho.models.search import space, values, with_values
from tosho.models.study import Study, held, seen
from tosho.observability.log import logger
from tosho.steps.preparation import as_seen_by, prepare, usable
from tosho.steps.search import Search
from tosho.storage import Lake

log = logger(__name__)


class TrialsError(ValueError):
    """A number of trials that is none."""


class UntunedError(LookupError):
    """There is no complete study of a kind, set and range."""


class Tuned(NamedTuple):
    """A learner with the best settings of a study, and among how many they were chosen."""

    learner: Learner
    tried: int


def tune(  # noqa: PLR0913 - as `train`
    settings: Settings,
    first: date,
    last: date,
    *,
    learner: Learner,
    trials: int,
    plan: WalkForward | None = None,
    dataset: str = "",
) -> dict[str, object]:
    """Search settings around those of a learner on the sessions of a range, and return the study in short.

    A trial fits the learner on the training sessions of each rehearsal, and its score is the mean daily rank IC over
    horizons on the validation sessions: those that stop the fit, so that every score, the first one's too, flatters.
    All lie before the first test fold of `train` on the same range, of which nothing is seen. The first trial is the
    learner as it is. A trial that is below the median of earlier ones after a rehearsal is pruned.

    The study is a file in the installation's home, named after kind, set, range, and a digest of data, settings and
    search space. Asked again, after it was killed or for more trials, it makes those that are left, the same as in
    one go.

    Args:
        settings: The installation.
        first: First session of the range.
        last: Last one.
        learner: Whose settings are searched.
        trials: How many settings are to be tried in all, earlier runs of the study included.
        plan: How training splits; shrunk where the history is short.
        dataset: The published rows that are mapped into memory; without, they are assembled from the lake.

    Raises:
        PanelMissingError: There is no such dataset.
        OtherDataError: The dataset is of other data.
        TrialsError: Not even one trial is asked for.
        NoSpaceError: Nothing is searched for this kind.
        OutsideError: The learner's settings are outside of what would be searched.
        NothingToTrainOnError: No session has both features and labels.
        TooShortError: There are too few of them for a fold.
        StudyBusyError: Another process is at work on the study.
        NothingFoundError: No trial came to its end.
    """
    began, plan = time.monotonic(), plan or WalkForward()
    if trials < 1:
        raise TrialsError(
            f"{trials} trials were asked for; the first one is the learner as it is, so ask for 1 at least."
        )
    path = _path(settings, first, last, learner, plan)
    with held(path) as study:
        earlier = len(study.trials)
        study.ask_for(trials)
        if earlier < trials:
            Search(study, learner, *_rehearsed(settings, first, last, learner, plan, dataset)).run()
        found = _summary(study, learner) | {"new": len(study.trials) - earlier}
    return {"model": learner.kind, "study": str(path), **found, "seconds": round(time.monotonic() - began, 1)}


def tuned(settings: Settings, first: date, last: date, *, learner: Learner, plan: WalkForward | None = None) -> Tuned:
    """Return a learner with the best settings that `tune` has found for the same range, data and learner.

    Raises:
        UntunedError: There is no such study, or it was stopped before it had all trials that it was asked for.
        NoSpaceError: Nothing is searched for this kind.
        NothingToTrainOnError: No session has both features and labels.
        StudyBusyError: Another process is at work on the study.
        NothingFoundError: No trial came to its end.
    """
    path = _path(settings, first, last, learner, plan or WalkForward())
    what = f"of {learner.kind} on set {settings.feature_set} from {first} to {last}"
    if not path.exists():
        raise UntunedError(
            f"The settings of a study {what} were asked for; of these data and this search space there is none in "
            f"{path.parent}. Run tune.py for the same model, set, size and range first, or train without --tuned."
        )
    with seen(path) as study:
        tried = len(study.trials)
        if not 0 < study.asked <= tried:
            raise UntunedError(
                f"The study {what} has {tried} of the {study.asked} trials that were asked for. "
                f"Run tune.py for the same again: it goes on where it was."
            )
        return Tuned(with_values(learner, study.best.params), tried)


def _path(settings: Settings, first: date, last: date, learner: Learner, plan: WalkForward) -> Path:
    """Return the file of a study and no other: its name ends with a digest of what decides the scores."""
    searched = {name: str(within) for name, within in space(learner).items()}
    lake, asked = Lake.of(settings), feature_set(settings.feature_set)
    _, sessions = usable(lake, first, last)
    listings = _listings(lake, sessions) if sees_listings(learner.kind) else []
    what = [learner.settings(), searched, asdict(plan), asked.number, fingerprint(lake, sessions), listings]
    text = json.dumps(what, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Path(settings.home) / "studies" / f"{learner.kind}-{asked.name}-{first}-{last}-{digest}.db"


def _listings(lake: Lake, sessions: Sequence[date]) -> list[str]:
    known = lake.sessions("securities", offset(sessions[0], -LISTING_AGE), sessions[-1])
    return [lake.manifest("securities", session).sha256 for session in known]


def _rehearsed(  # noqa: PLR0913 - as `tune`
    settings: Settings, first: date, last: date, learner: Learner, plan: WalkForward, dataset: str = ""
) -> tuple[Samples, tuple[Rehearsal, ...]]:
    """Return the spans by which settings are chosen, and the rows of their sessions alone."""
    lake = Lake.of(settings)
    data = prepare(settings, lake, first, last, plan, dataset)
    spans = rehearsals(data.samples.sessions, data.folds[0])
    for span in spans:
        log.info("Settings are chosen by %s.", span)
    samples = data.samples.between(spans[0].train.first, spans[-1].validation.last)
    return as_seen_by(learner.kind, lake, samples), spans


def _summary(study: Study, learner: Learner) -> dict[str, object]:
    best = study.best
    return {
        "trials": len(study.trials),
        "pruned": study.pruned,
        "rank_ic": best.value,
        "settings": best.params,
        "untuned_rank_ic": study.trials[0].value,
        "untuned_settings": values(learner),
    }
