"""The trials of a search for settings: fitted and scored span after span, given up where they do not look worth it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from tosho.dataset.samples import Samples
from tosho.dataset.splits import Rehearsal
from tosho.evaluation.ic import daily_ic
from tosho.models.atft.watchdog import CollapsedError
from tosho.models.base import Learner
from tosho.models.base import Progress as Told
from tosho.models.search import space, values, with_values
from tosho.models.study import Study
from tosho.models.walk import predicted
from tosho.observability.log import logger
from tosho.observability.progress import Progress

log = logger(__name__)


@dataclass(frozen=True)
class Search:
    """A study, the learner around whose settings it searches, and the spans by which they are judged."""

    study: Study
    learner: Learner
    samples: Samples
    spans: Sequence[Rehearsal]
    progress: Progress = field(default_factory=lambda: Progress("tune"))

    def run(self) -> None:
        """Make the trials that the study is short of those that it was asked for.

        Raises:
            NotFittableError: There is nothing to learn from in a span, whatever the settings.
        """
        for number in range(len(self.study.trials) + 1, self.study.asked + 1):
            log.info("Trial %d of %d: %s", number, self.study.asked, self.trial(number))
        self.progress("all trials", self._total, self._total)

    def trial(self, number: int) -> str:
        """Make one trial and return in words how it ended. Its score is the mean over the spans."""
        trial = self.study.begin(space(self.learner), values(self.learner))
        learner, scores = with_values(self.learner, trial.params), list[float]()
        for part, span in enumerate(self.spans, 1):
            try:
                scores.append(score(learner, self.samples, span, partial(self._tell, number, part)))
            except CollapsedError as error:  # what these settings lead to, and no reason to try no others
                self.study.give_up(trial)
                return f"given up. {error}"
            trial.report(float(np.mean(scores)), part)
            if part < len(self.spans) and trial.should_prune():
                self.study.give_up(trial)
                return f"pruned with rank IC {np.mean(scores):.4f} after {part} of {len(self.spans)} spans."
        self.study.end(trial, float(np.mean(scores)))
        return f"rank IC {np.mean(scores):.4f}; the best is {self.study.best.value:.4f}."

    @property
    def _total(self) -> int:
        return self.study.asked * len(self.spans)

    def _tell(self, number: int, part: int, what: str) -> None:
        done = (number - 1) * len(self.spans) + part - 1
        self.progress(f"trial {number}, span {part}, {what}", done, self._total)


def score(learner: Learner, samples: Samples, span: Rehearsal, told: Told) -> float:
    """Return the mean rank IC over a span's validation sessions and all horizons.

    Where a model gives all codes one score, its rank IC is 0, so that saying nothing earns nothing.
    """
    train, validation = (samples.between(part.first, part.last) for part in span)
    model = learner.fit(train, validation, told)
    seen, scores = predicted(model, samples, span.validation.first, span.validation.last)
    return float(np.nan_to_num(daily_ic(scores, seen).rank).mean())
