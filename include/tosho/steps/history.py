"""The steps of `history`: the same work as of an evening, for a range of sessions."""

from __future__ import annotations

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
from tosho.steps.gates import FeatureJudge, judge_data
from tosho.storage import Lake


def ingest(first: date, last: date, settings: Settings) -> dict[str, Any]:
    """Take the tables of a range in; sessions that are there already are left alone."""
    lake = Lake.of(settings)
    with metrics.stage(settings.metrics, "history"), JQuantsClient(settings.jquants) as client:
        tables = ingest_history(first, last, lake, client, Progress("sessions ingested"))
    rows = sum(lake.manifest("bars", session).rows for session in lake.sessions("bars", first, last))
    return {"first": first.isoformat(), "last": last.isoformat(), "rows": rows, "tables": tables}


def check_data(first: date, last: date, settings: Settings) -> dict[str, Any]:
    """Judge every session of a range, then stop the run if any failed.

    Raises:
        GateFailedError: All sessions were judged; the message has the first failure and how many there were.
    """
    lake = Lake.of(settings)
    progress, asked = Progress("sessions judged"), sessions(first, last)
    verdicts: list[quality.Verdict] = []
    for done, session in enumerate(asked, 1):
        verdicts += judge_data(lake, session)
        progress(session.isoformat(), done, len(asked))
    quality.enforce(verdicts)
    return {"sessions": len(asked), "gates": len(verdicts)}


def check_features(first: date, last: date, settings: Settings) -> dict[str, Any]:
    """Judge the features of every session of a range, then stop the run if any failed.

    Raises:
        GateFailedError: All sessions were judged; the message has the first failure and how many there were.
    """
    lake = Lake.of(settings)
    passes = plan(feature_set(str(lake.manifest("features", last).facts["feature_set"])))
    judge = FeatureJudge(lake, passes)
    judge.read_history(known for known in lake.sessions("bars") if known < first)
    progress, asked = Progress("sessions judged"), sessions(first, last)
    verdicts: list[quality.Verdict] = []
    rows = 0
    for done, session in enumerate(asked, 1):
        verdicts += judge.judge(session)
        rows += lake.manifest("features", session).rows
        progress(session.isoformat(), done, len(asked))
    quality.enforce(verdicts)
    return {"sessions": len(asked), "gates": len(verdicts), "rows": rows}
