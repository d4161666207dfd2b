"""What a run's findings are worth, and whether its model takes the champion's place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from tosho.calendar import offset
from tosho.contracts import HORIZONS
from tosho.dataset.samples import Columns, Samples
from tosho.dataset.splits import WalkForward
from tosho.evaluation.attainable import attainable
from tosho.evaluation.candidate_files import DAILY
from tosho.evaluation.ic import DailyIC, daily_ic
from tosho.evaluation.promotion import Champion, Decision, decide
from tosho.evaluation.sharpe import Trials
from tosho.features.sets import UnknownFeatureSetError, feature_set
from tosho.models.bundle import BundleError
from tosho.models.registry import CHAMPION, KNEW, Registry
from tosho.models.walk import predicted
from tosho.observability.log import logger
from tosho.quality import after_labels, stopping
from tosho.steps import approval
from tosho.steps.coverage import HeldOut, judge_coverage
from tosho.steps.findings import Findings
from tosho.steps.measures import Measures, measure
from tosho.steps.preparation import Prepared
from tosho.steps.request import Request
from tosho.storage import Lake

log = logger(__name__)

TRIED = "tried"
"""Tag of a version: how many settings its own were chosen from."""


@dataclass(frozen=True)
class Judgement:
    """A run's worth.

    Args:
        notes: By what intervals are told apart, and whether they hold.
        measures: What the scores are worth.
        earned: What the figures alone decide.
        decision: Whether the model is promoted, here and now, and why.
        bound: The attainable rank IC by horizon, where a synthetic market's truth is known.
    """

    notes: tuple[str, ...]
    measures: Measures
    earned: Decision
    decision: Decision
    bound: Mapping[int, float]


def judge(lake: Lake, registry: Registry, request: Request, data: Prepared, found: Findings) -> Judgement:
    """Return what the findings are worth beside the champion and all that was tried before; the log says it, too."""
    result, samples = found.result, data.samples
    notes = _of_intervals(lake, samples.sessions[-1], found)
    measures = measure(lake, result, request.trading, _trials(registry, request.tried))
    champion = _champion(registry, samples)
    earned = decide(result.daily, result.tests, champion, found.bundle.knew, _uncovered(found.held))
    decision = approval.held(earned) if request.decides == "person" else earned
    for sentence in (*notes, *decision.reasons):
        log.info("%s", sentence)
    bound = attainable(request.truth, result.tested) if request.truth else {}
    return Judgement(notes, measures, earned, decision, bound)


def _of_intervals(lake: Lake, last: date, found: Findings) -> tuple[str, ...]:
    """Return in sentences by what intervals are told apart, and whether they hold: held out, and of what was served."""
    bundle, held = found.bundle, found.held
    told = [bundle.intervals.told_apart(bundle.columns)] if bundle.intervals else []
    told += [str(verdict) for verdict in after_labels(held.frame())] if held else ["Their coverage was not measured."]
    return (*told, *(f"Of the predictions that were served: {verdict}" for verdict in judge_coverage(lake, last)))


def _uncovered(held: HeldOut | None) -> tuple[str, ...]:
    return tuple(str(verdict) for verdict in stopping(after_labels(held.frame()))) if held else ()


def _champion(registry: Registry, samples: Samples) -> Champion | None:
    """Return the champion's out-of-sample series: that of its own folds, and its own scores on what came later."""
    found = registry.find(CHAMPION)
    if found is None:
        return None
    daily = DailyIC.of_parquet(registry.artefact(found, DAILY))
    try:
        bundle = registry.bundle(found)
        retired = _retirement(bundle.columns)
    except BundleError as error:
        knew = found.knew if KNEW in found.tags else date.min  # a version from before this was recorded
        return Champion(found.version, daily, knew, f"the champion cannot be used any more. {error}")
    later = [s for s in samples.sessions if s > offset(bundle.fitted[1], WalkForward().gap)]
    if not retired and later and bundle.columns == samples.columns:
        seen, scores = predicted(bundle.forecaster, samples, later[0], later[-1])
        daily = daily.then(daily_ic(scores, seen))
    return Champion(found.version, daily, found.knew, retired)


def _retirement(columns: Columns) -> str:
    try:
        number = feature_set(columns.feature_set).number
    except UnknownFeatureSetError:
        return f"the champion's feature set {columns.feature_set} no longer exists."
    if number != columns.number:
        return f"the champion's feature set {columns.feature_set} is number {columns.number}; it is now {number}."
    return ""


def _trials(registry: Registry, tried: int) -> Trials:
    """Count what could have been shown instead: every horizon of all settings tried, now and for earlier versions."""
    earlier = (version for name in registry.names() for version in replace(registry, name=name).versions())
    return Trials((tried + sum(int(version.tags.get(TRIED, "1")) for version in earlier)) * len(HORIZONS))
