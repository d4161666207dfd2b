"""How far long work has come: a line in the log now and then, and a small file for whoever watches."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from tosho.observability.log import logger

_log = logger(__name__)
VARIABLE = "TOSHO_PROGRESS"
"""Names the file that receives the latest state, when somebody watches."""


@dataclass
class Progress:
    """Tell how far a stage is: `progress(what, done, total)`. It speaks every `every` seconds and at the end."""

    stage: str
    every: float = 5.0
    _spoke: float = field(default=-math.inf, repr=False)  # the clock may have begun a minute ago

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note that `done` of `total` are done, the latest being `what`."""
        now = time.monotonic()
        if done < total and now - self._spoke < self.every:
            return
        self._spoke = now
        _log.info("%s: %d of %d, %s", self.stage, done, total, what)
        if target := os.environ.get(VARIABLE):
            _replace(Path(target), {"stage": self.stage, "what": what, "done": done, "total": total})


def latest(path: Path) -> dict[str, object]:
    """Return the state last written to a progress file; empty when there is none."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _replace(path: Path, state: dict[str, object]) -> None:
    waiting = path.with_suffix(f".{os.getpid()}.tmp")
    waiting.write_text(json.dumps(state))
    waiting.replace(path)
