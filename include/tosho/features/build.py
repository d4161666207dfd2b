"""Building features of the lake's sessions, by either engine, from one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from enum import StrEnum
from typing import Any

from tosho.config import Settings
from tosho.features.inputs import dependents, to_build
from tosho.features.pieces.job import TABLE
from tosho.features.pieces.source import Window, window_in
from tosho.features.plan import plan
from tosho.features.reach import demand_reach
from tosho.features.sets import FeatureSet, feature_set
from tosho.observability import metrics
from tosho.observability.log import logger
from tosho.storage import Lake

Engine = Callable[[Lake, FeatureSet, Window], None]
"""Builds and publishes a set's features of a window's sessions: `spark.build_window`, or `processes.build_window`."""

_log = logger(__name__)


class Which(StrEnum):
    """Which sessions are built: all of a range; those of it without features or with stale ones; or all and, of the
    later ones up to the newest, those whose features are stale because of them.
    """

    ALL = "all"
    STALE = "stale"
    DEPENDENT = "dependent"


def build(  # noqa: PLR0913 - what the job's command asks
    settings: Settings, name: str, first: date, last: date, which: Which = Which.ALL, *, engine: Engine
) -> dict[str, Any]:
    """Compute a set's features of the sessions from `first` to `last`, and publish one partition each.

    The partitions are the same, byte for byte, whichever engine makes them and however the work is dealt out.

    Args:
        settings: The installation: where the lake is.
        name: The feature set's name.
        first: First day, included.
        last: Last day, included.
        which: All of these sessions; or those whose features are missing or were made from other data than is
            published now; or all, and the later ones that were made from other data than is published now. These are
            as many as the set's lookback at most, but for a split or a record of before, which counts for ever.
        engine: Who does it.

    Returns:
        What was done: first, last, sessions, rows, features, feature_set. `first` and `last` are those asked for;
        `sessions` counts what was built.

    Raises:
        UnknownFeatureSetError: There is no such set.
        PlanTooSmallError: The declared J-Quants plan does not fill the set's tables.
        SessionsMissingError: The lake lacks bars that are needed.
        FeatureJobError: A task failed for good. No session is half published.
    """
    lake, wanted = Lake.of(settings), feature_set(name)
    demand_reach(wanted, settings.jquants.plan)
    asked = window_in(lake, first, last, plan(wanted).rows_before)
    sessions = _chosen(lake, wanted, asked.wanted, which)
    if sessions:
        with metrics.stage(settings.metrics, "features"):
            engine(lake, wanted, _window_of(lake, wanted, sessions))
    return {
        "first": asked.wanted[0].isoformat(),
        "last": asked.wanted[-1].isoformat(),
        "sessions": len(sessions),
        "rows": sum(lake.manifest(TABLE, session).rows for session in sessions),
        "features": len(wanted.features),
        "feature_set": name,
    }


def _chosen(lake: Lake, wanted: FeatureSet, asked: Sequence[date], which: Which) -> Sequence[date]:
    if which is Which.STALE:
        return to_build(lake, asked, wanted.number)
    if which is Which.ALL:
        return asked
    later = dependents(lake, asked[-1], wanted.number)
    if later:
        first, last = later[0], later[-1].session
        _log.info("%d later sessions are built again, %s to %s: %s", len(later), first.session, last, first.why)
    return [*asked, *(one.session for one in later)]


def _window_of(lake: Lake, wanted: FeatureSet, sessions: Sequence[date]) -> Window:
    """Return the window that builds some sessions, reading what lies between the first and the last of them once."""
    whole = window_in(lake, sessions[0], sessions[-1], plan(wanted).rows_before)
    return replace(whole, wanted=tuple(sessions))
