"""What each block of a model adds: the same folds are walked without it, and the rank IC that is lost is the gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from tosho.contracts import HORIZONS
from tosho.dataset.samples import Samples
from tosho.dataset.splits import Fold
from tosho.evaluation.ic import DailyIC, daily_ic
from tosho.evaluation.paired import Paired, gains
from tosho.models.base import Ablatable, Learner, Progress
from tosho.models.walk import Walk, Walked, stacked, walk
from tosho.steps.trial import Trial


class NoSuchBlockError(ValueError):
    """A model was to be trained without a block that it does not have."""


class NotLeftOutError(ValueError):
    """A model that was to be without a block is in truth the whole one."""


@dataclass(frozen=True)
class Ablations:
    """The daily rank IC of a whole model and, by what is left out, that of the model without it; the same sessions."""

    whole: DailyIC
    without: Mapping[str, DailyIC]

    def gains(self) -> dict[str, Paired]:
        """Return what each block adds, with its t."""
        return gains(self.whole, self.without)

    def metrics(self) -> dict[str, float]:
        """Return each block's gain and its t under the names by which a run logs them; NaN where there is no t."""
        found: dict[str, float] = {}
        for name, gain in self.gains().items():
            spans = {"overall": gain.overall} | {f"h{h:02d}": e for h, e in zip(HORIZONS, gain.by_horizon, strict=True)}
            for span, told in spans.items():
                found |= {f"gain_{name.lower()}_{span}": told.mean, f"t_gain_{name.lower()}_{span}": told.t}
        return found

    def summary(self) -> dict[str, object]:
        """Return each block's gain over all horizons in short, as plain JSON; what cannot be told is null."""
        overall = {name: gain.overall for name, gain in self.gains().items()}
        return {
            name: {"gain": _known(found.mean, 5), "t": _known(found.t, 2), "sessions": found.sessions}
            for name, found in overall.items()
        }


def without(learner: Learner, blocks: Sequence[str]) -> dict[str, Learner]:
    """Return the learner without each of these blocks, by what is left out.

    Raises:
        NoSuchBlockError: The learner does not offer to leave one of them out.
    """
    offered = learner.ablations() if isinstance(learner, Ablatable) else {}
    if missing := [block for block in blocks if block not in offered]:
        raise NoSuchBlockError(
            f"Ablations were asked for: a model of kind {learner.kind!r} without {', '.join(missing)}. The blocks that "
            f"it can be trained without are: {', '.join(offered) or 'none'}. Ask for a model of kind 'atft', or for no "
            "ablations."
        )
    return {block: offered[block] for block in blocks}


def parts(less: Mapping[str, Learner], folds: Sequence[Fold]) -> int:
    """Return how often walking the folds with these learners tells its progress."""
    return sum(learner.parts for learner in less.values()) * len(folds)


def run(
    less: Mapping[str, Learner], samples: Samples, whole: Trial, progress: Progress, walked: Walk = walk
) -> Ablations:
    """Return what the learners find on the folds of the whole model's trial. `walked` may know some that are finished.

    Raises:
        NotLeftOutError: One of them scores as the whole model does, to the last bit.
    """
    folds = [part.fold for part in whole.parts]
    found = {
        name: _daily(name, tuple(walked(each, samples, folds, _told(progress, name))), whole)
        for name, each in less.items()
    }
    return Ablations(whole.daily, found)


def _told(progress: Progress, name: str) -> Progress:
    return lambda what: progress(f"without {name}, {what}")


def _daily(name: str, parts: Sequence[Walked], whole: Trial) -> DailyIC:
    tested, scores = stacked(parts)
    if np.array_equal(scores, whole.scores):
        raise NotLeftOutError(
            f"The model was trained without {name}, and each of its {len(scores)} scores is that of the whole model: "
            "the block was not left out, and its gain would be told as zero. See what the learner's `ablations` gives."
        )
    return daily_ic(scores, tested)


def _known(value: float, digits: int) -> float | None:
    return round(value, digits) if isfinite(value) else None
