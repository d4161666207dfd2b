"""A training run before anything is fitted: what is asked, what it is given, and where its folds lie once finished."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from tosho.config import Settings
from tosho.models.shelf import Shelf
from tosho.steps.origin import Origin, origin_of
from tosho.steps.preparation import Prepared, as_seen_by, prepare
from tosho.steps.request import Request
from tosho.storage import Lake


@dataclass(frozen=True)
class Beginning:
    """What a run begins with.

    Args:
        lake: Where its data come from.
        request: What is asked; learners that keep checkpoints do so beside the finished folds.
        data: What it is given.
        origin: What it is made from.
        shelf: Its finished folds.
    """

    lake: Lake
    request: Request
    data: Prepared
    origin: Origin
    shelf: Shelf


def begin(settings: Settings, first: date, last: date, request: Request) -> Beginning:
    """Return what a run over a range begins with.

    Raises:
        PanelMissingError: There is no such dataset.
        OtherDataError: The dataset is of other data.
        NothingToTrainOnError: No session has both features and labels.
        TooShortError: There are too few of them for a fold.
        ColumnsError: A session's features are not those of the set that is asked for.
    """
    lake, kind = Lake.of(settings), request.learner.kind
    data = prepare(settings, lake, first, last, request.plan, request.dataset)
    data = replace(data, samples=as_seen_by(kind, lake, data.samples))
    origin = origin_of(lake, request, data)
    runs = Path(settings.home) / "checkpoints" / f"{kind}-{settings.feature_set}"
    shelf = Shelf(runs / f"{first}-{last}-{origin.data[:16]}", origin.data)
    return Beginning(lake, request.kept_in(shelf.folder), data, origin, shelf)
