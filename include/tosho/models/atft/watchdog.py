"""The variance watchdog: predictions that have collapsed to a constant end the training, with a reason."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tosho.contracts import HORIZONS
from tosho.models.atft.settings import Watch
from tosho.observability.log import logger

log = logger(__name__)


class CollapsedError(ValueError):
    """The predictions of a horizon have become a constant."""


class Watchdog:
    """Keeps a moving average of std(prediction) / std(target) for each horizon."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.restarts = 0
        self._begin()

    def check(self, ratios: Sequence[float], step: int) -> bool:
        """Look at one session's ratios, by horizon, and return whether the heads are to be drawn anew.

        A ratio that is NaN (a horizon without labels) is passed over.

        Raises:
            CollapsedError: A horizon's average was below the floor as often in a row as is allowed.
        """
        self.seen += 1
        if self.seen <= self._watch.warm_up:
            return False
        for i, ratio in enumerate(ratios):
            if not math.isnan(ratio):
                self._look(i, ratio)
        worst = max(range(len(self.below)), key=self.below.__getitem__)
        if self.below[worst] < self._watch.patience:
            return False
        return self._collapsed(worst, step)

    def state(self) -> dict[str, object]:
        """Return what a resumed training has to know."""
        return {"restarts": self.restarts, "seen": self.seen, "averages": self.averages, "below": self.below}

    def restore(self, state: dict[str, object]) -> None:
        """Go on from what `state` gave."""
        self.__dict__.update(state)

    def _begin(self) -> None:
        self.seen = 0
        self.averages = [math.nan] * len(HORIZONS)
        self.below = [0] * len(HORIZONS)

    def _look(self, i: int, ratio: float) -> None:
        decay, before = self._watch.decay, self.averages[i]
        self.averages[i] = ratio if math.isnan(before) else decay * before + (1 - decay) * ratio
        self.below[i] = self.below[i] + 1 if self.averages[i] < self._watch.floor else 0

    def _collapsed(self, i: int, step: int) -> bool:
        found = (
            f"At step {step} the scores of horizon {HORIZONS[i]} spread {self.averages[i]:.3g} times as wide as the "
            f"targets, on average; the bound is {self._watch.floor:g} and was missed {self.below[i]} times in a row."
        )
        if self._watch.then == "fail" or self.restarts:
            again = " The heads had been drawn anew before." if self.restarts else ""
            raise CollapsedError(
                f"{found}{again} The model predicts a constant and was not kept: lower the learning rate, or look at "
                "the features."
            )
        log.warning("%s The heads are drawn anew, once.", found)
        self.restarts += 1
        self._begin()
        return True
