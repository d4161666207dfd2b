"""A training run: prepare, recall, fit and test, judge, write, register."""

from __future__ import annotations

import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Unpack

from tosho.config import Settings
from tosho.evaluation.comparison import Comparison
from tosho.models.registry import Registry, Run, name_of
from tosho.observability import metrics
from tosho.steps.beginning import begin
from tosho.steps.compare import OURS, compared, members
from tosho.steps.findings import fit_and_test
from tosho.steps.judgement import judge
from tosho.steps.measures import measure
from tosho.steps.outcome import Outcome, titled
from tosho.steps.request import Options, Request
from tosho.steps.retraining import named, recall
from tosho.storage import Lake


def train(settings: Settings, first: date, last: date, **options: Unpack[Options]) -> dict[str, object]:
    """Train on the sessions of a range, register the model, and return the run in short.

    What is used was known at the close of `last`: the newest labels are those of 21 sessions before. The same data
    and settings again (a retry, a backfill) register nothing: the version that they made is returned. Folds that are
    finished, by `steps.folds.fit` or by a run of the same that was killed, are not fitted again; a network that was
    killed in one goes on from its checkpoint.

    Args:
        settings: The installation.
        first: First session of the range.
        last: Last one.
        **options: How the run differs from the plainest; see `Options`.

    Raises:
        NoSuchBlockError: The model has no such block; nothing was trained.
        NotLeftOutError: A model without a block scored as the whole one does; nothing was registered.
        NothingToTrainOnError: No session has both features and labels.
        TooShortError: There are too few of them for a fold, or for the final check; nothing was trained.
        ColumnsError: A session's features are not those of the set that is asked for.
        NoTruthError: `truth` has no `truth.json`; nothing was trained.
        PanelMissingError: There is no such dataset; nothing was trained.
        OtherDataError: The dataset is of other data; nothing was trained.
        CollapsedError: A network's watchdog found that its scores have become a constant; nothing was registered.
        CheckpointError: A network's checkpoint cannot be read.
    """
    began, request = time.monotonic(), Request.of(options)
    registry = Registry(settings, name_of(request.learner.kind))
    run = begin(settings, first, last, request)
    if not (done := recall(settings, registry, run.origin, request.decides)):
        found = fit_and_test(run.request, run.data, run.shelf)
        judged = judge(run.lake, registry, request, run.data, found)
        outcome = Outcome(registry.name, run.origin, run.data, found, judged)
        done = _registered(settings, registry, outcome, _compared(run.lake, registry, outcome), began)
    run.shelf.sweep()
    return done | {"seconds": round(time.monotonic() - began, 1)}


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
