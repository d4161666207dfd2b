"""How a command line of this folder runs: its result as one line of JSON, its failure as one sentence and a status."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import get_args

from tosho.config import Settings
from tosho.models.atft.settings import Size
from tosho.models.kinds import KINDS
from tosho.observability.log import log_to_stderr

SAME_AGAIN = 3
"""Exit status when another try gives the same: the data, the settings or the model are not as they must be."""

MAY_PASS = 1
"""Exit status when another try may succeed: a disk, a network, a server."""


def over_a_range(description: str | None) -> argparse.ArgumentParser:
    """Return the arguments of what learns from a range of sessions: which, of what kind and size, on which set."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=date.fromisoformat, required=True, help="first session, an ISO date")
    parser.add_argument("--last", type=date.fromisoformat, required=True, help="last session whose data may be used")
    parser.add_argument("--model", choices=KINDS, default="lightgbm", help="which kind")
    parser.add_argument("--set", help="feature set; that of the settings if not given")
    parser.add_argument("--dataset", default="", help="map these rows (build_dataset.py --as rows); else assemble them")
    parser.add_argument("--size", choices=get_args(Size), default="auto", help="of atft: auto is full on a GPU alone")
    return parser


def settings_of(asked: argparse.Namespace) -> Settings:
    """Return the settings with the feature set that was asked for."""
    settings = Settings.from_environment()
    return replace(settings, feature_set=asked.set or settings.feature_set)


def run(work: Callable[[], dict[str, object]]) -> int:
    """Do the work, print what it returns last on standard output, and return the exit status.

    What Tosho raises is a sentence and needs no traceback. An error of another's making keeps its own.
    """
    log_to_stderr()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # PID 1 of a container has no handler of its own
    try:
        result = work()
    except (ValueError, LookupError) as error:
        return _failed(error, SAME_AGAIN)
    except OSError as error:
        return _failed(error, MAY_PASS)
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def _failed(error: Exception, status: int) -> int:
    sentence = " ".join(str(error).split())
    if not type(error).__module__.startswith("tosho."):
        sentence = f"{type(error).__name__}: {sentence}"
        if not isinstance(error, OSError):  # a fault in the program: where it happened is what helps
            traceback.print_exc()
    sys.stderr.write(f"{sentence}\n")
    return status
