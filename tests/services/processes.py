"""Which processes of this machine belong to a local installation, whoever started them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from tosho.observability.progress import VARIABLE


def belonging_to(home: Path) -> list[str]:
    """Return the command lines of living processes that carry an installation's mark in their environment.

    A process that gives itself a title may overwrite its environment: who knows its PID asks whether that is `alive`.
    """
    mark = str(home / "progress.json")
    return _commands(lambda process: process.environ().get(VARIABLE) == mark)


def of_group(leader: int) -> list[str]:
    """Return the command lines of living processes of a process group."""
    return _commands(lambda process: os.getpgid(process.pid) == leader)


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Return those of some processes that have not ended."""
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def _commands(wanted: Callable[[psutil.Process], bool]) -> list[str]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):  # it went meanwhile
            if wanted(process) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found
