"""The steps of `daily_predictions`, each a plain function of session and settings that can be run again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from tosho import quality
from tosho.config import Settings
from tosho.features.plan import plan
from tosho.features.sets import feature_set
from tosho.ingest import JQuantsClient, ingest_session
from tosho.observability import metrics
from tosho.observability.log import logger
from tosho.predictions import open_store
from tosho.steps.gates import FeatureJudge, judge_data, judge_predictions
from tosho.storage import Lake

_log = logger(__name__)


def ingest(session: date, settings: Settings, codes: Sequence[str] = ()) -> dict[str, Any]:
    """Take a session's tables in; with `codes`, fetch only these again and leave the others' rows as they are."""
    with metrics.stage(settings.metrics, "ingest"), JQuantsClient(settings.jquants) as client:
        tables = ingest_session(session, Lake.of(settings), client, list(codes) or None)
    for name, table in tables.items():
        _log.info("%s of %s: %s", name, session, table)
        metrics.count(settings.metrics, metrics.ROWS, table.get("rows", 0), table=name)
    return {"session": session.isoformat(), "rows": tables["bars"]["rows"], "tables": tables}


def check_data(session: date, settings: Settings) -> dict[str, Any]:
    """Stop the run unless the session's data passes every gate.

    Raises:
        GateFailedError: The first gate that failed, with its value and bound.
    """
    return _enforce(judge_data(Lake.of(settings), session), session, settings)


def check_features(session: date, settings: Settings) -> dict[str, Any]:
    """Stop the run unless the session's features pass every gate.

    Raises:
        GateFailedError: The first gate that failed, with its value and bound.
    """
    lake = Lake.of(settings)
    passes = plan(feature_set(str(lake.manifest("features", session).facts["feature_set"])))
    judge = FeatureJudge(lake, passes)
    earlier = [known for known in lake.sessions("bars", last=session) if known < session]
    judge.read_history(earlier[-passes.rows_before :])
    return _enforce(judge.judge(session), session, settings)


def load(session: date, settings: Settings) -> dict[str, Any]:
    """Put the session's predictions into the store, if they pass every gate, and count them back.

    Raises:
        GateFailedError: The first gate that failed; the store keeps what it had.
    """
    lake = Lake.of(settings)
    predictions = lake.read("predictions", session)
    judged = _enforce(judge_predictions(lake, session, predictions), session, settings)
    with metrics.stage(settings.metrics, "load"):
        report = open_store(settings.store).load(session, predictions)
    _log.info("%s", report)
    return {**judged, "rows": report.rows, "fingerprint": str(report.fingerprint), "state": report.state}


def _enforce(verdicts: list[quality.Verdict], session: date, settings: Settings) -> dict[str, Any]:
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if failed:
        metrics.count(settings.metrics, metrics.GATE_FAILED, len(failed))
    quality.enforce(verdicts)
    return {"session": session.isoformat(), "gates": len(verdicts)}
