"""A training run: prepare, recall, fit and test, judge, write, register."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from tosho.config import Settings
from tosho.dataset.assemble import with_static
from tosho.dataset.combinatorial import Combinatorial
from tosho.dataset.splits import WalkForward
from tosho.evaluation.book import Trading
from tosho.evaluation.comparison import Comparison
from tosho.models.base import Learner
from tosho.models.kinds import sees_listings
from tosho.models.lightgbm import LightGBM
from tosho.models.registry import Decides, Registry, Run, name_of
from tosho.observability import metrics
from tosho.steps import ablations
from tosho.steps.compare import OURS, compared, members
from tosho.steps.findings import fit_and_test
from tosho.steps.judgement import judge
from tosho.steps.measures import measure
from tosho.steps.outcome import Outcome, titled
from tosho.steps.preparation import Prepared, prepare
from tosho.steps.request import Request
from tosho.steps.retraining import named, origin_of, recall
from tosho.storage import Lake


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
    began, lake, learner = time.monotonic(), Lake.of(settings), learner or LightGBM()
    less = ablations.without(learner, ablate)
    asked = Request(learner, plan or WalkForward(), trading or Trading(), tried, final, less, truth, decides)
    registry = Registry(settings, name_of(learner.kind))
    data = _prepared(settings, lake, first, last, asked)
    origin = origin_of(lake, asked, data)
    if not (done := recall(settings, registry, origin, decides)):
        found = fit_and_test(asked, data)
        outcome = Outcome(registry.name, origin, data, found, judge(lake, registry, asked, data, found))
        done = _registered(settings, registry, outcome, _compared(lake, registry, outcome), began)
    return done | {"seconds": round(time.monotonic() - began, 1)}


def _prepared(settings: Settings, lake: Lake, first: date, last: date, asked: Request) -> Prepared:
    data = prepare(settings, lake, first, last, asked.plan)
    return replace(data, samples=with_static(lake, data.samples)) if sees_listings(asked.learner.kind) else data


def _compared(lake: Lake, registry: Registry, outcome: Outcome) -> Comparison | None:
    """Return the run beside the registered models, with the members of an ensemble each for itself."""
    result, measures, ablated = outcome.found.result, outcome.judged.measures, outcome.found.ablated
    books = measures.books
    alone = members(outcome.data.samples, result)
    within = {kind: measure(lake, each, books.trading, books.trials).of(each) for kind, each in alone}
    titles = titled("Comparison", registry.name, outcome.data)
    return compared(registry, {**within, OURS: measures.of(result)}, *titles, ablated.without if ablated else None)


def _registered(
    settings: Settings, registry: Registry, outcome: Outcome, beside: Comparison | None, began: float
) -> dict[str, object]:
    """Write what the run leaves, register it, promote it where that was decided, and return the run in short."""
    samples = outcome.data.samples
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages = outcome.write(folder, beside)
        outcome.found.bundle.save(folder / "bundle", samples)
        figures = outcome.metrics(time.monotonic() - began)
        registered = registry.record(Run(outcome.origin.parameters, figures, outcome.tags(), folder))
    if outcome.judged.decision.promoted:
        registry.promote(registered)
    metrics.count(settings.metrics, metrics.ROWS, samples.rows, table="training")
    return outcome.summary() | named(settings, registered, pages) | {"is_new": True}
