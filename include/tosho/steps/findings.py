"""What a run fits, and what that shows: models of the folds and the final one, checks that are asked for, intervals."""

from __future__ import annotations

from dataclasses import dataclass

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s
from tosho.dataset.samples import Samples
from tosho.evaluation.portfolio import slope
from tosho.evaluation.significance import SIGNIFICANT
from tosho.models.base import Forecaster
from tosho.models.bundle import Bundle
from tosho.models.conformal import Mondrian, TooFewToCalibrateError
from tosho.models.registry import name_of
from tosho.models.shelf import Shelf
from tosho.observability.log import logger
from tosho.observability.progress import Progress
from tosho.steps import ablations, final_check, trial
from tosho.steps.ablations import Ablations
from tosho.steps.counter import Counter
from tosho.steps.coverage import HeldOut, held_out
from tosho.steps.final_check import FinalCheck
from tosho.steps.preparation import Prepared
from tosho.steps.request import Request
from tosho.steps.trial import Trial

log = logger(__name__)


@dataclass(frozen=True)
class Findings:
    """What was fitted, and what it showed of sessions that it had not seen.

    Args:
        result: The folds' trial.
        bundle: The final model with all that scoring needs.
        checked: The final check, where one was asked for.
        ablated: What each block adds, where that was asked for.
        held: Forecasts of sessions that calibration did not see; None where there are too few.
    """

    result: Trial
    bundle: Bundle
    checked: FinalCheck | None
    ablated: Ablations | None
    held: HeldOut | None

    @property
    def model(self) -> Forecaster:
        """The final model."""
        return self.bundle.forecaster


def fit_and_test(request: Request, data: Prepared, shelf: Shelf) -> Findings:
    """Fit and test all models that are asked for; folds that are finished are taken from the shelf.

    Raises:
        TooShortError: There are too few sessions for the final check; nothing was fitted.
        NotLeftOutError: A model without a block scores as the whole one does.
    """
    learner, samples = request.learner, data.samples
    finished = sum(shelf.has(learner, fold) for fold in data.folds)
    progress = Counter(Progress("train"), request.parts(data, finished))
    result = trial.run(learner, samples, data.folds, progress, shelf.walk)
    bundle = _bundle(learner.refit(samples, result.models, progress), data, result)
    checked = final_check.check(learner, samples, request.final, progress) if request.final else None
    ablated = ablations.run(request.less, samples, result, progress, shelf.walk) if request.less else None
    return Findings(result, bundle, checked, ablated, _held_out(samples, result))


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


def _slopes(tested: Samples, scores: Float64s) -> tuple[float, ...]:
    return tuple(slope(scores[:, i], tested.returns[:, i], tested.bounds) for i in range(len(HORIZONS)))
