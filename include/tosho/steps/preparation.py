"""What a training run is given: the sessions of a range that have features and labels, and the folds over them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from tosho.calendar import offset
from tosho.config import Settings
from tosho.dataset.assemble import assemble, with_static
from tosho.dataset.labels import REACH, label_sessions
from tosho.dataset.samples import Columns, Samples
from tosho.dataset.splits import Fold, WalkForward
from tosho.dataset.warm_up import Known
from tosho.features.sets import feature_set
from tosho.models.kinds import sees_listings
from tosho.observability.log import logger
from tosho.steps.rows import mapped_rows, published
from tosho.storage import Lake

log = logger(__name__)


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


def prepare(  # noqa: PLR0913 - as `train`
    settings: Settings, lake: Lake, first: date, last: date, plan: WalkForward, dataset: str = ""
) -> Prepared:
    """Label the sessions of a range and return those that can be trained on, with their folds.

    Args:
        settings: The installation, with the feature set.
        lake: Its lake.
        first: First session of the range.
        last: Last one.
        plan: How to split.
        dataset: The published rows that are mapped into memory; without, they are assembled from the lake, and have
            nothing of their listings.

    Raises:
        PanelMissingError: There is no such dataset.
        OtherDataError: It is of other sessions, or of what they were before.
        NothingToTrainOnError: No session has both features and labels.
        NeverFullError: In no session are enough features known.
        TooShortError: There are too few of them for a fold.
        ColumnsError: A session's features are not those of the set that is asked for.
    """
    columns = columns_of(settings)
    labelled, sessions = usable(lake, first, last)
    samples = _rows(settings, lake, columns, sessions, dataset)
    fitted = plan.fitted(len(samples.sessions))
    folds = fitted.folds(samples.sessions)
    notes = _notes(samples, sessions, labelled, plan, fitted)
    for sentence in (*notes, *map(str, folds)):
        log.info("%s", sentence)
    return Prepared(samples, fitted, folds, notes)


def full_sessions(settings: Settings, lake: Lake, first: date, last: date, dataset: str = "") -> tuple[date, ...]:
    """Return the sessions that `prepare` would give, without holding their features.

    Raises:
        PanelMissingError: There is no such dataset.
        OtherDataError: It is of other sessions, or of what they were before.
        NothingToTrainOnError: No session has both features and labels.
        NeverFullError: In no session are enough features known.
        ColumnsError: A session's features are not those of the set that is asked for.
    """
    columns, (_, sessions) = columns_of(settings), usable(lake, first, last)
    if dataset:
        return published(lake, dataset, columns, sessions).sessions
    return Known.in_lake(lake, columns, sessions).full()


def _rows(settings: Settings, lake: Lake, columns: Columns, sessions: list[date], dataset: str) -> Samples:
    if dataset:
        return mapped_rows(settings, lake, dataset, columns, sessions)
    whole = assemble(lake, columns, sessions)
    full = Known.of(whole).full()
    return whole.between(full[0], full[-1])


def as_seen_by(kind: str, lake: Lake, samples: Samples) -> Samples:
    """Return the samples with what listings say of their codes if models of a kind look at that, else without it."""
    if not sees_listings(kind):
        return replace(samples, static=None)
    return with_static(lake, samples) if samples.static is None else samples


def columns_of(settings: Settings) -> Columns:
    """Return the columns of the feature set that the settings name."""
    asked = feature_set(settings.feature_set)
    return Columns(asked.name, asked.number, asked.names)


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
