"""A training run: label, split, fit, test out of sample, and register the model with the reasons for its rank."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from tosho.calendar import offset
from tosho.config import Settings
from tosho.contracts import HORIZONS
from tosho.dataset.assemble import assemble, fingerprint
from tosho.dataset.combinatorial import Combinatorial
from tosho.dataset.labels import REACH, label_sessions
from tosho.dataset.samples import Columns, Samples
from tosho.dataset.splits import Fold, WalkForward
from tosho.evaluation import comparison_report, report
from tosho.evaluation.attainable import attainable, demand_truth
from tosho.evaluation.book import Trading
from tosho.evaluation.candidate_files import DAILY, to_files
from tosho.evaluation.comparison import Candidate, Comparison
from tosho.evaluation.ic import DailyIC, daily_ic, estimate
from tosho.evaluation.portfolio import quantile_returns, slope
from tosho.evaluation.promotion import Champion, Decision, decide
from tosho.evaluation.sharpe import Trials
from tosho.evaluation.significance import SIGNIFICANT
from tosho.features.sets import UnknownFeatureSetError, feature_set
from tosho.models.base import Forecaster, Learner
from tosho.models.bundle import Bundle, BundleError
from tosho.models.lightgbm import LightGBM
from tosho.models.registry import CHAMPION, KNEW, LIGHTGBM, MADE_FROM, Registry, Run
from tosho.observability import metrics
from tosho.observability.log import logger
from tosho.observability.progress import Progress
from tosho.steps import final_check, trial
from tosho.steps.compare import OURS, compared
from tosho.steps.final_check import FinalCheck
from tosho.steps.fitted import audit
from tosho.steps.measures import Measures, measure
from tosho.steps.retraining import PAGE, PAGES, SUMMARY, digest_of, named, recall
from tosho.steps.trial import Trial
from tosho.storage import Lake

log = logger(__name__)

TRIED = "tried"
"""Tag of a version: how many settings its own were chosen from."""

_FULL = 0.5  # share of known values from which on a session is past its features' warm-up


class NothingToTrainOnError(LookupError):
    """The lake holds no session with both features and labels."""


@dataclass(frozen=True)
class _Prepared:
    samples: Samples
    plan: WalkForward
    folds: tuple[Fold, ...]
    notes: tuple[str, ...]


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

    Raises:
        NothingToTrainOnError: No session has both features and labels.
        TooShortError: There are too few of them for a fold, or for the final check; nothing was trained.
        ColumnsError: A session's features are not those of the set that is asked for.
        NoTruthError: `truth` has no `truth.json`; nothing was trained.
    """
    began = time.monotonic()
    if truth:
        demand_truth(truth)
    learner, lake, registry = learner or LightGBM(), Lake.of(settings), Registry(settings)
    data = _prepare(settings, lake, first, last, plan or WalkForward())
    trading = trading or Trading()
    splits = final.over(data.samples.sessions) if final else ()
    parameters = _parameters(learner, data, trading, tried, final)
    digest = fingerprint(lake, data.samples.sessions)
    made_from = digest_of(parameters, digest, truth)
    if known := recall(settings, registry, made_from):
        return known | {"seconds": round(time.monotonic() - began, 1)}
    progress = _Counter(Progress("train"), learner.parts * (len(data.folds) + 3 + len(splits)))
    result = trial.run(learner, data.samples, data.folds, progress)
    model = learner.refit(data.samples, result.models, progress)
    bundle = _bundle(model, data.samples, result)
    checked = final_check.check(learner, data.samples, final, progress) if final else None
    measures = measure(lake, result, trading, _trials(registry, tried))
    ours = Candidate(result.daily, measures.books, measures.groups)
    side_by_side = compared(registry, {OURS: ours}, *_title("Comparison", settings, data))
    decision = decide(result.daily, result.tests, _champion(registry, data.samples), bundle.knew)
    bound = attainable(truth, result.tested) if truth else {}
    for sentence in decision.reasons:
        log.info("%s", sentence)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle.save(folder / "bundle", data.samples)
        content = _content(settings, parameters, data, result, model, decision, bound, measures, checked)
        pages = _write(folder, content, ours, side_by_side)
        fitted = audit(result.parts, model, bundle.fitted)
        (folder / "fitted.json").write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")
        summary = _summary(decision, data, result, bound, checked)
        (folder / SUMMARY).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        metrics_found = _metrics(result, bound, time.monotonic() - began) | measures.metrics()
        if checked:
            metrics_found |= checked.metrics()
        tags = _tags(data, decision, digest, made_from) | {TRIED: str(tried)}
        registered = registry.record(Run(parameters, metrics_found, tags, folder))
    if decision.promoted:
        registry.promote(registered)
    metrics.count(settings.metrics, metrics.ROWS, data.samples.rows, table="training")
    seconds = round(time.monotonic() - began, 1)
    return summary | named(settings, registered, pages) | {"is_new": True, "seconds": seconds}


class _Counter:
    """Turns a learner's sentences into progress of a known length."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._done, self._total = progress, 0, total

    def __call__(self, what: str) -> None:
        self._done += 1
        log.info("%s", what)
        self._progress(what, self._done, max(self._total, self._done))


def _prepare(settings: Settings, lake: Lake, first: date, last: date, plan: WalkForward) -> _Prepared:
    asked = feature_set(settings.feature_set)
    columns = Columns(asked.name, asked.number, asked.names)
    labelled = label_sessions(lake, first, last)
    with_features = set(lake.sessions("features", first, last))
    sessions = [s for s in labelled if s in with_features]
    if not sessions:
        raise NothingToTrainOnError(
            f"From {first} to {last}, {len(labelled)} sessions have labels and {len(with_features)} have features; "
            "none has both. Take in the history and compute its features first."
        )
    samples = _past_warm_up(assemble(lake, columns, sessions))
    fitted = plan.fitted(len(samples.sessions))
    folds = fitted.folds(samples.sessions)
    notes = _notes(samples, sessions, labelled, plan, fitted)
    for sentence in (*notes, *map(str, folds)):
        log.info("%s", sentence)
    return _Prepared(samples, fitted, folds, notes)


def _past_warm_up(samples: Samples) -> Samples:
    """Return the sessions from the first on in which half of the values are known, of the features that ever are."""
    unseen = set(samples.unseen())
    ever = [i for i, name in enumerate(samples.columns.names) if name not in unseen]
    for i, session in enumerate(samples.sessions):
        rows = slice(int(samples.bounds[i]), int(samples.bounds[i + 1]))
        if ever and np.isfinite(samples.features[rows][:, ever]).mean() >= _FULL:
            return samples.between(session, samples.sessions[-1])
    raise NothingToTrainOnError(
        f"In none of the {len(samples.sessions)} sessions from {samples.sessions[0]} are half of the features known. "
        "Take in a longer history, so that the features' windows can fill."
    )


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


def _bundle(final: Forecaster, samples: Samples, result: Trial) -> Bundle:
    columns = enumerate(HORIZONS)
    slopes = [slope(result.scores[:, i], result.tested.returns[:, i], result.tested.bounds) for i, _ in columns]
    unproven = tuple(r.horizon for r in result.results if not r.t >= SIGNIFICANT)
    fitted = samples.sessions[0], samples.sessions[-1]
    return Bundle(LIGHTGBM, final, fitted, _knew(samples), tuple(slopes), unproven)


def _knew(samples: Samples) -> date:
    """Return the last session whose data is in the samples: where their last label ends."""
    return offset(samples.sessions[-1], REACH)


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
        seen = samples.between(later[0], later[-1])
        daily = daily.then(daily_ic(bundle.predict(seen), seen))
    return Champion(found.version, daily, found.knew, retired)


def _retirement(columns: Columns) -> str:
    try:
        number = feature_set(columns.feature_set).number
    except UnknownFeatureSetError:
        return f"the champion's feature set {columns.feature_set} no longer exists."
    if number != columns.number:
        return f"the champion's feature set {columns.feature_set} is number {columns.number}; it is now {number}."
    return ""


def _content(  # noqa: PLR0913 - a report shows all of these
    settings: Settings,
    parameters: Mapping[str, object],
    data: _Prepared,
    result: Trial,
    final: Forecaster,
    decision: Decision,
    bound: Mapping[int, float],
    measures: Measures,
    checked: FinalCheck | None,
) -> report.Content:
    tested = result.tested
    title, subtitle = _title("Training", settings, data)
    return report.Content(
        title=title,
        subtitle=subtitle,
        decision=decision,
        daily=result.daily,
        folds=result.by_fold(),
        quantiles={
            h: quantile_returns(result.scores[:, i], tested.returns[:, i], tested.bounds)
            for i, h in enumerate(HORIZONS)
        },
        books=measures.books,
        groups=measures.groups,
        tests=result.tests,
        importance=final.importance(),
        settings=parameters,
        notes=(*data.notes, *measures.notes, *([str(checked)] if checked else [])),
        attainable=bound,
        paths=checked.paths if checked else (),
    )


def _title(what: str, settings: Settings, data: _Prepared) -> tuple[str, str]:
    samples = data.samples
    return (
        f"{what} of {LIGHTGBM}, {samples.sessions[0]} to {samples.sessions[-1]}",
        (
            f"{samples.rows:,} rows of {len(samples.sessions)} sessions, feature set {settings.feature_set} "
            f"{samples.columns.number} with {len(samples.columns.names)} features. All figures are out of sample."
        ),
    )


def _write(folder: Path, content: report.Content, ours: Candidate, side_by_side: Comparison | None) -> dict[str, str]:
    """Write a run's artefacts but for its bundle, and return the pages among them."""
    (folder / PAGE).write_text(report.render(content), encoding="utf-8")
    if side_by_side:
        comparison_report.write(folder, side_by_side)
    for name, data in to_files(ours).items():
        (folder / name).write_bytes(data)
    decision = asdict(content.decision) | {"tests": [asdict(test) for test in content.tests]}
    (folder / "decision.json").write_text(json.dumps(decision, indent=1) + "\n", encoding="utf-8")
    (folder / "folds.txt").write_text("\n".join(str(fold) for fold, _ in content.folds) + "\n", encoding="utf-8")
    (folder / "importance.json").write_text(json.dumps(dict(content.importance), indent=1) + "\n", encoding="utf-8")
    return {page: (folder / page).read_text(encoding="utf-8") for page in PAGES.values() if (folder / page).exists()}


def _trials(registry: Registry, tried: int) -> Trials:
    """Count what could have been shown instead: every horizon of all settings tried, now and for earlier versions."""
    earlier = (version for name in registry.names() for version in replace(registry, name=name).versions())
    return Trials((tried + sum(int(version.tags.get(TRIED, "1")) for version in earlier)) * len(HORIZONS))


def _parameters(
    learner: Learner, data: _Prepared, trading: Trading, tried: int, final: Combinatorial | None
) -> dict[str, object]:
    samples = data.samples
    return {
        "model": learner.kind,
        **learner.settings(),
        **{f"split_{name}": value for name, value in asdict(data.plan).items()},
        **{f"trading_{name}": value for name, value in asdict(trading).items()},
        "tried": tried,
        **({f"final_{name}": value for name, value in asdict(final).items()} if final else {"final": "none"}),
        "feature_set": samples.columns.feature_set,
        "feature_set_number": samples.columns.number,
        "features": len(samples.columns.names),
        "first_session": samples.sessions[0],
        "last_session": samples.sessions[-1],
        "sessions": len(samples.sessions),
        "rows": samples.rows,
    }


def _metrics(result: Trial, bound: Mapping[int, float], seconds: float) -> dict[str, float]:
    overall = estimate(result.daily)
    found = {"rank_ic_overall": overall.mean, "t_overall": overall.t, "seconds": seconds}
    for r in result.results:
        found |= {f"{name}_h{r.horizon:02d}": getattr(r, name) for name in ("rank_ic", "t", "ic", "icir", "hit_rate")}
    for fold, results in result.by_fold():
        found |= {f"fold_{fold.number}_rank_ic_h{r.horizon:02d}": r.rank_ic for r in results}
    return found | {f"attainable_h{h:02d}": value for h, value in bound.items()}


def _tags(data: _Prepared, decision: Decision, digest: str, made_from: str) -> dict[str, str]:
    return {
        "name": f"{LIGHTGBM} {data.samples.sessions[-1]}",
        "reasons": json.dumps(decision.reasons),
        "folds": "\n".join(map(str, data.folds)),
        "data_sha256": digest,
        MADE_FROM: made_from,
        "feature_set": f"{data.samples.columns.feature_set}-{data.samples.columns.number}",
    }


def _summary(
    decision: Decision, data: _Prepared, result: Trial, bound: Mapping[int, float], checked: FinalCheck | None
) -> dict[str, object]:
    return {
        "promoted": decision.promoted,
        "reasons": list(decision.reasons),
        "rank_ic": {
            str(r.horizon): {
                "rank_ic": round(r.rank_ic, 5),
                "t": round(r.t, 2),
                "icir": round(r.icir, 3),
                "sessions": r.sessions,
                **({"attainable": round(bound[r.horizon], 5)} if bound else {}),
            }
            for r in result.results
        },
        "tests": {test.name: test.sentence for test in result.tests},
        **({"final_check": str(checked)} if checked else {}),
        "folds": [str(fold) for fold in data.folds],
        "notes": list(data.notes),
        "sessions": len(data.samples.sessions),
        "rows": data.samples.rows,
        "known_until": data.samples.sessions[-1].isoformat(),
        "knew": _knew(data.samples).isoformat(),
    }
