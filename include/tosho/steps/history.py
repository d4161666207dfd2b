"""The steps of `history`: the same work as of an evening, for a range of sessions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from tosho import quality
from tosho.calendar import sessions
from tosho.config import Settings
from tosho.features.plan import plan
from tosho.features.sets import feature_set
from tosho.ingest import JQuantsClient, ingest_history
from tosho.observability import metrics
from tosho.observability.progress import Progress
from tosho.steps.gates import FeatureJudge, judge_data, settle
from tosho.storage import Lake

JUDGED = "features.judged"


def ingest(first: date, last: date, settings: Settings) -> dict[str, Any]:
    """Take the tables of a range in; sessions that are there already are left alone."""
    lake = Lake.of(settings)
    with metrics.stage(settings.metrics, "history"), JQuantsClient(settings.jquants) as client:
        tables = ingest_history(first, last, lake, client, Progress("sessions ingested"))
    rows = sum(lake.manifest("bars", session).rows for session in lake.sessions("bars", first, last))
    return {"first": first.isoformat(), "last": last.isoformat(), "rows": rows, "tables": tables}


def check_data(first: date, last: date, settings: Settings) -> dict[str, Any]:
    """Judge every session of a range and name those that fail a gate; stop the run if they are many.

    Raises:
        GateFailedError: Too many sessions failed.
    """
    lake = Lake.of(settings)
    return _judged(first, last, lambda session: judge_data(lake, session))


def check_features(first: date, last: date, settings: Settings) -> dict[str, Any]:
    """Judge the features of every session of a range and name those that fail a gate; stop the run if they are many.

    Where the lake begins, most windows are not full yet, and that is no defect: those sessions are counted apart.

    Raises:
        GateFailedError: Too many sessions failed.
    """
    lake = Lake.of(settings)
    judge = FeatureJudge(lake, plan(feature_set(str(lake.manifest("features", last).facts["feature_set"]))))
    judge.read_history(known for known in lake.sessions("bars") if known < first)
    warming_up = 0
    warm = False

    def verdicts(session: date) -> list[quality.Verdict]:
        nonlocal warming_up, warm
        found = judge.judge(session)
        warm = warm or all(verdict.passed for verdict in found if verdict.gate == JUDGED)
        warming_up += not warm
        return found if warm else [verdict for verdict in found if verdict.gate != JUDGED]

    return {**_judged(first, last, verdicts), "warming_up": warming_up}


def _judged(first: date, last: date, judge: Callable[[date], list[quality.Verdict]]) -> dict[str, Any]:
    progress, asked = Progress("sessions judged"), sessions(first, last)
    found: dict[date, list[quality.Verdict]] = {}
    for done, session in enumerate(asked, 1):
        found[session] = judge(session)
        progress(session.isoformat(), done, len(asked))
    return {"sessions": len(asked), "gates": sum(map(len, found.values())), "defects": settle(found)}
