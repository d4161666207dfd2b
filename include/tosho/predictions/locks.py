"""A lock on a local file, freed by the kernel when its holder ends in whatever way."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tosho.predictions.engine import StoreBusyError

POLL_S = 0.05


@contextmanager
def file_lock(path: Path, bound_s: float, taken: str) -> Iterator[None]:
    """Hold a file's lock for a block; threads of one process exclude each other too.

    Raises:
        StoreBusyError: Still taken after `bound_s` seconds; the sentence begins with `taken`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + bound_s
    with path.open("a") as file:
        while not _try(file.fileno()):
            if time.monotonic() >= until:
                raise StoreBusyError(busy(taken, bound_s))
            time.sleep(POLL_S)
        yield


def busy(taken: str, bound_s: float) -> str:
    """Return the sentence of a lock that could not be had."""
    return (
        f"{taken}, and was not done after {bound_s:g} s. Wait for that run to end, or end it, and run the task again."
    )


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
