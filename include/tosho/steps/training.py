"""A training run: label, split, fit, test out of sample, and register the model with the reasons for its rank."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

from tosho.calendar import offset
from tosho.config import Settings
from tosho.contracts import HORIZONS
from tosho.dataset.assemble import fingerprint, with_static
from tosho.dataset.combinatorial import Combinatorial
from tosho.dataset.cross_section import Float64s
from tosho.dataset.samples import Columns, Samples
from tosho.dataset.splits import WalkForward
from tosho.evaluation.attainable import attainable, demand_truth
from tosho.evaluation.book import Trading
from tosho.evaluation.candidate_files import DAILY
from tosho.evaluation.ic import DailyIC, daily_ic
from tosho.evaluation.portfolio import slope
from tosho.evaluation.promotion import Champion, decide
from tosho.evaluation.sharpe import Trials
from tosho.evaluation.significance import SIGNIFICANT
from tosho.features.sets import UnknownFeatureSetError, feature_set
from tosho.models.base import Forecaster, Learner
from tosho.models.bundle import Bundle, BundleError
from tosho.models.conformal import Mondrian, TooFewToCalibrateError
from tosho.models.kinds import sees_listings
from tosho.models.lightgbm import LightGBM
from tosho.models.registry import CHAMPION, KNEW, Decides, Registry, Run, name_of
from tosho.models.walk import predicted
from tosho.observability import metrics
from tosho.observability.log import logger
from tosho.observability.progress import Progress
from tosho.quality import Verdict, after_labels, stopping
from tosho.steps import ablations, approval, final_check, trial
from tosho.steps.compare import OURS, compared, members
from tosho.steps.coverage import HeldOut, held_out, judge_coverage
from tosho.steps.measures import measure
from tosho.steps.outcome import TRIED, Outcome, titled
from tosho.steps.preparation import Prepared, prepare
from tosho.steps.retraining import digest_of, named, recall
from tosho.steps.trial import Trial
from tosho.storage import Lake

log = logger(__name__)


def train(  # noqa: PLR0913 - what differs between a demo, a Dag and a test
    settings: Settings,
    first: date,
    last: date,
    *,
    truth: Path | None = None,
    learner: Learner | None = None,
    plan: WalkForward | None = None,
    trading: Trading | None = None,
    tried: int = 1,
    final: Combinatorial | None = None,
    ablate: Sequence[str] = (),
    decides: Decides = "figures",
) -> dict[str, object]:
    """Train on the sessions of a range, register the model, and return the run in short.

    What is used was known at the close of `last`: the newest labels are those of 21 sessions before. The same data
    and settings again (a retry, a backfill) register nothing: the version that they made is returned.

    Args:
        settings: The installation.
        first: First session of the range.
        last: Last one.
        truth: A synthetic market's folder, whose attainable rank IC is then shown beside the one found.
        learner: How to fit; LightGBM as it comes.
        plan: How to split; shrunk where the history is short.
        trading: What trading costs in the report.
        tried: Settings among which these were chosen, if they were tuned; the deflated Sharpe ratio allows for them.
        final: Splits of a final check, which fits a model on each of them; without, there is none.
        ablate: Blocks of the model; without each of them it walks the same folds once more, to see what it adds.
        decides: Who promotes a model that earned it: its figures do, here and now, or a person later on.

    Raises:
        NoSuchBlockError: The model has no such block; nothing was trained.
        NotLeftOutError: A model without a block scored as the whole one does; nothing was registered.
        NothingToTrainOnError: No session has both features and labels.
        TooShortError: There are too few of them for a fold, or for the final check; nothing was trained.
        ColumnsError: A session's features are not those of the set that is asked for.
        NoTruthError: `truth` has no `truth.json`; nothing was trained.
    """
    began = time.monotonic()
    if truth:
        demand_truth(truth)
    learner, lake = learner or LightGBM(), Lake.of(settings)
    less = ablations.without(learner, ablate)
    registry, trading = Registry(settings, name_of(learner.kind)), trading or Trading()
    data = prepare(settings, lake, first, last, plan or WalkForward())
    if sees_listings(learner.kind):
        data = replace(data, samples=with_static(lake, data.samples))
    splits = final.over(data.samples.sessions) if final else ()
    parameters = _parameters(learner, data, trading, tried, final) | ({"ablations": ", ".join(less)} if less else {})
    digest = fingerprint(lake, data.samples.sessions, data.samples.static)
    made_from = digest_of(parameters, digest, truth)
    if known := recall(settings, registry, made_from, decides):
        return known | {"seconds": round(time.monotonic() - began, 1)}
    parts = learner.parts * (len(data.folds) + 3 + len(splits)) + ablations.parts(less, data.folds)
    progress = _Counter(Progress("train"), parts)
    result = trial.run(learner, data.samples, data.folds, progress)
    model = learner.refit(data.samples, result.models, progress)
    bundle = _bundle(model, data, result)
    checked = final_check.check(learner, data.samples, final, progress) if final else None
    ablated = ablations.run(less, data.samples, result, progress) if less else None
    held = _held_out(data.samples, result)
    data = replace(data, notes=(*data.notes, *_coverage(bundle, held, judge_coverage(lake, data.samples.sessions[-1]))))
    trials = _trials(registry, tried)
    measures = measure(lake, result, trading, trials)
    champion = _champion(registry, data.samples)
    earned = decide(result.daily, result.tests, champion, bundle.knew, _uncovered(held))
    decision = approval.held(earned) if decides == "person" else earned
    for sentence in decision.reasons:
        log.info("%s", sentence)
    bound = attainable(truth, result.tested) if truth else {}
    outcome = Outcome(
        registry.name, parameters, data, result, model, decision, bound, measures, held, checked, ablated, earned
    )
    within = {kind: measure(lake, each, trading, trials).of(each) for kind, each in members(data.samples, result)}
    candidates = {**within, OURS: measures.of(result)}
    titles = titled("Comparison", registry.name, data)
    side_by_side = compared(registry, candidates, *titles, ablated.without if ablated else None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages = outcome.write(folder, side_by_side)
        bundle.save(folder / "bundle", data.samples)
        figures = outcome.metrics(time.monotonic() - began)
        registered = registry.record(Run(parameters, figures, outcome.tags(digest, made_from), folder))
    if decision.promoted:
        registry.promote(registered)
    metrics.count(settings.metrics, metrics.ROWS, data.samples.rows, table="training")
    seconds = round(time.monotonic() - began, 1)
    return outcome.summary() | named(settings, registered, pages) | {"is_new": True, "seconds": seconds}


class _Counter:
    """Turns a learner's sentences into progress of a known length."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._done, self._total = progress, 0, total

    def __call__(self, what: str) -> None:
        self._done += 1
        log.info("%s", what)
        self._progress(what, self._done, max(self._total, self._done))


def _bundle(model: Forecaster, data: Prepared, result: Trial) -> Bundle:
    samples = data.samples
    slopes = _slopes(result.tested, result.scores)
    intervals = Mondrian().calibrate(samples, result.parts, slopes)
    unproven = tuple(r.horizon for r in result.results if not r.t >= SIGNIFICANT)
    fitted = samples.sessions[0], samples.sessions[-1]
    return Bundle(name_of(model.kind), model, fitted, data.knew, slopes, unproven, intervals)


def _held_out(samples: Samples, result: Trial) -> HeldOut | None:
    """Return forecasts of sessions that calibration did not see; None where there are too few, and the log says so."""
    try:
        return held_out(Mondrian(), samples, result.parts, _slopes)
    except TooFewToCalibrateError as error:
        log.warning("The intervals' coverage was not measured. %s", error)
        return None


def _coverage(bundle: Bundle, held: HeldOut | None, served: Sequence[Verdict]) -> tuple[str, ...]:
    """Return in sentences by what intervals are told apart, and whether they hold: held out, and of what was served."""
    told = [bundle.intervals.told_apart(bundle.columns)] if bundle.intervals else []
    told += [str(verdict) for verdict in after_labels(held.frame())] if held else ["Their coverage was not measured."]
    told += [f"Of the predictions that were served: {verdict}" for verdict in served]
    for sentence in told:
        log.info("%s", sentence)
    return tuple(told)


def _uncovered(held: HeldOut | None) -> tuple[str, ...]:
    return tuple(str(verdict) for verdict in stopping(after_labels(held.frame()))) if held else ()


def _slopes(tested: Samples, scores: Float64s) -> tuple[float, ...]:
    return tuple(slope(scores[:, i], tested.returns[:, i], tested.bounds) for i in range(len(HORIZONS)))


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


def _parameters(
    learner: Learner, data: Prepared, trading: Trading, tried: int, final: Combinatorial | None
) -> dict[str, object]:
    samples = data.samples
    return {
        "model": learner.kind,
        **learner.settings(),
        **{f"split_{name}": value for name, value in asdict(data.plan).items()},
        **{f"trading_{name}": value for name, value in asdict(trading).items()},
        "tried": tried,
        **({f"final_{name}": value for name, value in asdict(final).items()} if final else {"final": "none"}),
        **{f"conformal_{name}": value for name, value in asdict(Mondrian()).items()},
        "feature_set": samples.columns.feature_set,
        "feature_set_number": samples.columns.number,
        "features": len(samples.columns.names),
        "first_session": samples.sessions[0],
        "last_session": samples.sessions[-1],
        "sessions": len(samples.sessions),
        "rows": samples.rows,
    }
