"""The steps of `daily_predictions`, each a plain function of session and settings that can be run again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from tosho import quality
from tosho.calendar import sessions
from tosho.config import Settings
from tosho.features.plan import plan
from tosho.features.reach import demand_filled, demand_reach
from tosho.features.sets import feature_set
from tosho.ingest import JQuantsClient, LastProbe, admitted_lately, ingest_session
from tosho.observability import metrics
from tosho.observability.log import logger
from tosho.predictions import open_store
from tosho.steps.gates import FeatureJudge, judge_data, judge_later, judge_predictions, report_data
from tosho.steps.leaks import judge_leaks
from tosho.steps.rederive import report_later
from tosho.storage import Lake

_log = logger(__name__)
GAP_AT_MOST = 20
"""Sessions that a daily run takes in beside its own; a longer gap is a job for `history`."""


class GapTooLongError(ValueError):
    """Too many sessions are missing before the one asked for."""


def ingest(session: date, settings: Settings, codes: Sequence[str] = ()) -> dict[str, Any]:
    """Take a session's tables in; with `codes`, fetch only these again and leave the others' rows as they are.

    Sessions that are missing between the newest one before and this one are taken in too: a run may be the first after
    some days without, or one of a backfill whose runs go side by side. `stale` tells of the later sessions whose
    features were made from what has changed now; a repair, which is a run for a session or codes of its parameters,
    builds them again after its own.

    At the start it is said which tables the key fills: what it was told within the week, or by asking.

    Raises:
        PlanTooSmallError: The declared plan, or the key, does not fill the tables of the settings' feature set, or the
            key not what every session has.
        KeyRefusedError: The key is not accepted.
        GapTooLongError: More than GAP_AT_MOST of them are missing.
    """
    wanted, plan_name = feature_set(settings.feature_set), settings.jquants.plan
    demand_reach(wanted, plan_name)  # before an hour's work, not after
    lake, last_probe = Lake.of(settings), LastProbe(settings.home)
    with metrics.stage(settings.metrics, "ingest"), JQuantsClient(settings.jquants, home=settings.home) as client:
        filled = admitted_lately(client, last_probe)
        demand_filled(wanted, filled, plan_name)
        for missing in gap(lake, session):
            _log.info("session %s was missing: %s", missing, ingest_session(missing, lake, client))
        tables = ingest_session(session, lake, client, list(codes) or None)
    if any("skipped" in tables[table] for table in filled if table in tables):
        last_probe.forget()  # the key fills less than it did: the next run asks
    for name, table in tables.items():
        _log.info("%s of %s: %s", name, session, table)
        metrics.count(settings.metrics, metrics.ROWS, table.get("rows", 0), table=name)
    stale = report_later(lake, session)
    return {"session": session.isoformat(), "rows": tables["bars"]["rows"], "tables": tables, "stale": stale}


def gap(lake: Lake, session: date) -> list[date]:
    """Return the sessions before a session that the lake lacks, since the newest one that it has.

    Raises:
        GapTooLongError: There are too many.
    """
    before = [known for known in lake.sessions("bars", last=session) if known < session]
    missing = sessions(before[-1], session)[1:-1] if before else []
    if len(missing) > GAP_AT_MOST:
        raise GapTooLongError(
            f"The lake has no session from {missing[0]} to {missing[-1]}: {len(missing)} are missing before {session}, "
            f"the bound is {GAP_AT_MOST}. Run the Dag `history` for that range first."
        )
    return missing


def check_data(session: date, settings: Settings) -> dict[str, Any]:
    """Stop the run unless the session's data passes every gate that stops one; `report` is a page that shows all.

    Raises:
        GateFailedError: The first gate that failed, with its value and bound.
    """
    lake = Lake.of(settings)
    verdicts = judge_data(lake, session)
    report = report_data(lake, session, verdicts)  # first: it is needed most when the run stops
    return {**_enforce(verdicts, session, settings), "report": report}


def check_features(session: date, settings: Settings, *, later: bool = False) -> dict[str, Any]:
    """Stop the run unless the session's features pass every gate.

    Args:
        session: The run's own.
        settings: The installation.
        later: Whether to judge and name the sessions after it, too: a repair built again those that depend on it.

    Raises:
        GateFailedError: The first gate that failed, with its value and bound.
    """
    lake = Lake.of(settings)
    passes = plan(feature_set(str(lake.manifest("features", session).facts["feature_set"])))
    judge = FeatureJudge(lake, passes)
    earlier = [known for known in lake.sessions("bars", last=session) if known < session]
    judge.read_history(earlier[-passes.rows_before :])
    judged = _enforce([*judge.judge(session), *judge_leaks(lake, session, passes)], session, settings)
    return {**judged, **(judge_later(judge, session) if later else {})}


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
