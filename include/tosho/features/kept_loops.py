"""The folder in which compiled loops are kept: `NUMBA_CACHE_DIR` or, when that is not set, `compiled` among the user's
caches (`$XDG_CACHE_HOME/tosho`, `~/.cache/tosho`).

It is code, so the folder must be this user's or root's, and closed to others. Where there is none, each process
compiles anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from functools import cache
from pathlib import Path
from typing import IO, Final

from tosho.config import caches
from tosho.observability.log import logger

_OTHERWISE: Final = "Name another folder in NUMBA_CACHE_DIR"
PATIENCE: Final = 180
"""Seconds that a process waits for another that compiles. A loop takes a few, all of them some forty."""

_ASK_EVERY = 0.01
_given_up: set[Path] = set()
_log = logger(__name__)


@cache
def folder(rules: str) -> Path | None:
    """Return the folder of what some rules compiled, made if need be; None, and a warning, where none can be used."""
    try:
        found = named() / hashlib.sha256(rules.encode()).hexdigest()[:8]
        caches.made_private(found, _OTHERWISE)
        tempfile.TemporaryFile(dir=found).close()
    except OSError as error:
        _log.warning("Compiled loops are not kept; each process compiles them anew, in about ten seconds. %s", error)
        return None
    return found


def named() -> Path:
    """Return the folder of all rules, which need not be there.

    Raises:
        NoFolderError: `NUMBA_CACHE_DIR` is not set, and the user has no home.
    """
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen).absolute()
    return caches.users_own("compiled", _OTHERWISE)


@contextmanager
def alone_in(kept: Path) -> Iterator[None]:
    """Use a folder, one process after the other: the second finds what the first compiled.

    Who has waited for `PATIENCE` seconds goes on without: two that compile the same harm no one, and one that was
    stopped in the middle would hold up all others for good.
    """
    with (kept / "lock").open("a") as lock:
        if kept not in _given_up and not _held(lock, PATIENCE):
            _given_up.add(kept)
            _log.warning(
                "Another process has used %s for %d seconds; compiled loops are looked for there without waiting for "
                "it any longer. See who holds %s.", kept, PATIENCE, lock.name,
            )  # fmt: skip
        yield


def _held(lock: IO[str], seconds: float) -> bool:
    """Tell whether a lock could be had within some seconds."""
    until = time.monotonic() + seconds
    while True:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(_ASK_EVERY)
        else:
            return True
