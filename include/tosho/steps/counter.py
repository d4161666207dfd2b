"""How far a training is: a learner's sentences as progress."""

from __future__ import annotations

from tosho.observability.log import logger
from tosho.observability.progress import Progress

log = logger(__name__)


class Counter:
    """Turns a learner's sentences into progress of a known length, and logs them."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._done, self._total = progress, 0, total

    def __call__(self, what: str) -> None:
        """Take note of one part more that is done."""
        self._done += 1
        log.info("%s", what)
        self._progress(what, self._done, max(self._total, self._done))
