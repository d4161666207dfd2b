"""The steps of `history`: the same work as of an evening, for a range of sessions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from tosho import quality
from tosho.calendar import sessions
from tosho.config import Settings
from tosho.features.plan import plan
from tosho.features.reach import demand_filled, demand_reach
from tosho.features.sets import feature_set
from tosho.ingest import JQuantsClient, LastProbe, admitted, ingest_history
from tosho.observability import metrics
from tosho.observability.progress import Progress
from tosho.steps.gates import FeatureJudge, report_data, settle
from tosho.storage import Lake

JUDGED = "features.judged"
REPORTS_AT_MOST = 20
"""Defective sessions of a range whose page is written: each takes as long as judging ten sessions."""


def ingest(first: date, last: date, settings: Settings) -> dict[str, Any]:
    """Take the tables of a range in; sessions that are there already are left alone.

    Raises:
        PlanTooSmallError: The declared plan, or the key, does not fill the tables of the settings' feature set, or the
            key not what every session has.
        KeyRefusedError: The key is not accepted.
    """
    wanted, plan_name = feature_set(settings.feature_set), settings.jquants.plan
    demand_reach(wanted, plan_name)
    lake = Lake.of(settings)
    with metrics.stage(settings.metrics, "history"), JQuantsClient(settings.jquants, home=settings.home) as client:
        filled = admitted(
            client, LastProbe(settings.home)
        )  # hours of work do not begin with a key that cannot end them
        demand_filled(wanted, filled, plan_name)
        tables = ingest_history(first, last, lake, client, Progress("sessions ingested"))
    rows = sum(lake.manifest("bars", session).rows for session in lake.sessions("bars", first, last))
    return {"first": first.isoformat(), "last": last.isoformat(), "rows": rows, "tables": tables}


def check_data(first: date, last: date, settings: Settings) -> dict[str, Any]:
    """Judge every session of a range and name those that fail a gate; stop the run if they are many.

    The last session and the defective ones have their page in the lake; `reports` says where.

    Raises:
        GateFailedError: Too many sessions failed.
    """
    lake = Lake.of(settings)
    judge, end = quality.DataJudge(lake), sessions(first, last)[-1]
    reports: dict[str, str] = {}

    def verdicts(session: date) -> list[quality.Verdict]:
        found = judge.judge(session)
        if session == end or (quality.stopping(found) and len(reports) < REPORTS_AT_MOST):
            reports[session.isoformat()] = report_data(lake, session, found, judge.ledger)
        return found

    return {**_judged(first, last, verdicts), "reports": reports}


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
    """Judge session after session. Of what is found only failures are held: years of verdicts would fill the memory."""
    progress, asked, gates = Progress("sessions judged"), sessions(first, last), 0
    failed: dict[date, list[quality.Verdict]] = {}
    for done, session in enumerate(asked, 1):
        found = judge(session)
        gates += len(found)
        failed[session] = [verdict for verdict in found if not verdict.passed]
        progress(session.isoformat(), done, len(asked))
    warnings = sum(not verdict.stops for verdicts in failed.values() for verdict in verdicts)
    return {"sessions": len(asked), "gates": gates, "warnings": warnings, "defects": settle(failed)}
