"""What a training run is given: the sessions of a range that have features and labels, and the folds over them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from tosho.calendar import offset
from tosho.config import Settings
from tosho.dataset.assemble import assemble
from tosho.dataset.labels import REACH, label_sessions
from tosho.dataset.samples import Columns, Samples
from tosho.dataset.splits import Fold, WalkForward
from tosho.features.sets import feature_set
from tosho.observability.log import logger
from tosho.storage import Lake

log = logger(__name__)

_FULL = 0.5  # share of known values from which on a session is past its features' warm-up


class NothingToTrainOnError(LookupError):
    """The lake holds no session with both features and labels."""


@dataclass(frozen=True)
class Prepared:
    """Rows, the plan as it fits them, its folds, and what a reader has to know of them."""

    samples: Samples
    plan: WalkForward
    folds: tuple[Fold, ...]
    notes: tuple[str, ...]

    @property
    def knew(self) -> date:
        """The last session whose data is in the rows: where their last label ends."""
        return offset(self.samples.sessions[-1], REACH)


def prepare(settings: Settings, lake: Lake, first: date, last: date, plan: WalkForward) -> Prepared:
    """Label the sessions of a range and return those that can be trained on, with their folds.

    Raises:
        NothingToTrainOnError: No session has both features and labels.
        TooShortError: There are too few of them for a fold.
        ColumnsError: A session's features are not those of the set that is asked for.
    """
    asked = feature_set(settings.feature_set)
    columns = Columns(asked.name, asked.number, asked.names)
    labelled, sessions = usable(lake, first, last)
    samples = _past_warm_up(assemble(lake, columns, sessions))
    fitted = plan.fitted(len(samples.sessions))
    folds = fitted.folds(samples.sessions)
    notes = _notes(samples, sessions, labelled, plan, fitted)
    for sentence in (*notes, *map(str, folds)):
        log.info("%s", sentence)
    return Prepared(samples, fitted, folds, notes)


def usable(lake: Lake, first: date, last: date) -> tuple[list[date], list[date]]:
    """Label the sessions of a range; return those that have labels, and of them those that have features too.

    Raises:
        NothingToTrainOnError: No session has both.
    """
    labelled = label_sessions(lake, first, last)
    with_features = set(lake.sessions("features", first, last))
    sessions = [s for s in labelled if s in with_features]
    if not sessions:
        raise NothingToTrainOnError(
            f"From {first} to {last}, {len(labelled)} sessions have labels and {len(with_features)} have features; "
            "none has both. Take in the history and compute its features first."
        )
    return labelled, sessions


def _past_warm_up(samples: Samples) -> Samples:
    """Return the sessions from the first on in which half of the values are known, of the features that ever are."""
    unseen = set(samples.unseen())
    ever = [i for i, name in enumerate(samples.columns.names) if name not in unseen]
    for i, session in enumerate(samples.sessions):
        rows = slice(int(samples.bounds[i]), int(samples.bounds[i + 1]))
        if ever and np.isfinite(samples.features[rows][:, ever]).mean() >= _FULL:
            return samples.between(session, samples.sessions[-1])
    raise NothingToTrainOnError(
        f"In none of the {len(samples.sessions)} sessions from {samples.sessions[0]} are half of the features known. "
        "Take in a longer history, so that the features' windows can fill."
    )


def _notes(
    samples: Samples, sessions: list[date], labelled: list[date], plan: WalkForward, fitted: WalkForward
) -> tuple[str, ...]:
    notes = [
        (
            f"{samples.rows:,} rows of {len(samples.sessions)} sessions, {samples.sessions[0]} to "
            f"{samples.sessions[-1]}; {len(sessions) - len(samples.sessions)} earlier ones are the features' warm-up."
        )
    ]
    if fitted != plan:
        notes.append(
            f"The history is short of the {plan.needed} sessions that the plan needs: train {plan.train}, validation "
            f"{plan.validation}, test {plan.test} became {fitted.train}, {fitted.validation}, {fitted.test}."
        )
    if without := len(labelled) - len(sessions):
        notes.append(f"{without} labelled sessions have no features and were left out.")
    if unseen := samples.unseen():
        notes.append(f"{len(unseen)} features are null in every row: {', '.join(unseen)}.")
    return tuple(notes)
